import Testing

@testable import Gyre
