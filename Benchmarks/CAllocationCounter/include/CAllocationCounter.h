#pragma once
#include <stdbool.h>
#include <stdint.h>

/// Starts or stops the counting of allocations, in all threads.
void tsdb_count_allocations(bool counts);

/// Returns how many allocations were counted since the process began.
uint64_t tsdb_allocation_count(void);
