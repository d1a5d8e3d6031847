import Instrumentation
import TSDB
import TestSupport
import Testing

/// The library as a program sees it.
@Suite struct DatabaseTests {
  private let directory = TemporaryDirectory()
  private let labels: Labels = ["__name__": "temperature", "room": "attic"]

  private func minutes(_ count: Int64) -> Timestamp { Timestamp(milliseconds: count * 60_000) }

  private func vector(_ result: QueryResult) -> [Labels: Double] {
    guard case .vector(let elements) = result.value else { return [:] }
    return Dictionary(uniqueKeysWithValues: elements.map { ($0.labels, $0.sample.value) })
  }

  @Test func appendedSamplesAreFoundByQueriesAndSurviveReopening() throws {
    var database = try Database.open(at: directory.path("data"))
    for minute in 0...5 {
      try database.append(20 + Double(minute), to: labels, at: minutes(Int64(minute)))
    }
    #expect(vector(try database.query("temperature", at: minutes(5))) == [labels: 25])
    try database.close()

    database = try Database.open(at: directory.path("data"))
    let result = try database.query(
      "max_over_time(temperature[3m])", from: minutes(3), through: minutes(5),
      stepMilliseconds: 60_000)
    guard case .matrix(let series) = result.value else {
      Issue.record("a range query gives a matrix")
      return
    }
    #expect(series.map(\.samples.values) == [[23, 24, 25]])
    #expect(database.newestTimestamp == minutes(5))
    try database.close()
  }

  @Test func appendedHistogramIsReadBack() throws {
    var database = try Database.open(at: directory.path("data"))
    var histogram = NativeHistogram(schema: 3, count: 2, sum: 0.5)
    histogram.positiveBuckets.append(index: -7, count: 2)
    try database.append(histogram, to: labels, at: minutes(2), startingAt: minutes(1))
    try database.append(histogram, to: labels, at: minutes(3))
    histogram.count = 3
    let error = #expect(throws: TSDBError.self) {
      try database.append(histogram, to: labels, at: minutes(3))
    }
    #expect(error?.code == .refused)
    histogram.count = 2
    try database.close()
    database = try Database.open(at: directory.path("data"))
    let selection = SeriesSelection(matchers: [], start: .earliest, end: .latest)
    let snapshot = try database.snapshot(of: [selection])
    var columns = SampleColumns()
    try snapshot.seriesSets[0].makeCursor().read(seriesAt: 0, into: &columns)
    #expect(columns.timestamps == [120_000, 180_000])
    #expect(columns.histograms == [histogram, histogram])
    #expect(columns.startTimestamps == [60_000, 0])
    try database.close()
  }

  @Test func aBatchSaysWhatBecameOfEachSample() throws {
    let database = try Database.open(at: directory.path("data"))
    var batch = SampleBatch()
    let id = try database.seriesID(for: labels)
    batch.add(id, timestampMilliseconds: 1000, value: 1)
    batch.add(id, timestampMilliseconds: 1000, value: 2)
    batch.add(id, timestampMilliseconds: 500, value: 3)
    batch.metadata["temperature"] = MetricMetadata(type: .gauge, help: "How warm.")
    let result = try database.append(batch)
    #expect(result.acceptedCount == 2)
    #expect(result.rejections.map(\.reason) == [.duplicateTimestamp])
    #expect(database.metadata["temperature"]?.help == "How warm.")
    #expect(throws: TSDBError.self) {
      try database.append(9, to: labels, at: Timestamp(milliseconds: 1000))
    }
    try database.close()
  }

  @Test func aSecondWriterIsRefused() throws {
    let database = try Database.open(at: directory.path("data"))
    do {
      _ = try Database.open(at: directory.path("data"))
      Issue.record("a directory has one writer")
    } catch TSDBError.Code.inUse {
      // As it should be.
    }
    try database.close()
  }

  @Test func aReaderReadsAndDoesNotWrite() throws {
    var database = try Database.open(at: directory.path("data"))
    try database.append(1, to: labels, at: minutes(1))
    try database.close()
    database = try Database.openReadOnly(at: directory.path("data"))
    #expect(vector(try database.query("temperature", at: minutes(1))) == [labels: 1])
    do {
      try database.append(2, to: labels, at: minutes(2))
      Issue.record("a reader does not write")
    } catch TSDBError.Code.readOnly {
      // As it should be.
    }
  }

  @Test func aDirectoryWithoutDatabaseIsNoDatabase() throws {
    do {
      _ = try Database.openReadOnly(at: directory.path("nothing"))
      Issue.record("there is nothing to read")
    } catch TSDBError.Code.notADatabase {
      // As it should be.
    }
  }

  @Test func aClosedDatabaseSaysSo() throws {
    let database = try Database.open(at: directory.path("data"))
    try database.close()
    try database.close()
    do {
      try database.append(1, to: labels, at: minutes(1))
      Issue.record("a closed database does not write")
    } catch TSDBError.Code.closed {
      // As it should be.
    }
    #expect(throws: QueryError.self) { try database.query("temperature", at: minutes(1)) }
  }

  @Test func malformedQueriesPointAtTheText() throws {
    let database = try Database.open(at: directory.path("data"))
    let error = #expect(throws: QueryError.self) { try database.query("sum(", at: minutes(1)) }
    #expect(error?.description == "1:5: parse error: unclosed left parenthesis")
    try database.close()
  }

  @Test func metricsOfTheDatabaseCanBeRegistered() throws {
    let database = try Database.open(at: directory.path("data"))
    let registry = Registry()
    try database.registerMetrics(in: registry)
    try database.append(1, to: labels, at: minutes(1))
    var text: [UInt8] = []
    registry.writeText(into: &text)
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    #expect(lines.contains("prometheus_tsdb_head_series 1"))
    #expect(lines.contains("prometheus_tsdb_head_samples_appended_total 1"))
    try database.close()
  }

  @Test func everyMetricOfTheWorkIsThere() throws {
    var options = DatabaseOptions()
    options.retention = .seconds(3600)
    options.maximumExemplars = 7
    let database = try Database.inMemory(options: options)
    let registry = Registry()
    try database.registerMetrics(in: registry)
    var batch = SampleBatch()
    let id = try database.seriesID(for: labels)
    for timestamp in [120_000, 180_500, 60_000] as [Int64] {
      batch.add(id, timestampMilliseconds: timestamp, value: 1)
    }
    for timestamp in [120_000, 90_000] as [Int64] {
      batch.exemplars.append(
        BatchExemplar(
          seriesID: id,
          exemplar: Exemplar(
            labels: ["trace_id": "x"], value: 1, timestamp: Timestamp(milliseconds: timestamp))))
    }
    #expect(try database.append(batch).acceptedExemplarCount == 1)
    var text: [UInt8] = []
    registry.writeText(into: &text)
    let lines = Set(String(decoding: text, as: UTF8.self).split(separator: "\n"))
    for line in [
      "prometheus_tsdb_head_max_time 180500", "prometheus_tsdb_head_max_time_seconds 180.5",
      "prometheus_tsdb_lowest_timestamp_seconds 60",
      "prometheus_tsdb_out_of_order_samples_appended_total 1",
      "prometheus_tsdb_retention_limit_seconds 3600",
      "prometheus_tsdb_wal_fsync_duration_seconds_count 1",
      "prometheus_tsdb_exemplar_max_exemplars 7",
      "prometheus_tsdb_exemplar_exemplars_in_storage 1",
      "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds 120",
      "prometheus_tsdb_exemplar_out_of_order_exemplars_total 1",
    ] {
      #expect(lines.contains(Substring(line)), "\(line)")
    }
    let tables = lines.first { $0.hasPrefix("prometheus_tsdb_storage_blocks_bytes ") }
    #expect(tables?.hasSuffix(" 0") == false)
    try database.close()
  }

  @Test func aDatabaseInMemoryAnswersQueries() throws {
    let database = try Database.inMemory()
    try database.append(1, to: labels, at: minutes(1))
    try database.append(3, to: labels, at: minutes(2))
    #expect(vector(try database.query("temperature", at: minutes(2))) == [labels: 3])
    #expect(try database.labelValues(of: "__name__", in: []) == ["temperature"])
    let other = try Database.inMemory()
    #expect(try other.series(of: []).isEmpty)
    try database.close()
    try other.close()
  }

  @Test func exemplarsAreFoundByTheSelectorsOfAnExpression() throws {
    let database = try Database.inMemory()
    var batch = SampleBatch()
    let id = try database.seriesID(for: labels)
    batch.add(id, timestampMilliseconds: 60_000, value: 1)
    let exemplar = Exemplar(labels: ["trace_id": "x"], value: 1, timestamp: minutes(1))
    batch.exemplars = [BatchExemplar(seriesID: id, exemplar: exemplar)]
    _ = try database.append(batch)
    for expression in [
      "temperature", "sum(rate(temperature[5m])) / up", "max_over_time(temperature[5m:1m])",
    ] {
      #expect(
        try database.exemplars(expression, from: minutes(0), through: minutes(1))
          == [SeriesExemplars(seriesLabels: labels, exemplars: [exemplar])], "\(expression)")
    }
    #expect(try database.exemplars("up", from: minutes(0), through: minutes(1)).isEmpty)
    #expect(throws: QueryError.self) {
      try database.exemplars("sum(", from: minutes(0), through: minutes(1))
    }
    try database.close()
  }
}
