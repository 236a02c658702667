// The cheapest wake of a parked thread that C has here, to compare with.
#pragma once

// Two threads that wake each other in turn, each by a write to the other's eventfd(2) and a read from its own that blocks.
// Each thread is woken `rounds` times. 0, or an error number.
int chop_eventfd_pair(long rounds);

// Nanoseconds of processor time that this process has used, user and system. getrusage(2)
long chop_cpu_time(void);
