import PromQLSyntax
import SeriesModel

/// The series of a node that changes stored series one by one, some of them
/// computed ahead by other threads.
///
/// Series come in their order, and each is computed as it would be on one
/// thread: results are equal whatever the spread.
struct SpreadVector: VectorSource {
  private let node: PlanNode
  private let grid: StepGrid
  private let context: EvaluationContext
  private let selectionIndex: Int

  /// Spreads the series of `node`; nil where they need each other, are shared, too
  /// few or too long, or where what each costs is to be counted.
  init?(_ node: PlanNode, on grid: StepGrid, in context: EvaluationContext) {
    guard context.maySpread, let index = node.singleSelection,
      context.selections[index].isShared == false, grid.count <= SpreadOptions.stepLimit,
      context.selections[index].series.count > context.spread.chunkSeriesCount(of: grid)
    else { return nil }
    self.node = node
    self.grid = grid
    self.context = context
    selectionIndex = index
  }

  var seriesCount: Int { context.selections[selectionIndex].series.count }

  func makeReader() throws -> any SeriesReader {
    let own = try Evaluator(context: context, spreads: false).vector(node, on: grid)
    return Reader(self, own: try own.makeReader())
  }

  /// Reads series on this thread, and calls helpers once that is worth it.
  private final class Reader: SeriesReader {
    private let vector: SpreadVector
    private let own: any SeriesReader
    private let chunkSeriesCount: Int
    private let began = ContinuousClock.now
    private var team: SpreadTeam?
    /// The chunk that series are taken from, and its number.
    private var chunk = (number: -1, series: SpreadTeam.Chunk())

    init(_ vector: SpreadVector, own: any SeriesReader) {
      self.vector = vector
      self.own = own
      chunkSeriesCount = vector.context.spread.chunkSeriesCount(of: vector.grid)
    }

    deinit {
      team?.dismiss()
    }

    func read(seriesAt index: Int) throws -> SeriesColumn? {
      if index == chunkSeriesCount { callHelpers() }
      guard let team else { return try own.read(seriesAt: index) }
      let number = index / chunkSeriesCount
      let first = number * chunkSeriesCount
      if number != chunk.number, index == first {
        chunk = (number, try team.chunk(number) { try compute(chunkAt: $0) })
        try vector.context.add(chunk.series.tally, ofSelection: vector.selectionIndex)
      }
      // A chunk that would have taken too much memory ends early.
      guard number == chunk.number, index - first < chunk.series.columns.count else {
        return try own.read(seriesAt: index)
      }
      return chunk.series.columns[index - first]
    }

    /// Calls helpers when what is left will take long, as far as the first chunk
    /// tells.
    private func callHelpers() {
      let count = vector.seriesCount
      let left = (ContinuousClock.now - began) / chunkSeriesCount * (count - chunkSeriesCount)
      guard team == nil, left >= vector.context.spread.worthwhile else { return }
      let seed = vector.context.seed
      let (node, grid, selectionIndex) = (vector.node, vector.grid, vector.selectionIndex)
      let chunkSeriesCount = chunkSeriesCount
      team = SpreadTeam(
        chunkCount: (count - 1) / chunkSeriesCount + 1, beginningAt: 1,
        helperCount: vector.context.spread.threadCount - 1
      ) { dismissal in
        let context = EvaluationContext(seed, dismissal: dismissal)
        let reader = try Evaluator(context: context, spreads: false).vector(node, on: grid)
          .makeReader()
        return { number in
          let first = number * chunkSeriesCount
          var chunk = try SpreadTeam.Chunk(
            first..<min(first + chunkSeriesCount, count), of: reader, in: context)
          chunk.tally = context.takeTally(ofSelection: selectionIndex)
          return chunk
        }
      }
    }

    /// Computes a chunk on this thread, while helpers are at others.
    private func compute(chunkAt number: Int) throws -> SpreadTeam.Chunk {
      let first = number * chunkSeriesCount
      return try SpreadTeam.Chunk(
        first..<min(first + chunkSeriesCount, vector.seriesCount), of: own, in: vector.context)
    }
  }
}

extension SpreadTeam.Chunk {
  /// Computes consecutive series, or the first of them when they are large.
  fileprivate init(
    _ range: Range<Int>, of reader: any SeriesReader, in context: EvaluationContext
  ) throws {
    self.init()
    for index in range {
      if isFull { break }
      try context.seriesCheckpoint()
      append(try reader.read(seriesAt: index))
    }
  }
}

extension PlanNode {
  /// The selection whose series the node changes, each by itself; nil where it
  /// needs several at once, other selections, or none.
  fileprivate var singleSelection: Int? {
    switch self {
    case .selector(let plan):
      return plan.selectionIndex
    case .windowCall(let plan):
      guard case .selector(let selector) = plan.range.source, plan.function.reportsAbsence == false,
        plan.scalars.allSatisfy(\.isLiteral)
      else { return nil }
      return selector.selectionIndex
    case .negation(let operand):
      return operand.singleSelection
    case .mixedBinary(let plan):
      return plan.scalar.isLiteral ? plan.vector.singleSelection : nil
    case .call(let plan):
      switch plan.function.body {
      case .elementwise, .elementwiseWithScalars, .histogramwise, .calendar:
        guard plan.arguments.dropFirst().allSatisfy(\.node.isLiteral) else { return nil }
        return plan.arguments.first?.node.singleSelection
      case .scalar, .window, .vector, .scalarOfVector:
        return nil
      }
    case .number, .string, .range, .aggregation, .scalarBinary, .vectorBinary, .setOperation,
      .stepInvariant:
      return nil
    }
  }

  /// True for a number and its opposite.
  private var isLiteral: Bool {
    switch self {
    case .number: true
    case .negation(let operand): operand.isLiteral
    default: false
    }
  }
}
