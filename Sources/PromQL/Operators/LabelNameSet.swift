import SeriesModel

/// A few names of labels, compared byte by byte.
///
/// Grouping and matching ask for every label of every series; this needs no
/// `String` for it.
struct LabelNameSet {
  private let names: [[UInt8]]

  /// Creates a set of `names`.
  init(_ names: some Sequence<String>) {
    self.names = Set(names).map { Array($0.utf8) }
  }

  /// True when there is no name.
  var isEmpty: Bool { names.isEmpty }

  /// True when `name` is one of the names.
  func contains(_ name: Span<UInt8>) -> Bool {
    for index in names.indices {
      let bytes = names[index]
      if bytes.span.hasSameBytes(as: name) { return true }
    }
    return false
  }
}

extension Labels {
  /// A copy that keeps only the labels in `names`.
  func keeping(_ names: LabelNameSet) -> Labels { filter { names.contains($0) } }

  /// A copy without the labels in `names`.
  func removing(_ names: LabelNameSet) -> Labels { filter { names.contains($0) == false } }
}
