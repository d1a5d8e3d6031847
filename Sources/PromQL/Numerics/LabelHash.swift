import Numbers
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
    return unsafe xxHash64(bytes.span.bytes)
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
