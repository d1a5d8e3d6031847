/// Collects label changes and makes a ``Labels`` of them.
///
/// A builder may be reused with ``reset()``; it then allocates only for the
/// label set it makes.
public struct LabelsBuilder {
  private var labels_: [Label] = []

  /// Creates an empty builder.
  public init() {}

  /// Creates a builder that starts with `base`.
  public init(_ base: Labels) {
    labels_ = Array(base)
  }

  /// Sets the label `name`; an empty value removes it.
  public mutating func set(_ name: String, to value: String) {
    if let index = labels_.firstIndex(where: { $0.name == name }) {
      labels_[index].value = value
    } else {
      labels_.append(Label(name, value))
    }
  }

  /// Removes the label `name` if it is there.
  public mutating func remove(_ name: String) {
    labels_.removeAll { $0.name == name }
  }

  /// The value of the label `name` as set so far, or nil.
  public subscript(name: String) -> String? {
    guard let label = labels_.first(where: { $0.name == name }), label.value.isEmpty == false
    else { return nil }
    return label.value
  }

  /// Forgets everything.
  public mutating func reset() {
    labels_.removeAll(keepingCapacity: true)
  }

  /// The label set: sorted, without labels whose name or value is empty.
  public func labels() -> Labels {
    var bytes: [UInt8] = []
    let kept = labels_.filter { $0.value.isEmpty == false && $0.name.isEmpty == false }
    for label in kept.sorted(by: { $0.name < $1.name }) {
      Labels.appendEncoded(name: label.name.utf8.span, value: label.value.utf8.span, to: &bytes)
    }
    return Labels(uncheckedEncodedBytes: bytes)
  }
}
