#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Reads a decimal number without a sign, already known to be well formed.
/// Returns the nearest double, ties to even: infinity if it is too large.
double tsdb_parse_decimal(const char *text, size_t length);

/// Writes the shortest digits that read back as `magnitude`, which is finite
/// and not negative, and the decimal exponent of the first digit.
/// Returns how many of the 17 places of `digits` were used.
int tsdb_shortest_digits(double magnitude, char *digits, int *exponent);

/// Writes the shortest text without an exponent that reads back as `value`, at
/// most 28 characters, and returns its length. For values from 1e-6 up to 2^53
/// in magnitude.
int tsdb_shortest_fixed(double value, char *text);

#ifdef __cplusplus
}
#endif
