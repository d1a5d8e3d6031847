/// One name and value pair of a label set.
public struct Label: Hashable, Sendable, Comparable {
  /// The label's name; never empty inside a ``Labels``.
  public var name: String
  /// The label's value; never empty inside a ``Labels``, where an empty value
  /// means that the label is absent.
  public var value: String

  /// Creates a label.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// Orders by name, then value, both by their UTF-8 bytes.
  public static func < (left: Label, right: Label) -> Bool {
    let names = left.name.compareUTF8(with: right.name)
    return names == 0 ? left.value.compareUTF8(with: right.value) < 0 : names < 0
  }

  /// True when names and values have the same UTF-8 bytes.
  public static func == (left: Label, right: Label) -> Bool {
    left.name.compareUTF8(with: right.name) == 0
      && left.value.compareUTF8(with: right.value) == 0
  }

  public func hash(into hasher: inout Hasher) {
    for text in [name, value] {
      hasher.combine(text.utf8.count)
      unsafe text.utf8.span.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
  }
}

/// Names of labels that mean something to every part of the system.
public enum LabelName {
  /// The label that holds the metric name.
  public static let metricName = "__name__"
  /// The upper bound of a classic histogram's bucket.
  public static let bucketBound = "le"
  /// The rank of a summary's quantile.
  public static let quantile = "quantile"
  /// The scrape job or push job of a series.
  public static let job = "job"
  /// The scraped address of a series.
  public static let instance = "instance"
  /// The type of the metric family, where it is kept as a label.
  public static let type = "__type__"
  /// The unit of the metric family, where it is kept as a label.
  public static let unit = "__unit__"
}
