/// Why bytes could not be decompressed.
package enum CompressionError: Error, Equatable, Sendable {
  /// The bytes do not begin as the format does.
  case wrongHeader(CompressionFormat)
  /// The bytes end before the data does.
  case truncated(CompressionFormat)
  /// The data contradicts itself or its checksum.
  case corrupted(CompressionFormat)
  /// The data has, or declares, more than `limit` bytes.
  case limitExceeded(CompressionFormat, limit: Int)
  /// The machine has no memory left.
  case outOfMemory
}

/// A format of compressed data.
package enum CompressionFormat: String, Sendable {
  case gzip
  case snappy
}

extension CompressionError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .wrongHeader(let format): "\(format): invalid header"
    case .truncated(let format): "\(format): unexpected end of the data"
    case .corrupted(let format): "\(format): corrupted data"
    case .limitExceeded(let format, let limit):
      "\(format): decompressed data is larger than the \(limit) bytes allowed: send smaller pieces"
    case .outOfMemory: "no memory left to compress or decompress"
    }
  }
}
