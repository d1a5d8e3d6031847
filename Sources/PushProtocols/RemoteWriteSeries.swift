import SeriesModel

/// One series of a remote write request, in memory that is used again for the
/// next one.
///
/// Shape: `timestamps[i]` and `values[i]` make one sample, in the order sent.
package struct RemoteWriteSeries: Sendable {
  /// The labels, once ``RemoteWriteRequest/readLabels(of:)`` was called; empty
  /// when they are refused.
  package internal(set) var labels = Labels()
  /// Why the labels are refused, or nil.
  package internal(set) var problem: LabelProblem?
  /// The refused labels as text for people, at most some 200 bytes long; empty
  /// when nothing is refused, or another series of the request was before.
  package internal(set) var refusedText = ""
  /// Milliseconds since 1970-01-01T00:00Z.
  package internal(set) var timestamps: [Int64] = []
  /// The values, bit for bit as sent.
  package internal(set) var values: [Double] = []
  /// The number of exemplars; ``RemoteWriteRequest/exemplars(of:)`` reads them.
  package var exemplarCount: Int { exemplars.count }
  /// When the counters of the samples began, 0 where that is not known; empty
  /// when it is for none.
  package internal(set) var startTimestamps: [Int64] = []
  /// The native histograms that are sound, in the order sent.
  package internal(set) var histograms: [Histogram] = []
  /// The number of native histograms that are refused.
  package internal(set) var refusedHistogramCount = 0
  /// Why the first of them is.
  package internal(set) var histogramProblem: HistogramProblem?

  /// A native histogram at a moment.
  package struct Histogram: Equatable, Sendable {
    /// Milliseconds since 1970-01-01T00:00Z.
    package var timestamp: Int64
    /// When its counter began, or 0.
    package var startTimestamp: Int64
    /// The histogram.
    package var histogram: NativeHistogram

    /// Creates a histogram at a moment.
    package init(timestamp: Int64, startTimestamp: Int64 = 0, histogram: NativeHistogram) {
      self.timestamp = timestamp
      self.startTimestamp = startTimestamp
      self.histogram = histogram
    }
  }

  /// The number of samples and histograms, those refused included.
  package var sampleCount: Int { timestamps.count + histogramCount }

  var histogramCount: Int { histograms.count + refusedHistogramCount }

  /// How many samples without a histogram take as much memory.
  var sampleWeight: Int { timestamps.count + histogramWeight }

  /// The share of the histograms in ``sampleWeight``.
  var histogramWeight = 0

  /// Where the labels stand in the request, when they stand together.
  ///
  /// A sender writes the labels of a series in the same bytes each time, so the
  /// bytes may serve to find a series whose labels were read before.
  package var labelRange: Range<Int>? { fieldCount == 0 ? labelRun : nil }

  /// The labels that stand in a row before anything else.
  var labelRun = 0..<0
  /// The places of the labels in the request, in the order sent; until the
  /// labels are read, of those that stand elsewhere.
  var fields: [LabelField] = []
  /// The number of labels; beyond the limit they are counted, not kept.
  var fieldCount = 0

  /// In version 2: where in the symbols the labels are, one more than may be at
  /// most.
  var references: [UInt64] = []
  /// In version 2: what the series says of its metric family.
  var metadata: SeriesMetadataField?
  /// The histogram that is being read.
  var histogramMessage = HistogramMessage()

  /// The exemplars, their labels still in the request.
  var exemplars: [ExemplarField] = []

  /// Creates a series without content.
  package init() {}

  /// Forgets the series and keeps the memory.
  package mutating func removeAll() {
    labels = Labels()
    problem = nil
    refusedText = ""
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    exemplars.removeAll(keepingCapacity: true)
    startTimestamps.removeAll(keepingCapacity: true)
    histograms.removeAll(keepingCapacity: true)
    histogramWeight = 0
    refusedHistogramCount = 0
    histogramProblem = nil
    references.removeAll(keepingCapacity: true)
    metadata = nil
    labelRun = 0..<0
    fields.removeAll(keepingCapacity: true)
    fieldCount = 0
  }
}

/// What a series of version 2 says of its metric family.
struct SeriesMetadataField: Sendable {
  var type: UInt64 = 0
  /// Where in the symbols the texts are.
  var help: UInt64 = 0
  var unit: UInt64 = 0
}

/// An exemplar, and where its labels are in a request.
struct ExemplarField: Sendable {
  var labels: [LabelField] = []
  /// In version 2: where in the symbols the labels are.
  var references: [UInt64] = []
  var value = 0.0
  var timestamp: Int64 = 0
}

/// Where a label's name and value are in a request.
struct LabelField: Sendable {
  var name = 0..<0
  var value = 0..<0
}

extension RemoteWriteSeries {
  /// Makes ``labels`` of the fields, or says why not.
  ///
  /// - Complexity: O(*n*) in the bytes of the labels when they come sorted, as
  ///   every known sender has them.
  mutating func finishLabels(
    in bytes: Span<UInt8>, limits: LabelLimits, describesRefusal: Bool
  ) {
    problem = sortAndCheck(in: bytes, limits: limits)
    if problem != nil {
      if describesRefusal { describeLabels(in: bytes) }
      return
    }
    var encoded: [UInt8] = []
    encoded.reserveCapacity(
      fields.reduce(0) { $0 + $1.name.count + $1.value.count + 4 })
    for field in fields where field.value.isEmpty == false {
      RemoteWriteSeries.append(bytes.extracting(field.name), to: &encoded)
      RemoteWriteSeries.append(bytes.extracting(field.value), to: &encoded)
    }
    labels = Labels(trustedEncodedBytes: encoded)
  }

  /// Refuses the labels of version 2, whose references are `references`.
  mutating func refuseReferences(_ problem: LabelProblem, describesRefusal: Bool) {
    self.problem = problem
    guard describesRefusal else { return }
    let shown = references.prefix(8).map { "\($0)" } + (references.count > 8 ? ["..."] : [])
    refusedText = "series with the label references [" + shown.joined(separator: " ") + "]"
  }

  private mutating func sortAndCheck(in bytes: Span<UInt8>, limits: LabelLimits) -> LabelProblem? {
    if fieldCount > limits.maximumCount { return .tooManyLabels }
    var hasMetricName = false
    var isSorted = true
    for (index, field) in fields.enumerated() {
      if let problem = RemoteWriteSeries.check(field, in: bytes, limits: limits) { return problem }
      let name = bytes.extracting(field.name)
      if field.value.isEmpty == false, RemoteWriteSeries.isMetricName(name) { hasMetricName = true }
      if index > 0, bytes.extracting(fields[index - 1].name).compareBytes(with: name) >= 0 {
        isSorted = false
      }
    }
    if isSorted == false {
      insertionSort(in: bytes)
      for (field, next) in zip(fields, fields.dropFirst()) {
        let name = bytes.extracting(field.name)
        if name.hasSameBytes(as: bytes.extracting(next.name)) { return .duplicateName }
      }
    }
    return hasMetricName ? nil : .missingMetricName
  }

  private static func check(
    _ field: LabelField, in bytes: Span<UInt8>, limits: LabelLimits
  ) -> LabelProblem? {
    if field.name.isEmpty { return .emptyName }
    if field.name.count > limits.maximumNameBytes { return .nameTooLong }
    if field.value.count > limits.maximumValueBytes { return .valueTooLong }
    let isText = isUTF8(bytes.extracting(field.name)) && isUTF8(bytes.extracting(field.value))
    return isText ? nil : .invalidUTF8
  }

  /// Sorts the fields by name. The limit on their number bounds the work, and
  /// almost sorted fields, the only unsorted ones that occur, take little.
  private mutating func insertionSort(in bytes: Span<UInt8>) {
    for index in fields.indices.dropFirst() {
      let field = fields[index]
      let name = bytes.extracting(field.name)
      var place = index
      while place > 0, bytes.extracting(fields[place - 1].name).compareBytes(with: name) > 0 {
        fields[place] = fields[place - 1]
        place -= 1
      }
      fields[place] = field
    }
  }

  /// Makes ``refusedText``, which costs more than all else of a small series.
  private mutating func describeLabels(in bytes: Span<UInt8>) {
    let longestPart = 40
    var parts: [String] = []
    for field in fields.prefix(6) {
      let name = bytes.extracting(field.name.prefix(longestPart))
      let value = bytes.extracting(field.value.prefix(longestPart))
      parts.append(
        "\(String(decodingUTF8: name))=\(String(decodingUTF8: value).quotedForPromQL)")
      if parts.reduce(0, { $0 + $1.utf8.count }) > 160 { break }
    }
    if parts.count < fieldCount { parts.append("...") }
    refusedText = "{" + parts.joined(separator: ", ") + "}"
  }

  private static func isMetricName(_ name: Span<UInt8>) -> Bool {
    name.count == 8 && name.hasSameBytes(as: LabelName.metricName.utf8.span)
  }

  private static func isUTF8(_ text: Span<UInt8>) -> Bool {
    var seen: UInt8 = 0
    for index in text.indices { seen |= text[index] }
    if seen < 0x80 { return true }
    do {
      _ = try UTF8Span(validating: text)
      return true
    } catch {
      return false
    }
  }

  /// Appends a length and as many bytes, as ``Labels/encodedBytes`` has them.
  private static func append(_ text: Span<UInt8>, to encoded: inout [UInt8]) {
    var length = text.count
    while length >= 0x80 {
      encoded.append(UInt8(truncatingIfNeeded: length) | 0x80)
      length >>= 7
    }
    encoded.append(UInt8(length))
    // Safety: the buffer is copied before the closure returns.
    unsafe text.withUnsafeBufferPointer { unsafe encoded.append(contentsOf: $0) }
  }
}
