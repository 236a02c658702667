import Gyre
