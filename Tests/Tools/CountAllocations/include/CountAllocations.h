// Counts the allocations of the program that it is linked into.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Calls of malloc(3) and its like so far, by any thread.
uint64_t counted_allocations(void);

// Whether they are counted. A sanitizer has an allocator of its own.
bool allocations_are_counted(void);
