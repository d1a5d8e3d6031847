/// The sorted set of labels that identifies a series.
///
/// Names are unique and sorted by their UTF-8 bytes; a label with an empty
/// value is the same as no label and is never kept. The metric name is the
/// label `__name__`.
///
/// A label set is one buffer of bytes (see ``encodedBytes``), so that hashing,
/// comparing and storing it needs no walk over strings.
///
/// ## Topics
/// ### Making label sets
/// - ``init(_:)``
/// - ``LabelsBuilder``
public struct Labels: Sendable {
  /// The labels as `length name length value ...` in name order, each length
  /// an unsigned LEB128 number.
  ///
  /// Equal label sets have equal bytes. This is the form in which the store
  /// keeps and hashes them.
  package let encodedBytes: [UInt8]

  /// Creates the empty label set.
  public init() {
    encodedBytes = []
  }

  /// Creates a label set; of labels with the same name the last one wins.
  public init(_ labels: some Sequence<Label>) {
    var builder = LabelsBuilder()
    for label in labels {
      builder.set(label.name, to: label.value)
    }
    self = builder.labels()
  }

  /// Creates a label set from its encoded form, or returns nil when `bytes`
  /// are cut short, out of order, repeat a name, or hold an empty name or value.
  package init?(encodedBytes bytes: [UInt8]) {
    guard Labels.isWellFormed(bytes) else { return nil }
    self.init(trustedEncodedBytes: bytes)
  }

  /// Creates a label set from an encoded form that the caller has just made.
  ///
  /// For parsers that have put the labels in order themselves.
  ///
  /// - Precondition: ``init(encodedBytes:)`` would accept the bytes; checked in
  ///   debug builds only.
  package init(trustedEncodedBytes bytes: [UInt8]) {
    assert(Labels.isWellFormed(bytes), "labels are sorted, unique and not empty")
    encodedBytes = bytes
  }

  /// True when there is no label at all.
  public var isEmpty: Bool { encodedBytes.isEmpty }

  /// The number of labels.
  ///
  /// - Complexity: O(*n*) in the number of labels.
  public var count: Int {
    var count = 0
    var cursor = EncodedLabelCursor()
    while cursor.advance(in: encodedBytes.span) { count += 1 }
    return count
  }

  /// The value of the label called `name`, or nil when the set has none.
  ///
  /// - Complexity: O(*n*) in the number of labels.
  public subscript(name: String) -> String? {
    var name = name
    return name.withUTF8 { nameBytes -> String? in
      let wanted = unsafe Span(_unsafeElements: nameBytes)
      let bytes = encodedBytes.span
      var cursor = EncodedLabelCursor()
      while cursor.advance(in: bytes) {
        if bytes.extracting(cursor.name).hasSameBytes(as: wanted) {
          return String(decodingUTF8: bytes.extracting(cursor.value))
        }
      }
      return nil
    }
  }

  /// The metric name, or nil when the set has none.
  public var metricName: String? { self[LabelName.metricName] }

  /// A copy in which the label `name` has `value`; an empty value removes it.
  public func setting(_ name: String, to value: String) -> Labels {
    var builder = LabelsBuilder(self)
    builder.set(name, to: value)
    return builder.labels()
  }

  /// A copy without the label `name`.
  public func removing(_ name: String) -> Labels {
    filter { $0.hasSameBytes(as: name.utf8.span) == false }
  }

  /// A copy without the metric name.
  public var withoutMetricName: Labels { removing(LabelName.metricName) }

  /// A copy that keeps only the labels whose name is in `names`.
  public func keeping(_ names: Set<String>) -> Labels {
    filter { names.contains(String(decodingUTF8: $0)) }
  }

  /// A copy without the labels whose name is in `names`.
  public func removing(_ names: Set<String>) -> Labels {
    filter { names.contains(String(decodingUTF8: $0)) == false }
  }

  /// A copy that keeps the labels for whose name `isIncluded` holds; the
  /// bytes of the kept labels are moved as they are.
  package func filter(_ isIncluded: (Span<UInt8>) -> Bool) -> Labels {
    var kept: [UInt8] = []
    kept.reserveCapacity(encodedBytes.count)
    appendEncoded(to: &kept, where: isIncluded)
    return Labels(trustedEncodedBytes: kept)
  }

  /// Appends ``encodedBytes`` of the labels for whose name `isIncluded` holds.
  ///
  /// For who looks many label sets up and needs no memory for each.
  package func appendEncoded(
    to output: inout [UInt8], where isIncluded: (Span<UInt8>) -> Bool
  ) {
    let bytes = encodedBytes.span
    var cursor = EncodedLabelCursor()
    while cursor.advance(in: bytes) {
      if isIncluded(bytes.extracting(cursor.name)) {
        output.append(contentsOf: encodedBytes[cursor.whole])
      }
    }
  }

  /// Calls `body` with the UTF-8 bytes of each name and value, in name order.
  ///
  /// For writers that need no `String`.
  package func forEachBytes<Failure: Error>(
    _ body: (_ name: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    let bytes = encodedBytes.span
    var cursor = EncodedLabelCursor()
    while cursor.advance(in: bytes) {
      try body(bytes.extracting(cursor.name), bytes.extracting(cursor.value))
    }
  }
}

extension Labels: Sequence {
  /// Walks the labels in name order.
  public struct Iterator: IteratorProtocol {
    let bytes: [UInt8]
    var cursor = EncodedLabelCursor()

    public mutating func next() -> Label? {
      let bytes = bytes
      let span = bytes.span
      guard cursor.advance(in: span) else { return nil }
      return Label(
        String(decodingUTF8: span.extracting(cursor.name)),
        String(decodingUTF8: span.extracting(cursor.value)))
    }
  }

  public func makeIterator() -> Iterator { Iterator(bytes: encodedBytes) }

  public var underestimatedCount: Int { 0 }
}

extension Labels: Hashable {
  public static func == (left: Labels, right: Labels) -> Bool {
    left.encodedBytes.span.hasSameBytes(as: right.encodedBytes.span)
  }

  public func hash(into hasher: inout Hasher) {
    unsafe encodedBytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }
}

extension Labels: Comparable {
  /// Orders label by label, each by name and then value, by UTF-8 bytes; a
  /// set that is the beginning of another comes first.
  public static func < (left: Labels, right: Labels) -> Bool {
    let leftBytes = left.encodedBytes.span
    let rightBytes = right.encodedBytes.span
    // Labels that end within the bytes that are the same are the same.
    let sameCount = leftBytes.commonPrefixCount(with: rightBytes)
    var leftCursor = EncodedLabelCursor()
    while leftCursor.advance(in: leftBytes) {
      guard leftCursor.whole.upperBound > sameCount else { continue }
      var rightCursor = EncodedLabelCursor(at: leftCursor.whole.lowerBound)
      guard rightCursor.advance(in: rightBytes) else { return false }
      let names = leftBytes.extracting(leftCursor.name)
        .compareBytes(with: rightBytes.extracting(rightCursor.name))
      if names != 0 { return names < 0 }
      return leftBytes.extracting(leftCursor.value)
        .compareBytes(with: rightBytes.extracting(rightCursor.value)) < 0
    }
    return leftBytes.count < rightBytes.count
  }
}

extension Labels: ExpressibleByDictionaryLiteral {
  /// Creates a label set; of labels with the same name the last one wins.
  public init(dictionaryLiteral elements: (String, String)...) {
    self.init(elements.map { Label($0.0, $0.1) })
  }
}

extension Labels: CustomStringConvertible {
  /// The PromQL form: `name{label="value", ...}`.
  public var description: String {
    guard let name = metricName, MetricName.isLegacy(name) else { return bracedDescription }
    let others = withoutMetricName
    return others.isEmpty ? name : name + others.bracedDescription
  }

  /// All labels in braces, the metric name like any other:
  /// `{__name__="up", job="a"}`, as Prometheus's messages name a series.
  public var bracedDescription: String {
    let pairs = map { label in
      let name = LabelName.isLegacy(label.name) ? label.name : label.name.quotedForPromQL
      return "\(name)=\(label.value.quotedForPromQL)"
    }
    return "{" + pairs.joined(separator: ", ") + "}"
  }
}
