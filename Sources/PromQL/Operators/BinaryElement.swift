import PromQLSyntax
import SeriesModel

/// A number or a histogram that an operator meets or gives.
enum BinaryElement {
  case number(Double)
  case histogram(NativeHistogram)

  fileprivate var typeName: String {
    switch self {
    case .number: "float"
    case .histogram: "histogram"
    }
  }
}

/// An operator between elements of which one at least may be a histogram.
struct ElementOperation {
  /// A remark on the elements of one step.
  struct Remark {
    var kind: Annotation.Kind
    var message: String
  }

  /// What becomes of two elements.
  struct Outcome {
    /// The result; nil when there is none.
    var element: BinaryElement?
    /// The remark on it.
    var remark: Remark?
  }

  /// The operator.
  let operation: BinaryOperator
  /// True when comparisons give 1 and 0.
  let returnsBool: Bool

  /// Applies the operator.
  func outcome(_ left: BinaryElement, _ right: BinaryElement) -> Outcome {
    switch (left, right) {
    case (.number(let left), .number(let right)):
      if operation.isTrim { return incompatibleTypes(.number(left), .number(right)) }
      let value = operation.elementResult(left, right, returnsBool: returnsBool)
      return Outcome(element: value.isAbsent ? nil : .number(value))
    case (.number(let factor), .histogram(let histogram)):
      guard operation == .multiply else { return incompatibleTypes(left, right) }
      return Outcome(element: .histogram(histogram.multiplied(by: factor)))
    case (.histogram(let histogram), .number(let number)):
      switch operation {
      case .multiply: return Outcome(element: .histogram(histogram.multiplied(by: number)))
      case .divide: return Outcome(element: .histogram(histogram.divided(by: number)))
      case .trimUpper:
        return Outcome(element: .histogram(histogram.trimmed(keeping: .below, of: number)))
      case .trimLower:
        return Outcome(element: .histogram(histogram.trimmed(keeping: .above, of: number)))
      default: return incompatibleTypes(left, right)
      }
    case (.histogram(let first), .histogram(let second)):
      switch operation {
      case .add: return combined(first.adding(second))
      case .subtract:
        var difference = first.subtracting(second)
        difference?.value.counterResetHint = .gauge
        return combined(difference)
      case .equal: return compared(first, first.hasSameData(as: second))
      case .notEqual: return compared(first, first.hasSameData(as: second) == false)
      default: return incompatibleTypes(left, right)
      }
    }
  }

  private func combined(
    _ result: (value: NativeHistogram, remarks: HistogramSum.Remarks)?
  ) -> Outcome {
    guard let result else {
      return Outcome(
        remark: Remark(
          kind: .warning,
          message: "incompatible bucket layout encountered for binary operator "
            + operation.rawValue))
    }
    let name: HistogramRemark.Operation = operation == .add ? .addition : .subtraction
    var outcome = Outcome(element: .histogram(result.value))
    if result.remarks.hintsCollide {
      outcome.remark = Remark(kind: .warning, message: HistogramRemark.hintsCollide(in: name))
    }
    if result.remarks.boundsDiffered {
      outcome.remark = Remark(kind: .info, message: HistogramRemark.boundsDiffered(in: name))
    }
    return outcome
  }

  private func compared(_ histogram: NativeHistogram, _ holds: Bool) -> Outcome {
    if returnsBool { return Outcome(element: .number(holds ? 1 : 0)) }
    return Outcome(element: holds ? .histogram(histogram) : nil)
  }

  private func incompatibleTypes(_ left: BinaryElement, _ right: BinaryElement) -> Outcome {
    let symbol = operation.rawValue
    return Outcome(
      remark: Remark(
        kind: .info,
        message: "incompatible sample types encountered for binary operator \"\(symbol)\":"
          + " \(left.typeName) \(symbol) \(right.typeName)"))
  }
}

extension SeriesColumn {
  /// What is at `step`; nil when nothing is.
  func element(at step: Int) -> BinaryElement? {
    if let histogram = histogram(at: step) { return .histogram(histogram) }
    return values[step].isAbsent ? nil : .number(values[step])
  }

  /// Replaces what is at `step`.
  mutating func set(_ element: BinaryElement?, at step: Int) {
    removeValue(at: step)
    switch element {
    case .number(let value): values[step] = value
    case .histogram(let histogram): set(histogram, at: step)
    case nil: break
    }
  }
}
