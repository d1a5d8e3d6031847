import ChunkEncoding
import Numbers
import SeriesModel

/// One batch in the journal: its new series, metadata, samples and exemplars.
///
/// Layout of the payload: lowest and highest series id of the samples, lowest
/// and highest timestamp (8 bytes each, little-endian; low above high when
/// there is no sample), so that readers can skip the record. Then, numbers as
/// LEB128: count of new series, each with id, byte count and encoded labels;
/// count of metadata, each with family, type, help and unit as byte count and
/// text; count of samples, each with the difference of its id to the one
/// before and of its timestamp to the one before (both zigzag), and the 8
/// bytes of its value. In records with rich samples a byte stands before the
/// value: 1 where the sample is a histogram, which then stands in the place of
/// the value, see `HistogramCoding`, plus 2 where a start timestamp follows,
/// counted back from the timestamp (zigzag). When there are exemplars, their
/// count follows, each with series id, timestamp (zigzag), the 8 bytes of its
/// value, and byte count and encoded labels.
struct BatchRecord: Equatable {
  struct NewSeries: Equatable {
    var id: SeriesID
    var labels: Labels
  }

  struct Metadata: Equatable {
    var family: String
    var metadata: MetricMetadata
  }

  var newSeries: [NewSeries] = []
  var metadata: [Metadata] = []
  var seriesIDs: [SeriesID] = []
  var timestamps: [Int64] = []
  /// Of histograms the sums.
  var values: [Double] = []
  /// What the rich ones among the samples have beyond the value.
  var richContents = RichColumn()
  /// The samples that take the place of stored ones; when there are any, the
  /// record has a kind of its own, and any of its samples may be one.
  var replacementCount = 0
  var exemplars: [BatchExemplar] = []

  var kind: RecordKind {
    if richContents.isEmpty { return replacementCount > 0 ? .replacingBatch : .batch }
    return replacementCount > 0 ? .replacingRichBatch : .richBatch
  }

  var isEmpty: Bool {
    newSeries.isEmpty && metadata.isEmpty && seriesIDs.isEmpty && exemplars.isEmpty
  }

  func encode(into bytes: inout [UInt8]) {
    bytes.appendLittleEndian(seriesIDs.min()?.rawValue ?? .max)
    bytes.appendLittleEndian(seriesIDs.max()?.rawValue ?? .min)
    bytes.appendLittleEndian(timestamps.min() ?? .max)
    bytes.appendLittleEndian(timestamps.max() ?? .min)
    Varint.append(UInt64(newSeries.count), to: &bytes)
    for series in newSeries {
      Varint.append(series.id.rawValue, to: &bytes)
      bytes.appendLengthPrefixed(series.labels.encodedBytes)
    }
    Varint.append(UInt64(metadata.count), to: &bytes)
    for entry in metadata {
      bytes.appendLengthPrefixed(entry.family.utf8)
      entry.metadata.encode(into: &bytes)
    }
    Varint.append(UInt64(seriesIDs.count), to: &bytes)
    var previousID: UInt64 = 0
    var previousTimestamp: Int64 = 0
    var coding = HistogramCoding()
    let isRich = richContents.isEmpty == false
    for index in seriesIDs.indices {
      // &-: differences modulo 2^64 are undone by the decoder's &+.
      let id = seriesIDs[index].rawValue
      Varint.appendZigZag(Int64(bitPattern: id &- previousID), to: &bytes)
      Varint.appendZigZag(timestamps[index] &- previousTimestamp, to: &bytes)
      if isRich {
        appendRichSample(at: index, with: &coding, to: &bytes)
      } else {
        bytes.appendLittleEndian(values[index].bitPattern)
      }
      previousID = id
      previousTimestamp = timestamps[index]
    }
    encodeExemplars(into: &bytes)
  }

  private func appendRichSample(
    at index: Int, with coding: inout HistogramCoding, to bytes: inout [UInt8]
  ) {
    let content = richContents[index]
    let startTimestamp = content?.startTimestamp ?? 0
    bytes.append((content?.histogram == nil ? 0 : 1) + (startTimestamp == 0 ? 0 : 2))
    if let histogram = content?.histogram {
      coding.appendWithSum(histogram, to: &bytes)
    } else {
      bytes.appendLittleEndian(values[index].bitPattern)
    }
    if startTimestamp != 0 {
      Varint.appendZigZag(timestamps[index] &- startTimestamp, to: &bytes)
    }
  }

  private func encodeExemplars(into bytes: inout [UInt8]) {
    guard exemplars.isEmpty == false else { return }
    Varint.append(UInt64(exemplars.count), to: &bytes)
    for entry in exemplars {
      Varint.append(entry.seriesID.rawValue, to: &bytes)
      Varint.appendZigZag(entry.exemplar.timestamp.milliseconds, to: &bytes)
      bytes.appendLittleEndian(entry.exemplar.value.bitPattern)
      bytes.appendLengthPrefixed(entry.exemplar.labels.encodedBytes)
    }
  }

  init() {}

  init(decoding bytes: Span<UInt8>, kind: RecordKind = .batch) throws(RecordError) {
    var input = RecordInput(bytes, at: 32)
    for _ in 0..<(try input.count(ofItemsWithAtLeast: 2)) {
      let id = SeriesID(try input.number())
      guard let labels = Labels(encodedBytes: try input.byteString()),
        (1..<SeriesIDCoding.idBound).contains(id.rawValue)
      else { throw .malformed }
      newSeries.append(NewSeries(id: id, labels: labels))
    }
    for _ in 0..<(try input.count(ofItemsWithAtLeast: 4)) {
      let family = try input.text()
      metadata.append(Metadata(family: family, metadata: try input.metadata()))
    }
    let count = try input.count(ofItemsWithAtLeast: 10)
    seriesIDs.reserveCapacity(count)
    timestamps.reserveCapacity(count)
    values.reserveCapacity(count)
    if kind == .replacingBatch || kind == .replacingRichBatch { replacementCount = count }
    let isRich = kind == .richBatch || kind == .replacingRichBatch
    var coding = HistogramCoding()
    var id: UInt64 = 0
    var timestamp: Int64 = 0
    for _ in 0..<count {
      id &+= UInt64(bitPattern: try input.signedNumber())
      timestamp &+= try input.signedNumber()
      seriesIDs.append(SeriesID(id))
      timestamps.append(timestamp)
      if isRich {
        try readRichSample(from: &input, with: &coding)
      } else {
        values.append(Double(bitPattern: try input.fixedNumber()))
      }
    }
    if input.isAtEnd == false { exemplars = try input.exemplars() }
    try input.expectEnd()
  }

  /// Reads what follows the timestamp of a sample.
  private mutating func readRichSample(
    from input: inout RecordInput, with coding: inout HistogramCoding
  ) throws(RecordError) {
    let flags = try input.bytes(count: 1)[0]
    guard flags < 4 else { throw .malformed }
    var histogram: NativeHistogram?
    if flags & 1 != 0 {
      let read = try input.histogram(with: &coding)
      values.append(read.sum)
      histogram = read
    } else {
      values.append(Double(bitPattern: try input.fixedNumber()))
    }
    let timestamp = timestamps[values.count - 1]
    let startTimestamp = flags & 2 == 0 ? 0 : timestamp &- (try input.signedNumber())
    guard flags > 0 else { return }
    richContents.append(
      RichContent(histogram: histogram, startTimestamp: startTimestamp), at: values.count - 1)
  }
}

/// A record whose checksum is right holds something else than it should.
enum RecordError: Error, Equatable {
  case malformed
}

extension MetricMetadata {
  /// Appends type, help and unit, each as its byte count and text.
  func encode(into bytes: inout [UInt8]) {
    bytes.appendLengthPrefixed(type.rawValue.utf8)
    bytes.appendLengthPrefixed(help.utf8)
    bytes.appendLengthPrefixed(unit.utf8)
  }

  /// Reads what ``encode(into:)`` wrote.
  init(decoding bytes: Span<UInt8>) throws(RecordError) {
    var input = RecordInput(bytes, at: 0)
    self = try input.metadata()
    try input.expectEnd()
  }
}

/// Reads the fields of a record, and throws where they don't fit its bytes.
struct RecordInput: ~Escapable {
  private let bytes: Span<UInt8>
  private var offset: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, at offset: Int) {
    self.bytes = bytes
    self.offset = offset
  }

  mutating func number() throws(RecordError) -> UInt64 {
    // Most numbers take one byte.
    if offset < bytes.count, bytes[offset] < 0x80 {
      offset += 1
      return UInt64(bytes[offset - 1])
    }
    do {
      // Safety: bytes have no padding.
      return unsafe try Varint.read(bytes.bytes, at: &offset)
    } catch {
      throw .malformed
    }
  }

  mutating func signedNumber() throws(RecordError) -> Int64 {
    let folded = try number()
    return Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
  }

  mutating func fixedNumber() throws(RecordError) -> UInt64 {
    guard bytes.count - offset >= 8 else { throw .malformed }
    defer { offset += 8 }
    // Safety: eight bytes follow, and bytes have no padding.
    return unsafe UInt64(
      littleEndian: bytes.bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: offset, as: UInt64.self))
  }

  /// A count of items that take at least `byteCount` bytes each.
  mutating func count(ofItemsWithAtLeast byteCount: Int) throws(RecordError) -> Int {
    let count = try number()
    guard count <= UInt64((bytes.count - offset) / byteCount) else { throw .malformed }
    return Int(count)
  }

  mutating func byteString() throws(RecordError) -> [UInt8] {
    try bytes(count: try count(ofItemsWithAtLeast: 1))
  }

  mutating func bytes(count: Int) throws(RecordError) -> [UInt8] {
    guard count <= bytes.count - offset else { throw .malformed }
    defer { offset += count }
    return bytes.extracting(offset..<offset + count).copied()
  }

  mutating func text() throws(RecordError) -> String {
    String(decoding: try byteString(), as: UTF8.self)
  }

  mutating func metadata() throws(RecordError) -> MetricMetadata {
    // A type that a newer version knows is unknown to this one.
    let type = MetricType(rawValue: try text()) ?? .unknown
    let help = try text()
    return MetricMetadata(type: type, help: help, unit: try text())
  }

  mutating func histogram(
    with coding: inout HistogramCoding
  ) throws(RecordError) -> NativeHistogram {
    do throws(ChunkError) {
      return try coding.nextWithSum(in: bytes, at: &offset)
    } catch {
      throw .malformed
    }
  }

  /// All bytes that are left.
  mutating func rest() throws(RecordError) -> [UInt8] {
    try bytes(count: bytes.count - offset)
  }

  mutating func exemplars() throws(RecordError) -> [BatchExemplar] {
    var exemplars: [BatchExemplar] = []
    for _ in 0..<(try count(ofItemsWithAtLeast: 11)) {
      let id = SeriesID(try number())
      let timestamp = Timestamp(milliseconds: try signedNumber())
      let value = Double(bitPattern: try fixedNumber())
      guard let labels = Labels(encodedBytes: try byteString()) else { throw .malformed }
      exemplars.append(
        BatchExemplar(
          seriesID: id, exemplar: Exemplar(labels: labels, value: value, timestamp: timestamp)))
    }
    return exemplars
  }

  var isAtEnd: Bool { offset == bytes.count }

  mutating func expectEnd() throws(RecordError) {
    guard isAtEnd else { throw .malformed }
  }
}

extension Span<UInt8> {
  /// The bytes as an array of their own.
  func copied() -> [UInt8] {
    unsafe withUnsafeBufferPointer { unsafe [UInt8]($0) }
  }
}

extension [UInt8] {
  /// Appends the count of `content` as LEB128, and `content`.
  mutating func appendLengthPrefixed(_ content: some Collection<UInt8>) {
    Varint.append(UInt64(content.count), to: &self)
    append(contentsOf: content)
  }
}
