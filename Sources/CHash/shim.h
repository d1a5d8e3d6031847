#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

/// The 64-bit XXH3 hash of `length` bytes under `seed`.
static inline uint64_t tsdb_hash64(const void *bytes, size_t length, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, length, seed);
}

/// The 128-bit XXH3 hash of `length` bytes under `seed`.
static inline XXH128_hash_t tsdb_hash128(const void *bytes, size_t length, uint64_t seed) {
  return XXH3_128bits_withSeed(bytes, length, seed);
}

#if defined(__x86_64__)

/// Whether this machine has the CRC32C instruction.
static inline bool tsdb_crc32c_has_instruction(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") != 0;
}

/// Carries the inverted checksum `state` over `length` bytes.
/// To be called only where the machine has the instruction.
__attribute__((target("crc32,sse4.2"))) static inline uint32_t
tsdb_crc32c_instruction(uint32_t state, const void *bytes, size_t length) {
  const unsigned char *place = (const unsigned char *)bytes;
  uint64_t wide = state;
  for (; length >= 8; length -= 8, place += 8) {
    uint64_t word;
    memcpy(&word, place, sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  uint32_t narrow = (uint32_t)wide;
  for (; length > 0; --length, ++place) narrow = __builtin_ia32_crc32qi(narrow, *place);
  return narrow;
}

#else

static inline bool tsdb_crc32c_has_instruction(void) { return false; }

static inline uint32_t tsdb_crc32c_instruction(uint32_t state, const void *bytes, size_t length) {
  (void)bytes;
  (void)length;
  return state;
}

#endif
