import SeriesModel

/// What a query evaluated to, and what the reader should know about it.
public struct QueryResult: Sendable {
  /// The value.
  public var value: QueryValue
  /// Annotations of the kind `warning`, each once, in the order of their text.
  public var warnings: [Annotation]
  /// Annotations of the kind `info`, each once, in the order of their text.
  public var infos: [Annotation]
  /// What the evaluation cost.
  public var statistics: QueryStatistics
  /// The operators with what each cost, when ``QueryOptions/explains`` asked for
  /// them; more than one where the query is of scalars.
  public var explanation: [ExplainedOperator]

  /// Creates a result.
  public init(
    value: QueryValue, warnings: [Annotation] = [], infos: [Annotation] = [],
    statistics: QueryStatistics = QueryStatistics(), explanation: [ExplainedOperator] = []
  ) {
    self.value = value
    self.warnings = warnings
    self.infos = infos
    self.statistics = statistics
    self.explanation = explanation
  }
}

/// The value of a query.
///
/// A range query always gives a ``matrix(_:)``; an instant query gives the case
/// that belongs to the type of its expression.
public enum QueryValue: Sendable {
  /// One number, stamped with the evaluation time.
  case scalar(Sample)
  /// A text, stamped with the evaluation time.
  case string(String, Timestamp)
  /// At most one sample of each series, in the order in which the outermost
  /// operator gave them (`sort` and `topk` depend on it).
  case vector([VectorElement])
  /// Several samples of each series, sorted by labels.
  case matrix([MatrixSeries])
}

/// One series of an instant vector.
public struct VectorElement: Hashable, Sendable {
  /// The labels of the series.
  public var labels: Labels
  /// The value, stamped with the evaluation time; of a histogram its sum.
  public var sample: Sample
  /// The histogram; nil when the value is a number.
  public var histogram: NativeHistogram?

  /// Creates an element.
  public init(labels: Labels, sample: Sample, histogram: NativeHistogram? = nil) {
    self.labels = labels
    self.sample = sample
    self.histogram = histogram
  }
}

/// One series of a matrix.
public struct MatrixSeries: Sendable {
  /// The labels of the series.
  public var labels: Labels
  /// The samples, ascending in time; never empty.
  public var samples: SampleColumns

  /// Creates a series.
  public init(labels: Labels, samples: SampleColumns) {
    self.labels = labels
    self.samples = samples
  }
}

/// What the evaluation of a query cost.
public struct QueryStatistics: Hashable, Sendable {
  /// The number of series that the selectors matched.
  public var seriesCount = 0
  /// The number of samples that selectors and windows handed on, counted at
  /// each step anew.
  public var samplesQueried = 0
  /// The number of samples read from storage.
  public var samplesRead = 0
  /// The largest number of samples held in memory at once, as counted against
  /// the limit.
  public var peakSamples = 0
  /// ``samplesQueried`` by the steps of the query, or none when
  /// ``QueryOptions/countsSteps`` did not ask for them; what a subquery reads is
  /// counted at the last step.
  public var samplesPerStep: [StepSamples] = []
  /// The time that parsing, planning and evaluating took, in nanoseconds.
  public var elapsedNanoseconds: UInt64 = 0
  /// The part of it that went by before evaluation, in nanoseconds.
  public var preparationNanoseconds: UInt64 = 0

  /// The samples of one step.
  public struct StepSamples: Hashable, Sendable {
    /// The time of the step.
    public var time: Timestamp
    /// How many samples were handed on.
    public var count: Int
  }

  /// Creates statistics of a query that has not begun.
  public init() {}
}
