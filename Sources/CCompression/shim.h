#pragma once
#include <libdeflate.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

/// Begins to inflate gzip members. The initialiser is a macro in zlib.
static inline int tsdb_inflate_gzip_begin(z_stream *stream) {
  return inflateInit2(stream, 15 + 16);
}

/// Begins to deflate one gzip member.
static inline int tsdb_deflate_gzip_begin(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
