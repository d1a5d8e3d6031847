#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled regular expression. Matching is safe from several threads.
typedef struct tsdb_re2 tsdb_re2;

/// Why an expression did not compile.
enum tsdb_re2_failure {
  TSDB_RE2_NO_FAILURE,
  TSDB_RE2_MALFORMED,
  TSDB_RE2_TOO_COMPLEX,
  TSDB_RE2_NO_MEMORY,
};

/// Compiles `source`, with a dot that matches newlines.
///
/// Returns null on failure: then `failure` says why, and up to `capacity` bytes
/// of RE2's words are in `message`, the rest of it zeros.
tsdb_re2 *tsdb_re2_create(const char *source, size_t length, int64_t memory_limit, bool captures,
                          enum tsdb_re2_failure *failure, char *message, size_t capacity);

void tsdb_re2_destroy(tsdb_re2 *expression);

/// Whether the expression matches all of `text`.
bool tsdb_re2_matches(const tsdb_re2 *expression, const char *text, size_t length);

/// How many groups the expression has, the whole not counted.
int tsdb_re2_group_count(const tsdb_re2 *expression);

/// The number of the group named by `name`, -1 if there is none.
int tsdb_re2_group_number(const tsdb_re2 *expression, const char *name, size_t length);

/// As `tsdb_re2_matches`, and writes the offsets at which the first
/// `group_count` groups begin and end, the whole being the first: a pair a
/// group, -1 for a group without a match.
bool tsdb_re2_capture(const tsdb_re2 *expression, const char *text, size_t length,
                      ptrdiff_t *offsets, int group_count);

/// The offset of the first `part` in `text`, -1 if there is none; in linear
/// time.
ptrdiff_t tsdb_find(const void *text, size_t length, const void *part, size_t part_length);

#ifdef __cplusplus
}
#endif
