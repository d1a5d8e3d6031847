import SeriesModel
import TestSupport

/// A way in which the values of a series change.
enum SeriesKind: String, CaseIterable {
  /// The same value for ever.
  case constant
  /// An integer that changes by a little, now and then.
  case slowInteger = "slow-integer"
  /// An integer that rises: a counter, or a bucket of a histogram.
  case counter
  /// A number with two or three decimals that wanders.
  case decimal
  /// A number with no pattern in its bits.
  case fullEntropy = "full-entropy"

  /// How many of 101 series are of this kind, as seen in captures of real
  /// exporters.
  var weight: Int {
    switch self {
    case .constant: 25
    case .slowInteger: 13
    case .counter: 44
    case .decimal: 15
    case .fullEntropy: 4
    }
  }

  /// The metric name of the series of this kind.
  var metricName: String {
    switch self {
    case .constant: "node_filesystem_size_bytes"
    case .slowInteger: "process_open_handles"
    case .counter: "http_requests_total"
    case .decimal: "room_temperature_celsius"
    case .fullEntropy: "model_request_score"
    }
  }
}

/// Makes the values of one series; the same seed makes the same values.
struct ValueGenerator {
  private let kind: SeriesKind
  private var random: SeededGenerator
  /// The current value, in units of 1 / `scale`.
  private var mantissa: Int
  /// How far one step goes, at most.
  private let stride: Int
  private let scale: Double

  init(_ kind: SeriesKind, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    self.kind = kind
    mantissa = Int.random(in: 0...100_000, using: &random)
    stride = 1 << Int.random(in: 0...8, using: &random)
    scale = kind == .decimal ? (Bool.random(using: &random) ? 100 : 1000) : 1
    self.random = random
  }

  /// The next value.
  mutating func next() -> Double {
    switch kind {
    case .constant: break
    case .slowInteger:
      if Int.random(in: 0..<20, using: &random) == 0 {
        mantissa += Int.random(in: -3...3, using: &random)
      }
    case .counter: mantissa += Int.random(in: 0...stride, using: &random)
    case .decimal: mantissa += Int.random(in: -stride...stride, using: &random)
    case .fullEntropy: return Double.random(in: 0..<1, using: &random)
    }
    return Double(mantissa) / scale
  }
}

/// Series that are scraped together every 15 seconds.
struct SeriesFleet {
  /// The distance of two scrapes.
  static let scrapeIntervalMilliseconds: Int64 = 15_000
  /// The first scrape: the beginning of a window of two hours.
  static let startMilliseconds: Int64 = 1_699_999_200_000
  /// The job of all series.
  let job: String

  /// Shape: `kinds[i]` and `labels[i]` belong to one series.
  private(set) var kinds: [SeriesKind] = []
  private(set) var labels: [Labels] = []
  private var generators: [ValueGenerator] = []

  /// Creates `count` series of the usual mixture of kinds.
  init(count: Int, job: String = "api", seed: UInt64 = 1) {
    self.job = job
    var random = SeededGenerator(seed: seed)
    for index in 0..<count {
      add(SeriesFleet.randomKind(&random), index: index, seed: random.next())
    }
  }

  /// Creates `count` series of one kind.
  init(count: Int, of kind: SeriesKind, seed: UInt64 = 1) {
    job = "api"
    var random = SeededGenerator(seed: seed)
    for index in 0..<count { add(kind, index: index, seed: random.next()) }
  }

  private static func randomKind(_ random: inout SeededGenerator) -> SeriesKind {
    let total = SeriesKind.allCases.reduce(0) { $0 + $1.weight }
    var rest = Int.random(in: 0..<total, using: &random)
    for kind in SeriesKind.allCases {
      if rest < kind.weight { return kind }
      rest -= kind.weight
    }
    return .constant
  }

  private mutating func add(_ kind: SeriesKind, index: Int, seed: UInt64) {
    kinds.append(kind)
    labels.append([
      "__name__": kind.metricName,
      "instance": "backend-\(index % 10).example.net:9100",
      "job": job,
      "method": index % 3 == 0 ? "POST" : "GET",
      "path": "/api/v1/items/\(index % 37)",
      "shard": "shard-\(index)",
    ])
    generators.append(ValueGenerator(kind, seed: seed))
  }

  /// The number of series.
  var count: Int { labels.count }

  /// Puts the next value of every series into `values`.
  mutating func scrape(into values: inout [Double]) {
    values.removeAll(keepingCapacity: true)
    for index in generators.indices { values.append(generators[index].next()) }
  }

  /// The next `sampleCount` samples of each series.
  mutating func columns(sampleCount: Int) -> [SampleColumns] {
    generators.indices.map { series in
      var columns = SampleColumns()
      for index in 0..<sampleCount {
        columns.append(
          timestampMilliseconds: SeriesFleet.timestamp(ofScrape: index),
          value: generators[series].next())
      }
      return columns
    }
  }

  /// The time of the scrape with this number, counted from 0, in milliseconds.
  static func timestamp(ofScrape index: Int) -> Int64 {
    startMilliseconds + Int64(index) * scrapeIntervalMilliseconds
  }
}
