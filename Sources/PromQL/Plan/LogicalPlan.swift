import PromQLSyntax
import SeriesModel

/// A query made ready for one evaluation: durations, offsets and `@` are
/// moments of time, and all data it needs is listed.
struct LogicalPlan {
  /// What is evaluated.
  var root: PlanNode
  /// The moments at which ``root`` is evaluated.
  var grid: StepGrid
  /// The data that selectors refer to by index, each once.
  var selections: [PlannedSelection]
}

/// Data that one selector or several read.
struct PlannedSelection {
  /// Which data.
  var selection: SeriesSelection
  /// How many selectors read it.
  var useCount: Int
}

/// One operation of a plan.
///
/// A node is evaluated on the grid of its parent, except below
/// ``stepInvariant(_:on:)`` and ``SubqueryPlan``, which bring their own.
indirect enum PlanNode: Sendable {
  case number(Double)
  case string(String)
  /// An instant vector of stored samples.
  case selector(SelectorPlan)
  /// Range vectors, which only a call or the whole query may be.
  case range(RangePlan)
  /// A function of scalars and instant vectors.
  case call(CallPlan)
  /// A function of one range vector.
  case windowCall(WindowCallPlan)
  case aggregation(AggregationPlan)
  /// An operator between two scalars.
  case scalarBinary(BinaryOperator, left: PlanNode, right: PlanNode)
  /// An operator between a scalar and an instant vector.
  case mixedBinary(MixedBinaryPlan)
  /// An operator between two instant vectors.
  case vectorBinary(VectorBinaryPlan)
  /// `and`, `or` and `unless`.
  case setOperation(SetOperationPlan)
  /// A scalar or an instant vector with the opposite sign.
  case negation(PlanNode)
  /// What gives the same at every step, and so is evaluated at the one step of
  /// the grid and repeated.
  case stepInvariant(PlanNode, on: StepGrid)
}

/// From which moments a selector or subquery looks back.
enum ReferenceTime: Hashable {
  /// From the time of the step, less an offset in milliseconds.
  case sliding(offset: Int64)
  /// From one moment for all steps.
  case fixed(Int64)

  /// The moment for a step at `time`.
  @inline(__always)
  func time(forStepAt time: Int64) -> Int64 {
    switch self {
    case .sliding(let offset): saturatingSubtract(time, offset)
    case .fixed(let moment): moment
    }
  }
}

/// An instant vector selector.
struct SelectorPlan {
  /// What the selector was written as.
  var selector: VectorSelector
  /// The index of its data among ``LogicalPlan/selections``.
  var selectionIndex: Int
  var referenceTime: ReferenceTime
  /// What the value of a step is taken from.
  var reading: SelectorReading
  /// True when each histogram is to say whether its counter was reset, since
  /// only counts and sums are made of them.
  var tellsResets = false
}

/// What an instant vector selector takes from samples.
enum SelectorReading {
  /// The value of the newest sample.
  case value
  /// The time of the newest sample, in seconds.
  case timestamp
  /// When the counter of the newest sample began, in seconds.
  case startTimestamp
  /// A value between the samples around the step.
  case smoothed
}

/// A range vector: windows `(t - range, t]` of samples.
struct RangePlan {
  /// Where the samples come from.
  indirect enum Source {
    case selector(SelectorPlan)
    case subquery(PlanNode, on: StepGrid)
  }

  var source: Source
  var rangeMilliseconds: Int64
  var referenceTime: ReferenceTime
  var modifier: RangeModifier?
  var sourceRange: SourceRange
}

/// A call whose arguments are scalars, strings and instant vectors.
struct CallPlan {
  var function: FunctionDefinition
  var arguments: [PlanArgument]
  /// The extra data that `info` reads.
  var infoSelector: InfoSelectorPlan?
  var sourceRange: SourceRange
}

/// An argument, and how it was written.
struct PlanArgument {
  var node: PlanNode
  /// The expression without parentheses around it.
  var expression: Expression
}

/// The series that `info` takes labels from.
struct InfoSelectorPlan {
  /// The matchers for the name of info metrics.
  var nameMatchers: [Matcher]
  /// The matchers for other labels; only labels named by them are taken, unless
  /// there is none.
  var dataMatchers: [Matcher]
  var selectionIndex: Int
  var referenceTime: ReferenceTime
}

/// A call with one range vector among its arguments.
struct WindowCallPlan {
  var function: FunctionDefinition
  var range: RangePlan
  /// The other arguments, all scalars, in order.
  var scalars: [PlanNode]
  /// The expressions of all arguments.
  var argumentExpressions: [Expression]
  var sourceRange: SourceRange
}

/// An aggregation.
struct AggregationPlan {
  var aggregator: AggregationOperator
  var parameter: PlanNode?
  var parameterRange: SourceRange
  var operand: PlanNode
  var operandRange: SourceRange
  var grouping: Grouping
  var sourceRange: SourceRange
}

/// An operator between a scalar and an instant vector.
struct MixedBinaryPlan {
  var operation: BinaryOperator
  var vector: PlanNode
  var scalar: PlanNode
  /// True for `scalar op vector`.
  var isScalarLeft: Bool
  var returnsBool: Bool
  var sourceRange: SourceRange
}

/// An operator other than a set operator between two instant vectors.
struct VectorBinaryPlan {
  var operation: BinaryOperator
  var left: PlanNode
  var right: PlanNode
  var matching: VectorMatching
  var returnsBool: Bool
  var sourceRange: SourceRange
}

/// A set operator between two instant vectors.
struct SetOperationPlan {
  var operation: BinaryOperator
  var left: PlanNode
  var right: PlanNode
  var matching: VectorMatching
}
