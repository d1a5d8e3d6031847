import SeriesModel

/// How many labels a pushed series may have, and how long they may be.
///
/// A series beyond a limit is refused, never cut.
package struct LabelLimits: Equatable, Sendable {
  /// The most labels, the metric name included.
  package var maximumCount: Int
  /// The most bytes of a label's name.
  package var maximumNameBytes: Int
  /// The most bytes of a label's value.
  package var maximumValueBytes: Int

  /// Creates limits.
  package init(
    maximumCount: Int = 128, maximumNameBytes: Int = 512, maximumValueBytes: Int = 16_384
  ) {
    self.maximumCount = maximumCount
    self.maximumNameBytes = maximumNameBytes
    self.maximumValueBytes = maximumValueBytes
  }
}

/// Why the labels of a pushed series are refused.
package enum LabelProblem: String, Error, Hashable, Sendable, CaseIterable {
  /// A label has an empty name.
  case emptyName = "empty-label-name"
  /// Two labels have the same name.
  case duplicateName = "duplicate-label-name"
  /// A name or value is not UTF-8.
  case invalidUTF8 = "invalid-utf8"
  /// The references to symbols are an odd number.
  case oddReferences = "odd-label-references"
  /// A reference is to none of the symbols.
  case unknownSymbol = "unknown-symbol"
  /// The label `__name__` is missing or empty.
  case missingMetricName = "missing-metric-name"
  /// There are more labels than ``LabelLimits/maximumCount``.
  case tooManyLabels = "too-many-labels"
  /// A name is longer than ``LabelLimits/maximumNameBytes``.
  case nameTooLong = "label-name-too-long"
  /// A value is longer than ``LabelLimits/maximumValueBytes``.
  case valueTooLong = "label-value-too-long"
}

extension LabelProblem {
  /// What is wrong, in words, where `limits` hold.
  package func description(under limits: LabelLimits) -> String {
    switch self {
    case .emptyName: "a label has an empty name"
    case .duplicateName: "a label name is there twice"
    case .invalidUTF8: "a label is not valid UTF-8"
    case .oddReferences: "there is an odd number of label references"
    case .unknownSymbol: "a label reference is outside of the symbols table"
    case .missingMetricName: "the label __name__ is missing"
    case .tooManyLabels: "there are more than the \(limits.maximumCount) labels allowed"
    case .nameTooLong: "a label name has more than the \(limits.maximumNameBytes) bytes allowed"
    case .valueTooLong: "a label value has more than the \(limits.maximumValueBytes) bytes allowed"
    }
  }
}

extension LabelLimits {
  /// The limit that a label set breaks, or nil.
  package func problem(of labels: Labels) -> LabelProblem? {
    var count = 0
    var problem: LabelProblem?
    labels.forEachBytes { name, value in
      count += 1
      if name.count > maximumNameBytes { problem = .nameTooLong }
      if value.count > maximumValueBytes { problem = .valueTooLong }
    }
    return count > maximumCount ? .tooManyLabels : problem
  }
}
