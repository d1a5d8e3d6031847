#pragma once

#include <malloc.h>

// glibc's mallopt, which Swift's Glibc module does not have.
static inline int tsdb_limit_arenas(int count) { return mallopt(M_ARENA_MAX, count); }
