import ChunkEncoding
import LMDB
import SeriesModel
import TestSupport
import Testing

@testable import Storage

/// A chunk as a test knows it: the samples that it holds.
private struct ModelChunk: Hashable {
  var id: SeriesID
  var samples: [Sample]

  init(_ id: SeriesID, _ samples: [Sample]) {
    self.id = id
    self.samples = samples
  }

  init(_ chunk: borrowing StoredChunk) throws(StorageError) {
    var columns = SampleColumns()
    try chunk.decode(into: &columns)
    self.init(
      chunk.id,
      zip(columns.timestamps, columns.values).map { Sample(milliseconds: $0, value: $1) })
  }

  var encoded: EncodedChunk {
    var columns = SampleColumns()
    for sample in samples {
      columns.append(timestampMilliseconds: sample.timestamp.milliseconds, value: sample.value)
    }
    var compressor = ChunkCompressor()
    return compressor.encode(columns, at: 0..<columns.count)
  }

  var description: ChunkDescription { encoded.description }
}

/// A sample with its series.
private struct ModelSample: Hashable {
  var id: SeriesID
  var sample: Sample
}

extension Sequence<ModelChunk> {
  /// The samples within a range, in order, wherever chunks begin and end.
  fileprivate func samples(in range: ClosedRange<Int64>) -> [ModelSample] {
    flatMap { chunk in
      chunk.samples.filter { range.contains($0.timestamp.milliseconds) }
        .map { ModelSample(id: chunk.id, sample: $0) }
    }
  }
}

extension SeededGenerator {
  /// A chunk of the window with up to `sampleLimit` samples, whose timestamps
  /// are those of other chunks now and then.
  fileprivate mutating func chunk(
    of id: UInt64, in window: Window, sampleLimit: UInt64 = 120
  ) -> ModelChunk {
    let interval = Int64(1 + next() % 3) * 7_000
    let jitter = next() % 2 == 0 ? 0 : Int64(next() % 50)
    let constant = Double(next() % 1000) / 10
    let shape = next() % 4
    let first = window.startMilliseconds + Int64(next() % 5) * 60_000
    let count = 1 + Int64(next() % sampleLimit)
    return ModelChunk(
      SeriesID(id),
      (0..<count).map { index in
        Sample(
          milliseconds: first + index * interval + index % 3 * jitter,
          value: shape == 0
            ? constant
            : shape == 1 ? Double(next() % 1000) : Double(bitPattern: next() >> (shape * 8)))
      })
  }
}

@Suite struct ChunkTableTests {
  private let fixture: TableFixture
  private let chunks: ChunkTable
  private let windows: WindowTable
  private let window = Window(
    containing: 1_700_000_000_000, lengthMilliseconds: Window.shortLengthMilliseconds)

  init() throws {
    fixture = try TableFixture()
    chunks = ChunkTable(fixture.schema)
    windows = WindowTable(fixture.schema)
  }

  /// Writes chunks, sorted by series, as one run in transactions of
  /// `groupCount` chunks.
  private func write(_ model: [ModelChunk], in window: Window, groupCount: Int = 500) throws {
    let part = try fixture.write { transaction throws(StorageError) in
      try chunks.takePart(in: &transaction)
    }
    var run = ChunkRun(window: window, part: part)
    for start in stride(from: 0, to: model.count, by: groupCount) {
      for chunk in model[start..<min(start + groupCount, model.count)] {
        run.add(chunk.encoded, of: chunk.id)
      }
      _ = try fixture.write { transaction throws(StorageError) in
        try chunks.write(&run, in: &transaction)
      }
    }
    #expect(run.pendingChunkCount == 0)
  }

  private func read(
    _ list: PostingsList, in window: Window, _ range: ClosedRange<Int64> = .min ... .max
  ) throws(StorageError) -> [ModelChunk] {
    try fixture.read { view throws(StorageError) in
      guard let row = try windows.row(of: window, in: view) else { return [] }
      var found: [ModelChunk] = []
      try chunks.forEachChunk(of: list, in: row, overlapping: range, view: view) {
        chunk throws(StorageError) in found.append(try ModelChunk(chunk))
      }
      return found
    }
  }

  @Test(arguments: 0..<3)
  func writtenChunksAreReadBack(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var model: [ModelChunk] = []
    for _ in 0..<4 {
      var run: [ModelChunk] = []
      for id in 1...UInt64(200) where generator.next() % 3 > 0 {
        for _ in 0...(generator.next() % 20 == 0 ? 12 : generator.next() % 2) {
          run.append(generator.chunk(of: id, in: window))
        }
      }
      try write(run, in: window, groupCount: 1 + Int(generator.next() % 200))
      model += run
    }
    for _ in 0..<15 {
      let share = 1 + generator.next() % (generator.next() % 2 == 0 ? 3 : 100)
      let ids = (0...UInt64(210)).filter { _ in generator.next() % share == 0 }
      let list = PostingsList(sorted: ids.map { SeriesID($0) })
      let probe = generator.chunk(of: 1, in: window).description
      let range = probe.minTimestamp...probe.maxTimestamp
      let expected = model.filter { list.contains($0.id) }
      #expect(
        try read(list, in: window, range).samples(in: range) == expected.samples(in: range))
    }
    let row = try #require(
      try fixture.read { view throws(StorageError) in try windows.row(of: window, in: view) })
    #expect(row.partCount == 4)
    // Chunks are cut in two where that fills a block.
    #expect((model.count...model.count * 11 / 10).contains(row.chunkCount))
    #expect(row.seriesCount == Set(model.map(\.id)).count)
    #expect(row.sampleCount == model.reduce(0) { $0 + $1.description.sampleCount })
    #expect(row.minTimestamp == model.map(\.description.minTimestamp).min())
    #expect(row.maxTimestamp == model.map(\.description.maxTimestamp).max())
    let everything = try fixture.read { view throws(StorageError) in
      var found: [ModelChunk] = []
      try chunks.forEachChunk(in: row, view: view) { chunk throws(StorageError) in
        found.append(try ModelChunk(chunk))
      }
      return found
    }
    #expect(everything.count == row.chunkCount)
    #expect(everything.samples(in: .min ... .max) == model.samples(in: .min ... .max))
  }

  /// Series that are read one after the other, in any order, have the chunks
  /// that a walk over all of them finds, also where a series has chunks in
  /// several blocks.
  @Test(arguments: 0..<6)
  func seriesReadOneByOneHaveTheirChunks(seed: UInt64) throws {
    var generator = SeededGenerator(seed: 100 + seed)
    for _ in 0..<3 {
      var run: [ModelChunk] = []
      for id in 1...UInt64(120) where generator.next() % 4 > 0 {
        for _ in 0...(generator.next() % 10 == 0 ? 40 : generator.next() % 4) {
          run.append(generator.chunk(of: id, in: window))
        }
      }
      try write(run, in: window)
    }
    let ids = (0...UInt64(125)).map { SeriesID($0) }.shuffled(using: &generator)
    try fixture.read { view throws(StorageError) in
      guard let row = try windows.row(of: window, in: view) else { return }
      var reader = SeriesChunkReader(chunks, row: row)
      for id in ids.sorted() + ids + ids.reversed() {
        var expected: [ModelChunk] = []
        try chunks.forEachChunk(
          of: PostingsList(sorted: [id]), in: row, overlapping: .min ... .max, view: view
        ) { chunk throws(StorageError) in expected.append(try ModelChunk(chunk)) }
        var places: [SeriesChunkReader.Place] = []
        let count = try reader.find(
          id, overlapping: .min ... .max, in: view, appendingTo: &places)
        var found: [ModelChunk] = []
        for place in places {
          found.append(try ModelChunk(StoredChunk(place, in: view, table: chunks.table)))
        }
        #expect(found == expected)
        #expect(count == expected.count)
      }
    }
  }

  @Test func distantSeriesAreFoundWithoutAWalk() throws {
    var generator = SeededGenerator(seed: 20)
    let model = (1...UInt64(4000)).map { generator.chunk(of: $0 * 3, in: window, sampleLimit: 40) }
    try write(model, in: window)
    // Gaps between series, ids between two blocks, the ends and beyond.
    let ids: [UInt64] = [1, 3, 4, 5, 6000, 6001, 6003, 11_997, 12_000, 12_003, 1 << 50]
    let list = PostingsList(sorted: ids.map { SeriesID($0) })
    #expect(try read(list, in: window).map(\.id.rawValue) == [3, 6000, 6003, 11_997, 12_000])
  }

  @Test func blocksFillAPage() throws {
    var generator = SeededGenerator(seed: 21)
    let model = (1...UInt64(2000)).map { id in
      let count = 30 + Int64(generator.next() % 5)
      return ModelChunk(
        SeriesID(id),
        (0..<count).map { index in
          Sample(
            milliseconds: window.startMilliseconds + index * 15_000,
            value: Double(bitPattern: generator.next()))
        })
    }
    try write(model, in: window)
    let sizes = try fixture.entries(of: "chunks").map(\.value.count)
    #expect(sizes.allSatisfy { $0 <= 4060 })
    #expect(sizes.filter { $0 >= 3750 }.count >= sizes.count - 5)
  }

  @Test func chunkOfTheLargestSizeFits() throws {
    let description = ChunkDescription(
      classByte: ChunkClass.decimals.rawValue, sampleCount: 1 << 16,
      minTimestamp: window.startMilliseconds, maxTimestamp: window.lastMilliseconds)
    let largest = EncodedChunk(
      description: description, timestamps: [UInt8](repeating: 1, count: 900),
      payload: [UInt8](repeating: 2, count: ChunkRun.largestPayloadByteCount - 900))
    let id = SeriesID(1 << 60)
    let sizes = try fixture.write { transaction throws(StorageError) in
      var run = ChunkRun(window: window, part: try chunks.takePart(in: &transaction))
      for _ in 0..<3 { run.add(largest, of: id) }
      try chunks.write(&run, in: &transaction)
      var sizes: [Int] = []
      guard let row = try windows.row(of: window, in: transaction.view) else { return sizes }
      try chunks.forEachChunk(in: row, view: transaction.view) { chunk throws(StorageError) in
        sizes.append(chunk.payloadByteCount)
      }
      return sizes
    }
    #expect(sizes == [Int](repeating: largest.payload.count, count: 3))
  }

  /// Large histograms fill a block each, and a day of them may be more blocks of
  /// one series than two bytes count.
  @Test func seriesMayHaveMoreBlocksThanTwoBytesCount() throws {
    var compressor = ChunkCompressor()
    let ids = [1, 7, 9].map { SeriesID($0) }
    try fixture.write { transaction throws(StorageError) in
      var run = ChunkRun(window: window, part: try chunks.takePart(in: &transaction))
      run.firstOrdinal = 65_532
      for id in ids {
        for index in 0..<(id == ids[1] ? 9 : 1) {
          var histogram = NativeHistogram(schema: 0, count: 1000, sum: Double(index))
          for bucket in 0..<1000 as Range<Int32> {
            histogram.positiveBuckets.append(index: 3 * bucket, count: Double(bucket % 7) / 3)
          }
          var columns = SampleColumns()
          columns.append(
            timestampMilliseconds: window.startMilliseconds + Int64(index), histogram: histogram)
          run.add(compressor.encode(columns, at: 0..<1), of: id)
          // In several steps, as a merge writes them.
          if index % 4 == 3 { try chunks.write(&run, in: &transaction) }
        }
      }
      try chunks.write(&run, in: &transaction)
    }
    let keys = try fixture.entries(of: "chunks").map(\.key)
    #expect(keys.map(\.count) == [30, 30, 30, 30, 34, 34, 34, 34, 34, 34, 30])
    #expect(keys[4].suffix(6) == [255, 255, 0, 0, 0, 0])
    #expect(keys[9].suffix(6) == [255, 255, 0, 0, 0, 5])
    try fixture.read { view throws(StorageError) in
      guard let row = try windows.row(of: window, in: view) else {
        Issue.record("the window has a row")
        return
      }
      #expect(row.seriesCount == 3)
      var reader = SeriesChunkReader(chunks, row: row)
      for id in ids {
        var found: [Double] = []
        try chunks.forEachChunk(
          of: PostingsList(sorted: [id]), in: row, overlapping: .min ... .max, view: view
        ) { chunk throws(StorageError) in found += try ModelChunk(chunk).samples.map(\.value) }
        #expect(found == (id == ids[1] ? (0..<9).map(Double.init) : [0]))
        var places: [SeriesChunkReader.Place] = []
        let count = try reader.find(
          id, overlapping: .min ... .max, in: view, appendingTo: &places)
        #expect(count == found.count && places.count == found.count)
      }
    }
  }

  @Test func chunksOfOneScrapeShareTheirTimestamps() throws {
    // 8 ms of jitter: a vector of its own takes some 120 bytes a chunk.
    var generator = SeededGenerator(seed: 25)
    let timestamps = (0..<240).map {
      window.startMilliseconds + Int64($0) * 15_000 + Int64(generator.next() % 8)
    }
    let model = (1...UInt64(200)).map { id in
      ModelChunk(SeriesID(id), timestamps.map { Sample(milliseconds: $0, value: Double(id)) })
    }
    try write(model, in: window)
    let byteCount = try fixture.entries(of: "chunks").reduce(0) { $0 + $1.value.count }
    #expect(byteCount < 20 * model.count)
    #expect(try read(PostingsList(sorted: model.map(\.id)), in: window) == model)
  }

  @Test func movedChunksAreLeftOut() throws {
    var generator = SeededGenerator(seed: 26)
    let model = (1...UInt64(100)).map { generator.chunk(of: $0, in: window) }
    try write(model, in: window)
    try write(model, in: window)
    let list = PostingsList(sorted: model.map(\.id))
    try fixture.write { transaction throws(StorageError) in
      guard var row = try windows.row(of: window, in: transaction.view) else { return }
      row.movingEndPart = 1
      row.movedBelow = SeriesID(41)
      try windows.store(row, in: &transaction)
    }
    let all: ClosedRange<Int64> = .min ... .max
    #expect(
      try read(list, in: window).samples(in: all) == (model[40...] + model).samples(in: all))
    try fixture.write { transaction throws(StorageError) in
      guard var row = try windows.row(of: window, in: transaction.view) else { return }
      (row.firstPart, row.movingEndPart, row.movedBelow) = (1, 0, SeriesID(0))
      try windows.store(row, in: &transaction)
    }
    #expect(try read(list, in: window).samples(in: all) == model.samples(in: all))
  }

  @Test(arguments: [Int64.min, -1, 0, Int64.max])
  func extremeTimesAreKept(timestamp: Int64) throws {
    let window = Window(
      containing: timestamp, lengthMilliseconds: Window.largestLengthMilliseconds)
    #expect(window.startMilliseconds <= timestamp && timestamp <= window.lastMilliseconds)
    let chunk = ModelChunk(SeriesID(1), [Sample(milliseconds: timestamp, value: 1)])
    try write([chunk], in: window)
    let list = PostingsList(sorted: [chunk.id])
    #expect(try read(list, in: window, timestamp...timestamp) == [chunk])
  }

  @Test func everyChangedByteIsNoticed() throws {
    var generator = SeededGenerator(seed: 23)
    let model = (1...UInt64(8)).map { generator.chunk(of: $0, in: window, sampleLimit: 12) }
    try write(model, in: window)
    let list = PostingsList(sorted: model.map(\.id))
    let (key, value) = try #require(try fixture.entries(of: "chunks").first)
    for index in value.indices {
      var changed = value
      changed[index] ^= UInt8(1 << (generator.next() % 8))
      try fixture.overwrite(key, in: "chunks", with: changed)
      let error = #expect(throws: StorageError.self) { _ = try read(list, in: window) }
      guard case .corrupted("chunks", key, _) = error else {
        Issue.record("byte \(index): \(String(describing: error))")
        continue
      }
      try fixture.overwrite(key, in: "chunks", with: Array(value[..<index]))
      #expect(throws: StorageError.self) { _ = try read(list, in: window) }
    }
    try fixture.overwrite(key, in: "chunks", with: value)
    #expect(try read(list, in: window) == model)
  }

  @Test func damagedChunkLeavesTheOthersReadable() throws {
    var generator = SeededGenerator(seed: 24)
    let model = (1...UInt64(5)).map { id in
      var chunk = generator.chunk(of: id, in: window)
      // Eight bytes of values each.
      chunk.samples = (0..<10).map {
        Sample(milliseconds: window.startMilliseconds + $0 * 1000, value: Double(id) / 7)
      }
      return chunk
    }
    try write(model, in: window)
    var (key, value) = try #require(try fixture.entries(of: "chunks").first)
    value[value.count - 20] ^= 1
    try fixture.overwrite(key, in: "chunks", with: value)
    let (found, errors) = try fixture.read {
      view throws(StorageError) -> ([ModelChunk], [StorageError]) in
      guard let row = try windows.row(of: window, in: view) else { return ([], []) }
      var found: [ModelChunk] = []
      var errors: [StorageError] = []
      try chunks.forEachChunk(in: row, view: view) { chunk throws(StorageError) in
        do throws(StorageError) {
          found.append(try ModelChunk(chunk))
        } catch {
          errors.append(error)
        }
      }
      return (found, errors)
    }
    #expect(found == model.filter { $0.id != SeriesID(3) })
    #expect(errors.count == 1)
    #expect(errors.first?.description.contains("series 3") == true)
  }

  @Test func badChunksTrap() async {
    await #expect(processExitsWith: .failure) {
      let window = Window(containing: 0, lengthMilliseconds: Window.shortLengthMilliseconds)
      var run = ChunkRun(window: window, part: 0)
      let outside = ModelChunk(SeriesID(1), [Sample(milliseconds: -1, value: 1)])
      run.add(outside.encoded, of: outside.id)
    }
  }

  // MARK: Windows

  private func chunk(
    of ids: [UInt64], at timestamp: Int64, length: Int64 = Window.shortLengthMilliseconds
  ) throws -> Window {
    let window = Window(containing: timestamp, lengthMilliseconds: length)
    try write(
      ids.map { id in
        ModelChunk(SeriesID(id), [Sample(milliseconds: timestamp, value: 1)])
      }, in: window)
    return window
  }

  private func rows(
    _ range: ClosedRange<Int64> = .min ... .max, includesHidden: Bool = false
  ) throws(StorageError) -> [Window] {
    try fixture.read { view throws(StorageError) in
      try windows.rows(overlapping: range, includesHidden: includesHidden, in: view)
        .map(\.window)
    }
  }

  @Test func windowsAreListedByTheirSampleTimes() throws {
    let day = Window.dayLengthMilliseconds
    let old = try chunk(of: [1], at: -3 * day + 5, length: day)
    let long = try chunk(of: [1], at: 17 * day, length: 16 * day)
    let recent = try chunk(of: [1], at: 17 * day + 9)
    #expect(try rows() == [old, long, recent])
    #expect(try rows((17 * day)...(17 * day + 8)) == [long])
    #expect(try rows((17 * day + 9)...Int64.max) == [recent])
    #expect(try rows((-3 * day)...(16 * day)) == [old])
    #expect(try rows(0...(day)) == [])
  }

  @Test func deletedWindowLeavesNothingBehind() throws {
    let first = try chunk(of: Array(1...3000), at: 0)
    let second = try chunk(of: [2, 5, 7], at: Window.shortLengthMilliseconds)
    let shared = try fixture.read { view throws(StorageError) in
      try windows.seriesIDs(of: second, in: view)
    }
    #expect(shared.ids.map(\.rawValue) == [2, 5, 7])

    try fixture.write { transaction throws(StorageError) in
      try windows.hide(first, in: &transaction)
    }
    #expect(try rows() == [second])
    #expect(try rows(includesHidden: true) == [first, second])
    // A hidden window takes nothing more.
    let before = try fixture.entries(of: "chunks").count
    _ = try chunk(of: [9], at: 1)
    #expect(try fixture.entries(of: "chunks").count == before)

    var stepCount = 0
    var isFinished = false
    while isFinished == false {
      isFinished = try fixture.write { transaction throws(StorageError) in
        try chunks.deleteSome(of: first, limit: 3, in: &transaction)
      }
      stepCount += 1
    }
    #expect(stepCount > 2)
    try fixture.write { transaction throws(StorageError) in
      try windows.forget(first, in: &transaction)
    }
    #expect(try rows(includesHidden: true) == [second])
    #expect(try read(shared, in: second).count == 3)
    #expect(try fixture.entries(of: "chunks").count == 1)
    #expect(try fixture.entries(of: "windows").count == 2)
  }

  @Test func everyChangedByteOfAWindowRowIsNoticed() throws {
    let window = try chunk(of: [1, 5, 9], at: 0)
    for (key, value) in try fixture.entries(of: "windows") {
      for index in value.indices {
        var changed = value
        changed[index] ^= 0x10
        try fixture.overwrite(key, in: "windows", with: changed)
        #expect(throws: StorageError.self) {
          try fixture.read { view throws(StorageError) in
            _ = try windows.rows(in: view)
            _ = try windows.seriesIDs(of: window, in: view)
          }
        }
      }
      try fixture.overwrite(key, in: "windows", with: value)
    }
    #expect(try rows() == [window])
  }
}
