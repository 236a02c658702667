// What the measurement of hops needs of C.
#pragma once

#include <stdint.h>

// The calling thread, which stays on `core`, and another one wake each other in turn: by a write to the other's eventfd(2)
// and a read from the own one that blocks. It is the cheapest wake of a parked thread that C has here. Each thread is woken
// `rounds` times. 0, or an error number.
int chop_eventfd_pair(long rounds, int core, int other_core);

// The calling thread. Not pthread_self(3) itself: in Swift its value could outlive a suspension, after which the thread may
// be another one.
uintptr_t chop_thread(void);
