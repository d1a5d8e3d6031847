#include "CRE2.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

struct tsdb_re2 {
  RE2 compiled;

  tsdb_re2(re2::StringPiece source, const RE2::Options &options) : compiled(source, options) {}
};

tsdb_re2 *tsdb_re2_create(const char *source, size_t length, int64_t memory_limit, bool captures,
                          enum tsdb_re2_failure *failure, char *message, size_t capacity) {
  try {
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_never_capture(!captures);
    options.set_log_errors(false);
    options.set_max_mem(memory_limit);
    auto expression =
        std::make_unique<tsdb_re2>(re2::StringPiece(source, length), options);
    if (expression->compiled.ok()) {
      *failure = TSDB_RE2_NO_FAILURE;
      return expression.release();
    }
    *failure = expression->compiled.error_code() == RE2::ErrorPatternTooLarge
                   ? TSDB_RE2_TOO_COMPLEX
                   : TSDB_RE2_MALFORMED;
    const std::string &words = expression->compiled.error();
    std::memset(message, 0, capacity);
    std::memcpy(message, words.data(), std::min(words.size(), capacity));
  } catch (const std::bad_alloc &) {
    *failure = TSDB_RE2_NO_MEMORY;
  }
  return nullptr;
}

void tsdb_re2_destroy(tsdb_re2 *expression) { delete expression; }

bool tsdb_re2_matches(const tsdb_re2 *expression, const char *text, size_t length) {
  return expression->compiled.Match(re2::StringPiece(text, length), 0, length, RE2::ANCHOR_BOTH,
                                    nullptr, 0);
}

int tsdb_re2_group_count(const tsdb_re2 *expression) {
  return expression->compiled.NumberOfCapturingGroups();
}

int tsdb_re2_group_number(const tsdb_re2 *expression, const char *name, size_t length) {
  const auto &groups = expression->compiled.NamedCapturingGroups();
  const auto group = groups.find(std::string(name, length));
  return group == groups.end() ? -1 : group->second;
}

bool tsdb_re2_capture(const tsdb_re2 *expression, const char *text, size_t length,
                      ptrdiff_t *offsets, int group_count) {
  std::vector<re2::StringPiece> groups(group_count);
  if (!expression->compiled.Match(re2::StringPiece(text, length), 0, length, RE2::ANCHOR_BOTH,
                                  groups.data(), group_count)) {
    return false;
  }
  for (int group = 0; group < group_count; ++group) {
    const char *begin = groups[group].data();
    offsets[2 * group] = begin ? begin - text : -1;
    offsets[2 * group + 1] =
        begin ? begin - text + static_cast<ptrdiff_t>(groups[group].size()) : -1;
  }
  return true;
}

ptrdiff_t tsdb_find(const void *text, size_t length, const void *part, size_t part_length) {
  const void *found = memmem(text, length, part, part_length);
  return found ? static_cast<const char *>(found) - static_cast<const char *>(text) : -1;
}
