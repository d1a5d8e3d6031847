import Numbers
import SeriesModel

extension TextScanner {
  /// The labels of the series whose parts ``readSeries()`` found last.
  ///
  /// - Parameters:
  ///   - type: The type of the family; bucket bounds of a histogram and
  ///     quantiles of a summary are written in one form, so that `le="1"` and
  ///     `le="1.0"` are the same series.
  ///   - scratch: Memory to reuse.
  func labels(
    type: MetricType, scratch: inout LabelScratch
  ) throws(ExpositionError) -> Labels {
    scratch.removeAll()
    guard let name = parts.name else { throw error(.missingMetricName) }
    let nameLabel = scratch.add(LabelName.metricName.utf8.span)
    scratch.labels.append((nameLabel, try unescape(name, into: &scratch)))
    for label in parts.labels {
      let name = try unescape(label.name, into: &scratch)
      var value = try unescape(label.value, into: &scratch)
      if isBoundary(scratch.bytes.span.extracting(name), type) {
        let text = String(decodingUTF8: scratch.bytes.span.extracting(value))
        value = scratch.add(canonicalBoundary(text).utf8.span)
      }
      scratch.labels.append((name, value))
    }
    scratch.sort()
    if let repeated = scratch.firstRepeatedName {
      throw error(.repeatedLabel(repeated), at: name.lowerBound)
    }
    guard let labels = scratch.encodedLabels() else {
      throw error(.oversizedLabels, at: name.lowerBound)
    }
    return labels
  }

  /// A family's name as text.
  func familyName(_ range: Range<Int>) throws(ExpositionError) -> String {
    try checkUTF8(range)
    return unescapedText(range, escapesQuotes: true)
  }

  /// A help text, in which `\\` and `\n` are escapes.
  func helpText(_ range: Range<Int>) throws(ExpositionError) -> String {
    try checkUTF8(range)
    return unescapedText(range, escapesQuotes: false)
  }

  private func unescapedText(_ range: Range<Int>, escapesQuotes: Bool) -> String {
    let text = bytes.extracting(range)
    guard text.firstIndex(of: .backslash, from: 0) != nil else {
      return String(decodingUTF8: text)
    }
    var plain: [UInt8] = []
    appendUnescaped(text, escapesQuotes: escapesQuotes, to: &plain)
    return String(decodingUTF8: plain.span)
  }

  private func unescape(
    _ range: Range<Int>, into scratch: inout LabelScratch
  ) throws(ExpositionError) -> Range<Int> {
    try checkUTF8(range)
    let text = bytes.extracting(range)
    guard text.firstIndex(of: .backslash, from: 0) != nil else { return scratch.add(text) }
    let start = scratch.bytes.count
    appendUnescaped(text, escapesQuotes: true, to: &scratch.bytes)
    return start..<scratch.bytes.count
  }

  private func checkUTF8(_ range: Range<Int>) throws(ExpositionError) {
    do {
      _ = try UTF8Span(validating: bytes.extracting(range))
    } catch {
      throw self.error(.invalidUTF8, at: range.lowerBound)
    }
  }

  private func isBoundary(_ name: Span<UInt8>, _ type: MetricType) -> Bool {
    switch type {
    case .histogram: name.hasSameBytes(as: LabelName.bucketBound.utf8.span)
    case .summary: name.hasSameBytes(as: LabelName.quantile.utf8.span)
    default: false
    }
  }
}

/// Appends `text` with its escapes resolved; a backslash before any other
/// character stands for itself.
private func appendUnescaped(
  _ text: Span<UInt8>, escapesQuotes: Bool, to output: inout [UInt8]
) {
  var position = 0
  while position < text.count {
    let byte = text[position]
    position += 1
    guard byte == .backslash, position < text.count else {
      output.append(byte)
      continue
    }
    switch text[position] {
    case .backslash: output.append(.backslash)
    case UInt8(ascii: "n"): output.append(.lineFeed)
    case .doubleQuote where escapesQuotes: output.append(.doubleQuote)
    default:
      output.append(.backslash)
      continue
    }
    position += 1
  }
}

/// Memory in which the labels of one series after another are put together.
struct LabelScratch {
  var bytes: [UInt8] = []
  /// Ranges of `bytes`.
  var labels: [(name: Range<Int>, value: Range<Int>)] = []

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
  }

  /// Appends `text` and returns where it stands.
  mutating func add(_ text: Span<UInt8>) -> Range<Int> {
    let start = bytes.count
    bytes.append(contentsOf: text)
    return start..<bytes.count
  }

  mutating func sort() {
    let bytes = self.bytes
    labels.sort {
      let span = bytes.span
      return span.extracting($0.name).compareBytes(with: span.extracting($1.name)) < 0
    }
  }

  /// A name that stands twice among the sorted labels.
  var firstRepeatedName: String? {
    let span = bytes.span
    for index in labels.indices.dropFirst() {
      let name = span.extracting(labels[index].name)
      if name.hasSameBytes(as: span.extracting(labels[index - 1].name)) {
        return String(decodingUTF8: name)
      }
    }
    return nil
  }

  /// The names of the labels whose value is empty.
  var emptyLabelNames: [String] {
    labels.filter { $0.value.isEmpty }.map { String(decodingUTF8: bytes.span.extracting($0.name)) }
  }

  /// The sorted labels, without those whose value is empty; nil when they are
  /// too long for a label set.
  func encodedLabels() -> Labels? {
    guard bytes.count < 1 << 28 else { return nil }
    var encoded: [UInt8] = []
    encoded.reserveCapacity(bytes.count + 2 * labels.count)
    for label in labels where label.value.isEmpty == false {
      for part in [label.name, label.value] {
        Varint.append(UInt64(part.count), to: &encoded)
        encoded.append(contentsOf: bytes[part])
      }
    }
    return Labels(trustedEncodedBytes: encoded)
  }
}
