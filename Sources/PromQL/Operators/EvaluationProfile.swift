import SeriesModel

/// What the operators of a query cost, as a tree.
///
/// Operators are found as they are made: one that is made while another one is
/// made is its operand. Most compute when they are read, and then call their
/// operands, so that all times include those of the operands.
final class EvaluationProfile {
  /// One operator.
  final class Node {
    let text: String
    var seriesCount = 0
    var valueCount = 0
    var elapsed = Duration.zero
    var operands: [Node] = []

    init(_ text: String) {
      self.text = text
    }

    /// Runs a part of the operator's work.
    func timed<Result>(_ body: () throws -> Result) rethrows -> Result {
      let start = ContinuousClock.now
      defer { elapsed += ContinuousClock.now - start }
      return try body()
    }

    var explanation: ExplainedOperator {
      ExplainedOperator(
        text: text, seriesCount: seriesCount, valueCount: valueCount,
        nanoseconds: elapsed.wholeNanoseconds, operands: operands.map(\.explanation))
    }
  }

  private(set) var roots: [Node] = []
  /// The operators that are being made, the innermost last.
  private var open: [Node] = []

  /// Makes an operator with `body`.
  func making<Result>(
    _ text: String, _ body: (Node) throws -> Result
  ) rethrows -> Result {
    let node = Node(text)
    if let parent = open.last {
      parent.operands.append(node)
    } else {
      roots.append(node)
    }
    open.append(node)
    defer { open.removeLast() }
    return try node.timed { try body(node) }
  }
}

/// An instant vector whose cost is noted.
struct ProfiledVector: VectorSource {
  let source: any VectorSource
  let node: EvaluationProfile.Node

  var seriesCount: Int { source.seriesCount }

  func makeReader() throws -> any SeriesReader {
    Reader(reader: try source.makeReader(), node: node)
  }

  private final class Reader: SeriesReader {
    let reader: any SeriesReader
    let node: EvaluationProfile.Node

    init(reader: any SeriesReader, node: EvaluationProfile.Node) {
      self.reader = reader
      self.node = node
    }

    func read(seriesAt index: Int) throws -> SeriesColumn? {
      let column = try node.timed { try reader.read(seriesAt: index) }
      if let column {
        node.seriesCount += 1
        column.forEachPresentStep { _ in node.valueCount += 1 }
      }
      return column
    }
  }
}

/// Range vectors whose cost is noted.
struct ProfiledRangeSeries: RangeSeries {
  let source: any RangeSeries
  let node: EvaluationProfile.Node

  var seriesCount: Int { source.seriesCount }

  func makeReader() throws -> any RangeSeriesReader {
    Reader(reader: try source.makeReader(), node: node)
  }

  private final class Reader: RangeSeriesReader {
    let reader: any RangeSeriesReader
    let node: EvaluationProfile.Node

    init(reader: any RangeSeriesReader, node: EvaluationProfile.Node) {
      self.reader = reader
      self.node = node
    }

    func read(seriesAt index: Int) throws -> RangeSeriesSamples? {
      let series = try node.timed { try reader.read(seriesAt: index) }
      if let series {
        node.seriesCount += 1
        node.valueCount += series.samples.count
      }
      return series
    }
  }
}
