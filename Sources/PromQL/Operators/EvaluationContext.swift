import PromQLSyntax
import SeriesModel

/// What all operators of one query share.
final class EvaluationContext {
  /// The query.
  let text: String
  /// When the query is evaluated.
  let times: QueryTimes
  /// How far back selectors look, in milliseconds.
  let lookbackDelta: Int64
  /// True when names that are dropped have to be gone before the query is done.
  let removesNamesAtOnce: Bool
  /// The samples the query may hold.
  let budget: SampleBudget
  /// The data of the plan's selections, by index.
  let selections: [SelectedData]
  /// The remarks made so far.
  var annotations = AnnotationSet()
  /// The samples of all windows so far, one in several windows several times.
  var samplesInWindows = 0

  /// The samples of each step; nil when nobody asks.
  let stepCounts: StepCounts?
  /// What the operators cost; nil when nobody asks.
  let profile: EvaluationProfile?
  /// How series are spread over threads.
  let spread: SpreadOptions

  private let deadline: ContinuousClock.Instant?
  private let cancellation: QueryCancellation?
  /// Cancelled when the query wants nothing more of this thread.
  private let dismissal: QueryCancellation?
  private let progress: QueryProgress?
  private var seriesCount = 0
  /// When the cancellation's probe, which may cost a system call, is asked next.
  private var nextPoll = ContinuousClock.now + .milliseconds(20)

  /// Creates the context of one query.
  init(
    text: String, times: QueryTimes, lookbackDelta: Int64, removesNamesAtOnce: Bool,
    budget: SampleBudget, selections: [SelectedData], stepCounts: StepCounts? = nil,
    profile: EvaluationProfile? = nil, spread: SpreadOptions = SpreadOptions(),
    deadline: ContinuousClock.Instant?, cancellation: QueryCancellation?,
    dismissal: QueryCancellation? = nil, progress: QueryProgress? = nil
  ) {
    self.text = text
    self.times = times
    self.lookbackDelta = lookbackDelta
    self.removesNamesAtOnce = removesNamesAtOnce
    self.budget = budget
    self.selections = selections
    self.stepCounts = stepCounts
    self.profile = profile
    self.spread = spread
    self.deadline = deadline
    self.cancellation = cancellation
    self.dismissal = dismissal
    self.progress = progress
  }

  /// Ends the query when it is cancelled or late; called in front of each series.
  ///
  /// The clock is asked at one of eight; ``checkpoint()`` is for whatever takes
  /// longer than a series.
  func seriesCheckpoint() throws {
    if let cancellation, cancellation.isCancelled { throw QueryError.canceled }
    seriesCount &+= 1
    if seriesCount % 8 == 1 { try checkpoint() }
  }

  /// Ends the query when it is cancelled or late.
  func checkpoint() throws {
    if let cancellation, cancellation.isCancelled { throw QueryError.canceled }
    if let dismissal, dismissal.isCancelled { throw QueryError.canceled }
    let now = ContinuousClock.now
    if let deadline, now >= deadline { throw QueryError.timeout }
    if now >= nextPoll {
      nextPoll = now + .milliseconds(20)
      progress?.note(samplesRead: samplesRead)
      if let cancellation, cancellation.poll() { throw QueryError.canceled }
    }
  }

  /// The samples read from storage so far.
  var samplesRead: Int { selections.reduce(0) { $0 + $1.samplesRead } }

  /// The part of the query at `range`.
  func sourceText(at range: SourceRange) -> String {
    String(decoding: Array(text.utf8)[range.start..<range.end], as: UTF8.self)
  }

  /// Adds a warning about the expression at `range`.
  func warn(_ message: String, at range: SourceRange) {
    annotations.insert(.warning, message, at: range)
  }

  /// Adds an info about the expression at `range`.
  func inform(_ message: String, at range: SourceRange) {
    annotations.insert(.info, message, at: range)
  }
}

extension EvaluationContext {
  /// What another thread needs to work on the same query.
  struct Seed: Sendable {
    fileprivate var text: String
    fileprivate var times: QueryTimes
    fileprivate var lookbackDelta: Int64
    fileprivate var maximumSamples: Int
    fileprivate var series: [any SeriesSet]
    fileprivate var hasStartTimestamps: Bool
    fileprivate var deadline: ContinuousClock.Instant?
    fileprivate var cancellation: QueryCancellation?
  }

  /// True unless operators look at several series where one might do, or what
  /// each series costs is counted.
  var maySpread: Bool {
    spread.threadCount > 1 && removesNamesAtOnce == false && stepCounts == nil && profile == nil
  }

  /// What another thread needs to work on the same query.
  var seed: Seed {
    Seed(
      text: text, times: times, lookbackDelta: lookbackDelta, maximumSamples: budget.limit,
      series: selections.map(\.series),
      hasStartTimestamps: selections.allSatisfy(\.hasStartTimestamps), deadline: deadline,
      cancellation: cancellation)
  }

  /// Creates the context of another thread.
  ///
  /// It has a budget of its own, of which the query learns by the tally: what two
  /// threads hold at a time is no reason for a query to fail that one thread could
  /// do.
  ///
  /// - Parameter dismissal: Cancelled when nothing more is wanted of the thread.
  convenience init(_ seed: Seed, dismissal: QueryCancellation) {
    let budget = SampleBudget(limit: seed.maximumSamples)
    let selections = seed.series.map { series in
      SelectedData(
        series, useCount: 1, hasStartTimestamps: seed.hasStartTimestamps, budget: budget)
    }
    self.init(
      text: seed.text, times: seed.times, lookbackDelta: seed.lookbackDelta,
      removesNamesAtOnce: false, budget: budget, selections: selections,
      deadline: seed.deadline, cancellation: seed.cancellation, dismissal: dismissal)
  }

  /// What was counted and remarked since this was called last.
  func takeTally(ofSelection index: Int) -> EvaluationTally {
    defer {
      annotations = AnnotationSet()
      samplesInWindows = 0
    }
    let (samplesRead, valuesSelected) = selections[index].takeCounts()
    return EvaluationTally(
      annotations: annotations, samplesInWindows: samplesInWindows, samplesRead: samplesRead,
      valuesSelected: valuesSelected, peakSamples: budget.takePeak())
  }

  /// Adds what another thread counted and remarked.
  ///
  /// - Throws: ``QueryError/tooManySamples(limit:)`` when the query could not have
  ///   held the samples that the other thread held, beside those it holds.
  func add(_ tally: EvaluationTally, ofSelection index: Int) throws {
    var held = budget.reservation()
    try held.extend(by: tally.peakSamples)
    annotations.formUnion(tally.annotations)
    samplesInWindows += tally.samplesInWindows
    selections[index].add(
      samplesRead: tally.samplesRead, valuesSelected: tally.valuesSelected)
  }
}

/// What one thread counted and remarked.
struct EvaluationTally: Sendable {
  var annotations = AnnotationSet()
  var samplesInWindows = 0
  var samplesRead = 0
  var valuesSelected = 0
  /// The most samples held at once.
  var peakSamples = 0
}

/// The series of one selection, decoded when asked for.
final class SelectedData {
  /// The series.
  let series: any SeriesSet
  /// The samples decoded so far; used only where several operators read them.
  private var kept: [SampleColumns?]
  private var keptCount = 0
  /// True when several operators read the series.
  let isShared: Bool
  /// True when the samples have their start timestamps.
  let hasStartTimestamps: Bool

  /// How many samples are kept for other operators. Beyond it they are decoded
  /// again, which takes a few nanoseconds each, where memory is dearer.
  private static let maximumKeptCount = 1 << 20
  private var reservation: SampleBudget.Reservation

  /// The number of samples read from storage so far.
  private(set) var samplesRead = 0
  /// The values that instant selectors took of these samples, over all steps.
  var valuesSelected = 0

  /// Prepares for reading `series`.
  ///
  /// - Parameters:
  ///   - useCount: How many operators read them.
  ///   - hasStartTimestamps: False to read the samples without them.
  init(
    _ series: any SeriesSet, useCount: Int, hasStartTimestamps: Bool, budget: SampleBudget
  ) {
    self.hasStartTimestamps = hasStartTimestamps
    self.series = series
    isShared = useCount > 1
    kept = isShared ? Array(repeating: nil, count: series.count) : []
    reservation = budget.reservation()
  }

  /// The counts since this was called last.
  fileprivate func takeCounts() -> (samplesRead: Int, valuesSelected: Int) {
    defer { (samplesRead, valuesSelected) = (0, 0) }
    return (samplesRead, valuesSelected)
  }

  fileprivate func add(samplesRead: Int, valuesSelected: Int) {
    self.samplesRead += samplesRead
    self.valuesSelected += valuesSelected
  }

  /// Makes a reader for use by one thread at a time.
  func makeReader() throws -> Reader {
    Reader(data: self, cursor: try series.makeCursor())
  }

  /// Reads the samples of series.
  final class Reader {
    private let data: SelectedData
    private let cursor: any SampleCursor
    private var scratch = SampleColumns()

    fileprivate init(data: SelectedData, cursor: any SampleCursor) {
      self.data = data
      self.cursor = cursor
    }

    /// The samples of the series at `index`, stale markers included.
    func samples(ofSeriesAt index: Int) throws -> SampleColumns {
      if data.isShared, let kept = data.kept[index] { return kept }
      scratch.removeAll()
      try cursor.read(seriesAt: index, into: &scratch)
      if data.hasStartTimestamps == false { scratch.startTimestamps = [] }
      data.samplesRead += scratch.count
      if data.isShared, data.keptCount + scratch.count <= SelectedData.maximumKeptCount {
        try data.reservation.extend(by: scratch.count)
        data.keptCount += scratch.count
        data.kept[index] = scratch
      }
      return scratch
    }
  }
}
