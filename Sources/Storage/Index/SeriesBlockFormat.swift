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
    try forEachEntry(in: body, keySuffix: keySuffix) { entry in
      entries.append(entry)
      return true
    }
    return entries
  }

  /// Calls `visit` with the entries of a block until it returns false.
  func forEachEntry(
    in body: Span<UInt8>, keySuffix: Span<UInt8>, _ visit: (SeriesTable.Entry) -> Bool
  ) throws(BlockDamage) {
    guard keySuffix.count == 8 else { throw BlockDamage("the key has a wrong size") }
    var key = BlockReader(keySuffix)
    var id = try key.bigEndian(byteCount: 8)
    var isFirst = true
    var reader = BlockReader(body)
    var decoder = LabelDecoder()
    while reader.isAtEnd == false {
      let token = try reader.varint()
      let (next, isOverflow) = id.addingReportingOverflow(token >> 1)
      guard isOverflow == false, isFirst || next > id else {
        throw BlockDamage("series ids do not ascend")
      }
      id = next
      isFirst = false
      var entry = SeriesTable.Entry(id: SeriesID(id))
      if token & 1 == 0 {
        try decoder.read(&reader)
        entry.encodedLabels = decoder.bytes
      } else {
        decoder = LabelDecoder()
      }
      guard visit(entry) else { return }
    }
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

  mutating func append(_ place: Place) {
    labels.append(place)
  }

  /// Appends `place` as it is after a move by `distance` bytes.
  mutating func append(_ place: Place, movedBy distance: Int) {
    func moved(_ range: Range<Int>) -> Range<Int> {
      range.lowerBound + distance..<range.upperBound + distance
    }
    labels.append(
      Place(whole: moved(place.whole), name: moved(place.name), value: moved(place.value)))
  }

  mutating func removeAll() {
    labels.removeAll(keepingCapacity: true)
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

/// Rebuilds encoded labels from those of the series before.
private struct LabelDecoder {
  /// The encoded labels read last.
  private(set) var bytes: [UInt8] = []
  private var places = LabelPlaces()
  /// Those of the series before; kept for their memory, too.
  private var oldBytes: [UInt8] = []
  private var oldPlaces = LabelPlaces()

  mutating func read(_ reader: inout BlockReader) throws(BlockDamage) {
    let count = try reader.count(atMost: reader.remainingCount * 8)
    let mask = try reader.span(count: (count + 7) / 8)
    swap(&bytes, &oldBytes)
    swap(&places, &oldPlaces)
    bytes.removeAll(keepingCapacity: true)
    places.removeAll()
    for index in 0..<count {
      let old = oldPlaces.label(at: index)
      if mask[index / 8] >> UInt8(index % 8) & 1 == 1 {
        try readLabel(&reader, after: old)
        continue
      }
      guard old.whole.isEmpty == false else { throw BlockDamage("a label is missing") }
      places.append(old, movedBy: bytes.count - old.whole.lowerBound)
      bytes.append(contentsOf: oldBytes[old.whole])
    }
  }

  private mutating func readLabel(
    _ reader: inout BlockReader, after old: LabelPlaces.Place
  ) throws(BlockDamage) {
    var place = LabelPlaces.Place()
    let start = bytes.count
    let token = try reader.varint()
    if token & 1 == 1 {
      place.name = append(oldBytes[old.name], count: old.name.count)
    } else {
      let count = try reader.count(atMost: reader.remainingCount)
      place.name = append([], count: count)
      bytes.append(copying: try reader.span(count: count))
    }
    guard token >> 1 <= UInt64(old.value.count) else {
      throw BlockDamage("a count or length is too large")
    }
    let sharedCount = Int(token >> 1)
    let restCount = try reader.count(atMost: reader.remainingCount)
    let valueStart = old.value.lowerBound
    place.value = append(
      oldBytes[valueStart..<valueStart + sharedCount],
      count: sharedCount + restCount)
    bytes.append(copying: try reader.span(count: restCount))
    place.whole = start..<bytes.count
    places.append(place)
  }

  /// Appends a length and the start of a text of that length, and returns where
  /// the whole text will be.
  private mutating func append(_ start: ArraySlice<UInt8>, count: Int) -> Range<Int> {
    bytes.appendVarint(UInt64(count))
    let offset = bytes.count
    bytes.append(contentsOf: start)
    return offset..<offset + count
  }
}
