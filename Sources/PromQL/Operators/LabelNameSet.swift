import SeriesModel

/// A few names of labels, compared byte by byte.
///
/// Grouping and matching ask for every label of every series; this needs no
/// `String` for it.
struct LabelNameSet {
  /// The names, one behind the other.
  private let bytes: [UInt8]
  /// Where each name lies.
  private let places: [Range<Int>]

  /// Creates a set of `names`.
  init(_ names: some Sequence<String>) {
    var bytes: [UInt8] = []
    places = Set(names).map { name in
      let start = bytes.count
      bytes.append(contentsOf: name.utf8)
      return start..<bytes.count
    }
    self.bytes = bytes
  }

  /// True when there is no name.
  var isEmpty: Bool { places.isEmpty }

  /// True when `name` is one of the names.
  func contains(_ name: Span<UInt8>) -> Bool {
    let bytes = bytes.span
    for index in places.indices where bytes.extracting(places[index]).hasSameBytes(as: name) {
      return true
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
