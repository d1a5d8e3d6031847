import SeriesModel

extension Labels {
  /// The hash by which Prometheus knows a label set, so that `limit_ratio`
  /// chooses the same series.
  ///
  /// It is XXH64 over each name and value, either with its length before it:
  /// one byte, or 255 and three bytes from 255 on.
  var prometheusHash: UInt64 {
    var bytes: [UInt8] = []
    forEachBytes { name, value in
      appendWithLength(name, to: &bytes)
      appendWithLength(value, to: &bytes)
    }
    return hash64(bytes)
  }
}

private func appendWithLength(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
  if text.count < 255 {
    bytes.append(UInt8(text.count))
  } else {
    bytes.append(255)
    for shift in [0, 8, 16] { bytes.append(UInt8(truncatingIfNeeded: text.count >> shift)) }
  }
  for index in 0..<text.count { bytes.append(text[index]) }
}

/// XXH64 with the seed 0.
///
/// Source: Collet, "xxHash fast digest algorithm", format description 0.1.1
/// (2018), section "XXH64".
func hash64(_ bytes: [UInt8]) -> UInt64 {
  var place = 0
  var hash: UInt64
  if bytes.count >= 32 {
    var lanes = [prime1 &+ prime2, prime2, 0, 0 &- prime1]
    while place + 32 <= bytes.count {
      for lane in lanes.indices {
        lanes[lane] = round(lanes[lane], word(bytes, at: place, byteCount: 8))
        place += 8
      }
    }
    hash =
      rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
    for lane in lanes {
      hash = (hash ^ round(0, lane)) &* prime1 &+ prime4
    }
  } else {
    hash = prime5
  }
  hash &+= UInt64(bytes.count)
  while place + 8 <= bytes.count {
    hash ^= round(0, word(bytes, at: place, byteCount: 8))
    hash = rotate(hash, 27) &* prime1 &+ prime4
    place += 8
  }
  if place + 4 <= bytes.count {
    hash ^= word(bytes, at: place, byteCount: 4) &* prime1
    hash = rotate(hash, 23) &* prime2 &+ prime3
    place += 4
  }
  while place < bytes.count {
    hash ^= UInt64(bytes[place]) &* prime5
    hash = rotate(hash, 11) &* prime1
    place += 1
  }
  hash = (hash ^ (hash >> 33)) &* prime2
  hash = (hash ^ (hash >> 29)) &* prime3
  return hash ^ (hash >> 32)
}

private let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
private let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
private let prime3: UInt64 = 0x1656_67B1_9E37_79F9
private let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
private let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

private func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
  word << count | word >> (64 - count)
}

private func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
  rotate(lane &+ input &* prime2, 31) &* prime1
}

/// The little-endian number of `byteCount` bytes at `place`.
private func word(_ bytes: [UInt8], at place: Int, byteCount: Int) -> UInt64 {
  var word: UInt64 = 0
  for index in 0..<byteCount {
    word |= UInt64(bytes[place + index]) << UInt64(8 * index)
  }
  return word
}
