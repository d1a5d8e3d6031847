/// Collects label changes and makes a ``Labels`` of them.
///
/// A builder may be reused with ``reset()``; it then allocates only for the
/// label set it makes.
public struct LabelsBuilder {
  private var collected: [Label] = []

  /// Creates an empty builder.
  public init() {}

  /// Creates a builder that starts with `base`.
  public init(_ base: Labels) {
    collected = Array(base)
  }

  /// Sets the label `name`; an empty value removes it.
  public mutating func set(_ name: String, to value: String) {
    if let index = collected.firstIndex(where: { $0.name.compareUTF8(with: name) == 0 }) {
      collected[index].value = value
    } else {
      collected.append(Label(name, value))
    }
  }

  /// Removes the label `name` if it is there.
  public mutating func remove(_ name: String) {
    collected.removeAll { $0.name.compareUTF8(with: name) == 0 }
  }

  /// The value of the label `name` as set so far, or nil.
  public subscript(name: String) -> String? {
    guard let label = collected.first(where: { $0.name.compareUTF8(with: name) == 0 }),
      label.value.isEmpty == false
    else { return nil }
    return label.value
  }

  /// Forgets everything.
  public mutating func reset() {
    collected.removeAll(keepingCapacity: true)
  }

  /// The label set: sorted, without labels whose name or value is empty.
  public func labels() -> Labels {
    var bytes: [UInt8] = []
    let kept = collected.filter { $0.value.isEmpty == false && $0.name.isEmpty == false }
    for label in kept.sorted(by: { $0.name.compareUTF8(with: $1.name) < 0 }) {
      Labels.appendEncoded(name: label.name.utf8.span, value: label.value.utf8.span, to: &bytes)
    }
    return Labels(trustedEncodedBytes: bytes)
  }
}
