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

  /// Appends a field of type `sint32` or `sint64`.
  package mutating func signed(_ field: Int, _ value: Int64) {
    integer(field, ProtobufWriter.zigZag(value))
  }

  /// Appends a packed field of integers.
  package mutating func packed(_ field: Int, _ integers: [UInt64]) {
    var inner = ProtobufWriter()
    for integer in integers { inner.varint(integer) }
    content(field, inner.bytes)
  }

  /// Appends a packed field of type `sint64`.
  package mutating func packed(_ field: Int, signed integers: [Int64]) {
    packed(field, integers.map(ProtobufWriter.zigZag))
  }

  /// Appends a packed field of doubles.
  package mutating func packed(_ field: Int, _ doubles: [Double]) {
    content(
      field,
      doubles.flatMap { double in
        (0..<8).map { UInt8(truncatingIfNeeded: double.bitPattern >> (8 * UInt64($0))) }
      })
  }

  private static func zigZag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: value << 1 ^ value >> 63)
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
    histograms: [HistogramFields] = []
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
      for histogram in histograms { series.message(4, histogram.encode) }
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

/// The fields of the message `Histogram` of remote write, sound or not.
package struct HistogramFields: Sendable {
  /// Integer counts; nil for floating-point ones.
  package var integerCount: UInt64?
  /// Floating-point counts; nil for integer ones.
  package var floatCount: Double?
  package var sum = 0.0
  package var schema: Int64 = 0
  package var zeroThreshold = 0.0
  package var integerZeroCount: UInt64 = 0
  package var floatZeroCount = 0.0
  package var negativeSpans: [(offset: Int64, length: UInt64)] = []
  package var negativeDeltas: [Int64] = []
  package var negativeCounts: [Double] = []
  package var positiveSpans: [(offset: Int64, length: UInt64)] = []
  package var positiveDeltas: [Int64] = []
  package var positiveCounts: [Double] = []
  package var resetHint: UInt64 = 0
  package var timestamp: Int64 = 0
  package var customBounds: [Double] = []
  package var startTimestamp: Int64 = 0

  /// Creates an empty histogram, which has no counts of either kind.
  package init(_ change: (inout HistogramFields) -> Void = { _ in }) {
    change(&self)
  }

  fileprivate func encode(into writer: inout ProtobufWriter) {
    if let integerCount { writer.integer(1, integerCount) }
    if let floatCount { writer.double(2, floatCount) }
    if sum.bitPattern != 0 { writer.double(3, sum) }
    if schema != 0 { writer.signed(4, schema) }
    if zeroThreshold != 0 { writer.double(5, zeroThreshold) }
    if integerZeroCount != 0 { writer.integer(6, integerZeroCount) }
    if floatZeroCount != 0 { writer.double(7, floatZeroCount) }
    encode(negativeSpans, 8, into: &writer)
    if negativeDeltas.isEmpty == false { writer.packed(9, signed: negativeDeltas) }
    if negativeCounts.isEmpty == false { writer.packed(10, negativeCounts) }
    encode(positiveSpans, 11, into: &writer)
    if positiveDeltas.isEmpty == false { writer.packed(12, signed: positiveDeltas) }
    if positiveCounts.isEmpty == false { writer.packed(13, positiveCounts) }
    if resetHint != 0 { writer.integer(14, resetHint) }
    if timestamp != 0 { writer.integer(15, UInt64(bitPattern: timestamp)) }
    if customBounds.isEmpty == false { writer.packed(16, customBounds) }
    if startTimestamp != 0 { writer.integer(17, UInt64(bitPattern: startTimestamp)) }
  }

  private func encode(
    _ spans: [(offset: Int64, length: UInt64)], _ field: Int, into writer: inout ProtobufWriter
  ) {
    for span in spans {
      writer.message(field) {
        if span.offset != 0 { $0.signed(1, span.offset) }
        if span.length != 0 { $0.integer(2, span.length) }
      }
    }
  }
}

/// Builds remote write 2.0 requests, before compression.
package struct RemoteWriteV2Encoder: Sendable {
  /// A sample with the time at which its counter began, or 0.
  package struct Sample: Sendable {
    package var timestamp: Int64
    package var value: Double
    package var startTimestamp: Int64

    /// Creates a sample.
    package init(_ timestamp: Int64, _ value: Double, start: Int64 = 0) {
      self.timestamp = timestamp
      self.value = value
      startTimestamp = start
    }
  }

  private var symbols = [""]
  private var writer = ProtobufWriter()

  /// Creates an empty request.
  package init() {}

  /// The request so far, the symbols in front.
  package var bytes: [UInt8] {
    var message = ProtobufWriter()
    for symbol in symbols { message.string(4, symbol) }
    return message.bytes + writer.bytes
  }

  /// The series before the symbols.
  package var bytesWithSymbolsBehind: [UInt8] {
    var message = ProtobufWriter()
    for symbol in symbols { message.string(4, symbol) }
    return writer.bytes + message.bytes
  }

  /// The reference to a text, which becomes a symbol.
  package mutating func reference(_ text: String) -> UInt64 {
    if let known = symbols.firstIndex(of: text) { return UInt64(known) }
    symbols.append(text)
    return UInt64(symbols.count - 1)
  }

  /// Appends a series whose labels are at `references`.
  package mutating func series(
    references: [UInt64], samples: [Sample] = [], histograms: [HistogramFields] = [],
    exemplarReferences: [[UInt64]] = [], metadata: (type: UInt64, help: String, unit: String)? = nil
  ) {
    let texts = metadata.map { (reference($0.help), reference($0.unit)) }
    writer.message(5) { series in
      series.packed(1, references)
      for sample in samples {
        series.message(2) {
          if sample.value.bitPattern != 0 { $0.double(1, sample.value) }
          if sample.timestamp != 0 { $0.integer(2, UInt64(bitPattern: sample.timestamp)) }
          if sample.startTimestamp != 0 {
            $0.integer(3, UInt64(bitPattern: sample.startTimestamp))
          }
        }
      }
      for histogram in histograms { series.message(3, histogram.encode) }
      for references in exemplarReferences {
        series.message(4) {
          $0.packed(1, references)
          $0.double(2, 1)
        }
      }
      if let metadata, let texts {
        series.message(5) {
          if metadata.type != 0 { $0.integer(1, metadata.type) }
          $0.integer(3, texts.0)
          $0.integer(4, texts.1)
        }
      }
    }
  }

  /// Appends a series.
  package mutating func series(
    _ labels: Labels, samples: [Sample] = [], histograms: [HistogramFields] = [],
    exemplars: [Labels] = [], metadata: (type: UInt64, help: String, unit: String)? = nil
  ) {
    series(
      references: references(labels), samples: samples, histograms: histograms,
      exemplarReferences: exemplars.map { references($0) }, metadata: metadata)
  }

  private mutating func references(_ labels: Labels) -> [UInt64] {
    var references: [UInt64] = []
    for label in labels { references += [reference(label.name), reference(label.value)] }
    return references
  }
}
