import SeriesModel

/// Builds protobuf messages byte by byte, sound ones and others.
package struct ProtobufWriter: Sendable {
  /// The message so far.
  package var bytes: [UInt8] = []

  /// Creates an empty message.
  package init() {}

  /// Appends an integer as it stands.
  package mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Appends a tag.
  package mutating func tag(_ field: Int, wireType: UInt8) {
    varint(UInt64(field) << 3 | UInt64(wireType))
  }

  /// Appends an integer field.
  package mutating func integer(_ field: Int, _ value: UInt64) {
    tag(field, wireType: 0)
    varint(value)
  }

  /// Appends a double field.
  package mutating func double(_ field: Int, _ value: Double) {
    tag(field, wireType: 1)
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
    }
  }

  /// Appends a field of bytes.
  package mutating func content(_ field: Int, _ content: [UInt8]) {
    tag(field, wireType: 2)
    varint(UInt64(content.count))
    bytes += content
  }

  /// Appends a string field.
  package mutating func string(_ field: Int, _ text: String) {
    content(field, Array(text.utf8))
  }

  /// Appends a message field.
  package mutating func message(_ field: Int, _ build: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    build(&inner)
    content(field, inner.bytes)
  }
}

/// Builds remote write 1.0 requests, before compression.
package struct RemoteWriteEncoder: Sendable {
  private var writer = ProtobufWriter()

  /// Creates an empty request.
  package init() {}

  /// The request so far.
  package var bytes: [UInt8] { writer.bytes }

  /// Appends a series with its labels in the order given, sound or not.
  package mutating func series(
    labels: [(String, String)], samples: [(Int64, Double)], exemplarCount: Int = 0,
    histogramCount: Int = 0
  ) {
    writer.message(1) { series in
      for (name, value) in labels {
        series.message(1) {
          $0.string(1, name)
          $0.string(2, value)
        }
      }
      for (timestamp, value) in samples {
        series.message(2) {
          // Proto3 leaves out what is zero.
          if value.bitPattern != 0 { $0.double(1, value) }
          if timestamp != 0 { $0.integer(2, UInt64(bitPattern: timestamp)) }
        }
      }
      for _ in 0..<exemplarCount {
        series.message(3) {
          $0.message(1) {
            $0.string(1, "trace_id")
            $0.string(2, "abc")
          }
          $0.double(2, 1)
        }
      }
      for _ in 0..<histogramCount {
        series.message(4) { $0.integer(1, 3) }
      }
    }
  }

  /// Appends a series.
  package mutating func series(_ labels: Labels, samples: [(Int64, Double)]) {
    series(labels: labels.map { ($0.name, $0.value) }, samples: samples)
  }

  /// Appends a metadata entry.
  package mutating func metadata(_ family: String, typeCode: UInt64, help: String, unit: String) {
    writer.message(3) {
      $0.integer(1, typeCode)
      $0.string(2, family)
      $0.string(4, help)
      $0.string(5, unit)
    }
  }

  /// Appends bytes as they stand.
  package mutating func raw(_ bytes: [UInt8]) {
    writer.bytes += bytes
  }
}
