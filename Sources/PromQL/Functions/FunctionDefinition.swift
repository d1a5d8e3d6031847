import PromQLSyntax
import SeriesModel

/// Everything there is to know of one function.
///
/// No other place of the engine knows a function by its name: parser, planner
/// and operators ask the definition.
package struct FunctionDefinition: Sendable {
  /// What the parser needs.
  package let signature: FunctionSignature
  /// What the function does, in one sentence.
  package let summary: String
  /// True when the result keeps the metric name.
  let keepsName: Bool
  /// True when the result depends on the evaluation time even where the
  /// arguments don't.
  let dependsOnTime: Bool
  /// What an argument that is a plain selector stands for.
  let selectorReading: SelectorReading
  /// What the function makes of native histograms in an instant vector.
  let histogramUse: HistogramUse
  /// True for `info`, whose last argument selects further series.
  let joinsInfoSeries: Bool
  /// True when the result is 1 where the function has no value for any series.
  let reportsAbsence: Bool
  /// The modifiers that the range vector among the arguments may have.
  let rangeModifiers: [RangeModifier]
  /// The evaluation.
  let body: FunctionBody

  /// Creates a definition.
  ///
  /// - Parameters:
  ///   - name: The name in a query.
  ///   - argumentTypes: As for ``FunctionSignature/argumentTypes``.
  ///   - returnType: The type of the result.
  init(
    _ name: String, _ argumentTypes: [ValueType] = [], arity: FunctionSignature.Arity = .fixed,
    returns returnType: ValueType = .instantVector, isExperimental: Bool = false,
    keepsName: Bool = false, dependsOnTime: Bool = false, selectorReading: SelectorReading = .value,
    histogramUse: HistogramUse = .other, joinsInfoSeries: Bool = false,
    reportsAbsence: Bool = false,
    rangeModifiers: [RangeModifier] = [], summary: String,
    body: FunctionBody
  ) {
    signature = FunctionSignature(
      name, argumentTypes, arity: arity, returns: returnType, isExperimental: isExperimental)
    self.summary = summary
    self.keepsName = keepsName
    self.dependsOnTime = dependsOnTime
    self.selectorReading = selectorReading
    self.histogramUse = histogramUse
    self.joinsInfoSeries = joinsInfoSeries
    self.reportsAbsence = reportsAbsence
    self.rangeModifiers = rangeModifiers
    self.body = body
  }
}

/// What a function makes of native histograms.
enum HistogramUse: Sendable {
  /// Only counts and sums, of which selectors below are to say whether they
  /// began anew.
  case statistics
  /// Their buckets.
  case buckets
  /// Anything else.
  case other
}

/// How a function is evaluated.
///
/// Native histograms have no result where nothing else is said.
enum FunctionBody: Sendable {
  /// What computes numbers from the numbers of one series.
  typealias WindowBody =
    @Sendable (WindowedSeries, WindowArguments, inout MutableSpan<Double>) throws -> Void
  /// What computes numbers and histograms from those of one series.
  typealias MixedWindowBody =
    @Sendable (WindowedSeries, WindowArguments, inout SeriesColumn) throws -> Void

  /// A scalar made of scalars, step by step.
  case scalar(@Sendable (ScalarCall) -> Double)
  /// Each value of an instant vector by itself.
  case elementwise(@Sendable (Double) -> Double)
  /// Each value of the instant vector that is the first argument, with the
  /// scalars of its step; nil leaves the sample out.
  case elementwiseWithScalars(@Sendable (Double, [Double]) -> Double?)
  /// A part of the moment that each value names as seconds since 1970; without
  /// an argument, of the evaluation time.
  case calendar(@Sendable (CalendarMoment) -> Int64)
  /// A number of each native histogram of an instant vector.
  case histogramwise(@Sendable (NativeHistogram) -> Double)
  /// The samples of one series, window by window; called once a series.
  ///
  /// `mixed` is called where the series has native histograms; without it they
  /// are left out, with a remark where they are in a window with numbers.
  case window(WindowBody, mixed: MixedWindowBody? = nil)
  /// Whole vectors, which may hold histograms.
  case vector(@Sendable (VectorCall) throws -> any VectorSource)
  /// A scalar made of whole vectors.
  case scalarOfVector(@Sendable (VectorCall) throws -> [Double])
}

/// One step of a call whose arguments are scalars.
struct ScalarCall {
  /// The scalars at this step.
  var arguments: [Double]
  /// The time of the step, in milliseconds since 1970.
  var time: Int64
  /// When the query is evaluated.
  var times: QueryTimes
}

/// A moment taken apart.
struct CalendarMoment {
  /// Seconds since 1970.
  let seconds: Int64
  /// The day of the moment, in UTC.
  var date: CalendarDate { CalendarDate(secondsSinceEpoch: seconds) }
  /// The seconds since the day began, 0..<86400.
  var secondOfDay: Int64 {
    CalendarDate.dayAndSecond(atSecondsSinceEpoch: seconds).second
  }
}
