/// Something in a segment file that should not be there.
package struct JournalDamage: Hashable, Sendable, CustomStringConvertible {
  /// The segment file.
  package var path: String
  /// Where in the file the damage begins.
  package var byteOffset: Int
  /// What was found.
  package var reason: String

  /// One sentence without a full stop.
  package var description: String { "\(path) is damaged at byte \(byteOffset): \(reason)" }
}

/// Walks the records of a segment file that was read whole.
///
/// Bytes that are no record are skipped up to the next record. At the end of
/// the last segment they are what a crash left of a write that was never
/// acknowledged: the *torn tail*. A crash may also leave a later part of one
/// sync without an earlier one, so records of the same sync behind a hole
/// belong to the torn tail too. Everything else is damage.
struct SegmentReader {
  let path: String
  let bytes: [UInt8]
  let header: SegmentHeader
  /// True when a torn tail is to be expected.
  let isLast: Bool

  /// The number of bytes up to the end of the last record that counts.
  private(set) var validByteCount = SegmentHeader.byteCount
  private(set) var damages: [JournalDamage] = []
  /// True when bytes follow that are neither records nor zero.
  private(set) var hasTornTail = false
  private var expectedSequence: UInt64?

  /// Starts behind the header.
  ///
  /// - Parameter expectedSequence: The number of the first record, or nil when
  ///   any will do.
  init(
    path: String, bytes: [UInt8], isLast: Bool, expectedSequence: UInt64?
  ) throws(SegmentHeader.Problem) {
    header = try SegmentHeader(decoding: bytes.span)
    self.path = path
    self.bytes = bytes
    self.isLast = isLast
    self.expectedSequence = expectedSequence
  }

  /// The next record and where its payload lies, or nil at the end.
  mutating func next() -> (header: RecordHeader, payload: Range<Int>)? {
    let start = validByteCount
    if let record = record(at: start) { return accept(record, at: start) }
    guard let lastUsed = bytes.span.lastIndexOfNonzero(from: start) else { return nil }
    guard let (record, offset) = firstRecord(after: start, through: lastUsed) else {
      endBadly(at: start)
      return nil
    }
    if isLast, let expectedSequence, record.groupStart <= expectedSequence,
      wasSynchronized(expectedSequence, accordingTo: record, at: offset) == false
    {
      hasTornTail = true
      return nil
    }
    damages.append(
      JournalDamage(
        path: path, byteOffset: start, reason: "\(offset - start) bytes are no whole record"))
    return accept(record, at: offset)
  }

  /// Whether a sync covered a record that is missing: the records behind it say
  /// so, from the first one of a later sync on.
  private func wasSynchronized(
    _ sequence: UInt64, accordingTo first: RecordHeader, at start: Int
  ) -> Bool {
    var offset = start
    var record = Optional(first)
    while let found = record {
      if found.groupStart > sequence { return true }
      offset += RecordHeader.byteCount + found.payloadByteCount
      record = self.record(at: offset)
    }
    return false
  }

  private mutating func accept(
    _ record: RecordHeader, at offset: Int
  ) -> (header: RecordHeader, payload: Range<Int>) {
    if let expectedSequence, record.sequence != expectedSequence {
      damages.append(
        JournalDamage(
          path: path, byteOffset: offset,
          reason: "record \(record.sequence) stands where \(expectedSequence) should"))
    }
    let payload = offset + RecordHeader.byteCount
    validByteCount = payload + record.payloadByteCount
    // A checkpoint has one number for all of its records.
    expectedSequence = header.kind == .log ? record.sequence + 1 : record.sequence
    return (record, payload..<validByteCount)
  }

  private mutating func endBadly(at offset: Int) {
    if isLast {
      hasTornTail = true
    } else {
      damages.append(
        JournalDamage(path: path, byteOffset: offset, reason: "the rest is no whole record"))
    }
  }

  private func record(at offset: Int) -> RecordHeader? {
    RecordHeader(in: bytes.span, at: offset, salt: header.salt)
  }

  /// Looks for a record byte by byte; cheap tests come before the checksum.
  private func firstRecord(after start: Int, through last: Int) -> (RecordHeader, Int)? {
    let span = bytes.span
    let floor = expectedSequence ?? 0
    var offset = start + 1
    while offset + RecordHeader.byteCount <= last + 1 {
      let sequence = span.littleEndian(at: offset + 8, byteCount: 8)
      if sequence >= floor, sequence - floor < 1 << 32, let record = record(at: offset) {
        return (record, offset)
      }
      offset += 1
    }
    return nil
  }
}

extension Span<UInt8> {
  /// The last index from `start` on at which the byte is not zero.
  ///
  /// Segments end in megabytes of zeros, so this looks at 8 bytes at a time.
  func lastIndexOfNonzero(from start: Int) -> Int? {
    // Safety: bytes have no padding.
    let raw = unsafe bytes
    var end = count
    while end - start >= 8,
      // Safety: the eight bytes lie between `start` and `end`.
      unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: end - 8, as: UInt64.self) == 0
    {
      end -= 8
    }
    while end > start {
      end -= 1
      if self[end] != 0 { return end }
    }
    return nil
  }
}
