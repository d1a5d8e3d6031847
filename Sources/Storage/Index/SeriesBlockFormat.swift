import SeriesModel

/// The blocks of ``SeriesTable``.
///
/// Body, for each series:
///
///     (id - the one before, the key's at first) * 2 + (1 when outside): LEB128
///     unless the labels are kept outside of the block:
///       number of labels: LEB128
///       1 bit for each label, low bits first, padded to bytes: whether it
///         differs from the label at the same place of the series before
///       for each that differs:
///         (bytes its value shares with the start of that label's value) * 2
///           + (1 when that label's name is the same): LEB128
///         unless the name is the same: its byte count, LEB128, and the name
///         the byte count of the rest of the value, LEB128, and the rest
///
/// A place that the series before does not have counts as an empty label. Label
/// by label is what shortens real series most: neighbours differ in the metric
/// name and in one or two labels in the middle, and agree in all between.
struct SeriesBlockFormat: BlockFormat {
  let prefix: [UInt8] = [1]
  let formatByte: UInt8 = 1
  let entryLimit = 32
  let byteLimit = BlockFrame.halfPageByteCount

  func sortKey(of entry: SeriesTable.Entry) -> [UInt8] {
    var key: [UInt8] = []
    key.appendBigEndian(entry.id.rawValue)
    return key
  }

  func precedes(_ first: SeriesTable.Entry, _ second: SeriesTable.Entry) -> Bool {
    first.id < second.id
  }

  // MARK: Encoding

  func encode(
    _ entry: SeriesTable.Entry, after previous: SeriesTable.Entry?, to body: inout [UInt8]
  ) {
    let gap = entry.id.rawValue - (previous ?? entry).id.rawValue
    precondition(gap < SeriesIDCoding.idBound, "series ids are below 2^62")
    guard let labels = entry.encodedLabels else {
      body.appendVarint(gap << 1 | 1)
      return
    }
    body.appendVarint(gap << 1)
    SeriesBlockFormat.encode(labels, after: previous?.encodedLabels ?? [], to: &body)
  }

  private static func encode(
    _ labels: [UInt8], after previous: [UInt8], to body: inout [UInt8]
  ) {
    let (bytes, previousBytes) = (labels.span, previous.span)
    let places = LabelPlaces(of: bytes)
    let previousPlaces = LabelPlaces(of: previousBytes)
    body.appendVarint(UInt64(places.labels.count))
    let maskStart = body.count
    body.append(contentsOf: repeatElement(0, count: (places.labels.count + 7) / 8))
    for (index, place) in places.labels.enumerated() {
      let other = previousPlaces.label(at: index)
      let name = bytes.extracting(place.name)
      let value = bytes.extracting(place.value)
      let hasSameName = name.hasSameBytes(as: previousBytes.extracting(other.name))
      let shared = value.sharedPrefixCount(with: previousBytes.extracting(other.value))
      if hasSameName, shared == value.count, shared == other.value.count { continue }
      body[maskStart + index / 8] |= 1 << UInt8(index % 8)
      body.appendVarint(UInt64(shared) << 1 | (hasSameName ? 1 : 0))
      if hasSameName == false {
        body.appendVarint(UInt64(name.count))
        body.append(copying: name)
      }
      body.appendVarint(UInt64(value.count - shared))
      body.append(copying: value.extracting(shared...))
    }
  }

  // MARK: Decoding

  func decode(
    _ body: Span<UInt8>, keySuffix: Span<UInt8>
  ) throws(BlockDamage) -> [SeriesTable.Entry] {
    var entries: [SeriesTable.Entry] = []
    var reader = try SeriesBlockReader(body, keySuffix: keySuffix)
    while try reader.next() { entries.append(reader.entry) }
    return entries
  }
}

/// Reads the series of a block, one after the other.
///
/// A series that is passed over costs only what its labels differ in.
struct SeriesBlockReader: ~Escapable {
  private let body: Span<UInt8>
  private var reader: BlockReader
  private var rawID: UInt64
  private var isFirst = true
  private var isOutside = false
  private var labels = LabelDecoder()

  /// Begins before the first series.
  @_lifetime(copy body)
  init(_ body: Span<UInt8>, keySuffix: Span<UInt8>) throws(BlockDamage) {
    guard keySuffix.count == 8 else { throw BlockDamage("the key has a wrong size") }
    var key = BlockReader(keySuffix)
    rawID = try key.bigEndian(byteCount: 8)
    self.body = body
    reader = BlockReader(body)
  }

  /// The series read last.
  var id: SeriesID { SeriesID(rawID) }

  /// The series read last, with its labels.
  var entry: SeriesTable.Entry {
    SeriesTable.Entry(id: id, encodedLabels: isOutside ? nil : labels.encoded(in: body))
  }

  /// Moves to the next series; false at the end.
  @_lifetime(self: copy self)
  mutating func next() throws(BlockDamage) -> Bool {
    guard reader.isAtEnd == false else { return false }
    let token = try reader.varint()
    let (next, isOverflow) = rawID.addingReportingOverflow(token >> 1)
    guard isOverflow == false, isFirst || next > rawID else {
      throw BlockDamage("series ids do not ascend")
    }
    rawID = next
    isFirst = false
    isOutside = token & 1 == 1
    if isOutside { labels.removeAll() } else { try labels.read(&reader) }
    return true
  }
}

/// Where the labels are in encoded labels.
private struct LabelPlaces {
  struct Place {
    /// Everything that encodes the label.
    var whole = 0..<0
    var name = 0..<0
    var value = 0..<0
  }

  private(set) var labels: [Place] = []

  init() {}

  /// - Precondition: `bytes` are well formed.
  init(of bytes: Span<UInt8>) {
    var offset = 0
    while offset < bytes.count {
      let name = LabelPlaces.text(in: bytes, at: offset)
      let value = LabelPlaces.text(in: bytes, at: name.upperBound)
      labels.append(Place(whole: offset..<value.upperBound, name: name, value: value))
      offset = value.upperBound
    }
  }

  /// The label at `index`, an empty one where there is none.
  func label(at index: Int) -> Place {
    index < labels.count ? labels[index] : Place()
  }

  private static func text(in bytes: Span<UInt8>, at offset: Int) -> Range<Int> {
    var start = offset
    var count = Int(bytes[start] & 0x7F)
    var shift = 7
    while bytes[start] >= 0x80 {
      start += 1
      count |= Int(bytes[start] & 0x7F) << shift
      shift += 7
    }
    return start + 1..<start + 1 + count
  }
}

/// Turns the labels of the series before into those of the next one, in place.
private struct LabelDecoder {
  private struct Place {
    /// Where the name is in the block.
    var name = 0..<0
    /// Where the value is in ``values``.
    var valueOffset = 0
    var valueByteCount = 0
    /// The room for the value.
    var capacity = 0
  }

  /// Those behind ``count`` are kept for the room that they have.
  private var places: [Place] = []
  private var count = 0
  private var values: [UInt8] = []

  mutating func removeAll() { count = 0 }

  mutating func read(_ reader: inout BlockReader) throws(BlockDamage) {
    let newCount = try reader.count(atMost: reader.remainingCount * 8)
    let mask = try reader.span(count: (newCount + 7) / 8)
    for index in 0..<newCount {
      let isDifferent = mask[index / 8] >> UInt8(index % 8) & 1 == 1
      if index < count {
        if isDifferent { try readLabel(&reader, at: index) }
        continue
      }
      guard isDifferent else { throw BlockDamage("a label is missing") }
      if index == places.count { places.append(Place()) }
      places[index].name = 0..<0
      places[index].valueByteCount = 0
      try readLabel(&reader, at: index)
    }
    count = newCount
  }

  private mutating func readLabel(
    _ reader: inout BlockReader, at index: Int
  ) throws(BlockDamage) {
    var place = places[index]
    let token = try reader.varint()
    if token & 1 == 0 {
      let byteCount = try reader.count(atMost: reader.remainingCount)
      place.name = reader.offset..<reader.offset + byteCount
      _ = try reader.span(count: byteCount)
    }
    guard token >> 1 <= UInt64(place.valueByteCount) else {
      throw BlockDamage("a count or length is too large")
    }
    let sharedCount = Int(token >> 1)
    let rest = try reader.span(count: try reader.count(atMost: reader.remainingCount))
    place.valueByteCount = sharedCount + rest.count
    if place.valueByteCount > place.capacity { move(&place, keeping: sharedCount) }
    var bytes = values.mutableSpan
    bytes.copy(rest, to: place.valueOffset + sharedCount)
    places[index] = place
  }

  /// Gives a value more room.
  private mutating func move(_ place: inout Place, keeping byteCount: Int) {
    let kept = values[place.valueOffset..<place.valueOffset + byteCount]
    place.valueOffset = values.count
    place.capacity = max(16, 2 * place.valueByteCount)
    values.append(contentsOf: kept)
    values.append(contentsOf: repeatElement(0, count: place.capacity - byteCount))
  }

  /// The encoded labels of the series read last.
  ///
  /// - Parameter body: The block that was read from.
  func encoded(in body: Span<UInt8>) -> [UInt8] {
    var byteCount = 0
    for index in 0..<count {
      byteCount += LabelDecoder.byteCount(ofText: places[index].name.count)
      byteCount += LabelDecoder.byteCount(ofText: places[index].valueByteCount)
    }
    var encoded = [UInt8](repeating: 0, count: byteCount)
    var bytes = encoded.mutableSpan
    var offset = 0
    for index in 0..<count {
      let place = places[index]
      LabelDecoder.write(body.extracting(place.name), to: &bytes, at: &offset)
      let value = place.valueOffset..<place.valueOffset + place.valueByteCount
      LabelDecoder.write(values.span.extracting(value), to: &bytes, at: &offset)
    }
    return encoded
  }

  private static func byteCount(ofText byteCount: Int) -> Int {
    var lengthByteCount = 1
    var rest = byteCount >> 7
    while rest > 0 {
      lengthByteCount += 1
      rest >>= 7
    }
    return lengthByteCount + byteCount
  }

  private static func write(
    _ text: Span<UInt8>, to bytes: inout MutableSpan<UInt8>, at offset: inout Int
  ) {
    var rest = text.count
    while rest >= 0x80 {
      bytes[offset] = UInt8(truncatingIfNeeded: rest) | 0x80
      rest >>= 7
      offset += 1
    }
    bytes[offset] = UInt8(rest)
    offset += 1
    bytes.copy(text, to: offset)
    offset += text.count
  }
}
