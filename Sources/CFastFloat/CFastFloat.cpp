#include "CFastFloat.h"

#include <charconv>
#include <fast_float/fast_float.h>

double tsdb_parse_decimal(const char *text, size_t length) {
  double value = 0;
  fast_float::from_chars(text, text + length, value);
  return value;
}

int tsdb_shortest_digits(double magnitude, char *digits, int *exponent) {
  // The longest text is "d.dddddddddddddddde-ddd": 23 characters.
  char text[32];
  const char *end =
      std::to_chars(text, text + sizeof text, magnitude, std::chars_format::scientific).ptr;
  int count = 0;
  const char *place = text;
  for (; *place != 'e'; ++place) {
    if (*place != '.') digits[count++] = *place;
  }
  ++place;
  // from_chars takes a minus but no plus.
  if (*place == '+') ++place;
  std::from_chars(place, end, *exponent);
  return count;
}

int tsdb_shortest_fixed(double value, char *text) {
  return static_cast<int>(
      std::to_chars(text, text + 28, value, std::chars_format::fixed).ptr - text);
}
