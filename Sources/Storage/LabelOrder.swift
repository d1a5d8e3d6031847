import SeriesModel

extension [Labels] {
  /// More sets are compared label by label: their keys would take as much memory
  /// again as they do.
  private static var keyedCountLimit: Int { 1 << 15 }

  /// The label sets in their order.
  ///
  /// Each is written once as a key whose bytes are in that order, which costs less
  /// than to walk the labels in each comparison.
  func sortedByKeys() -> [Labels] {
    guard count <= Self.keyedCountLimit else { return sorted() }
    var keys: [UInt8] = []
    keys.reserveCapacity(reduce(0) { $0 + $1.encodedBytes.count })
    var ends = [0]
    ends.reserveCapacity(count + 1)
    for labels in self {
      labels.forEachBytes { name, value in
        keys.append(orderedText: name)
        keys.append(orderedText: value)
      }
      ends.append(keys.count)
    }
    let bytes = keys.span
    let order = indices.sorted { left, right in
      bytes.extracting(ends[left]..<ends[left + 1])
        .compareBytes(with: bytes.extracting(ends[right]..<ends[right + 1])) < 0
    }
    return order.map { self[$0] }
  }
}

extension [UInt8] {
  /// Appends a text so that it sorts before all that it is the beginning of: a
  /// zero byte ends it, and those in it are written as 1, 1, and ones as 1, 2.
  fileprivate mutating func append(orderedText text: Span<UInt8>) {
    var start = 0
    for index in text.indices where text[index] <= 1 {
      append(copying: text.extracting(start..<index))
      append(1)
      append(text[index] + 1)
      start = index + 1
    }
    append(copying: text.extracting(start...))
    append(0)
  }
}
