import Numbers

/// What a segment file holds.
enum SegmentKind: UInt8, Sendable {
  /// Records in the order in which they were committed.
  case log = 1
  /// The state of the head at one sequence number.
  case checkpoint = 2
}

/// What a record holds.
enum RecordKind: UInt8, Sendable {
  /// A ``BatchRecord``.
  case batch = 1
  /// An ``OpenChunkRecord``, in checkpoints of stores of format 1.
  case openChunk = 2
  /// A ``BufferedSamplesRecord`` of plain samples, in a checkpoint.
  case bufferedSamples = 3
  /// The last record of a complete checkpoint.
  case checkpointEnd = 4
  /// A ``BatchRecord`` whose samples may take the place of stored ones.
  case replacingBatch = 5
  /// An ``OpenChunksRecord``, in a checkpoint.
  case openChunks = 6
  /// A ``BatchRecord`` with rich samples.
  case richBatch = 7
  /// A ``BatchRecord`` with rich samples, any of which may take the place of
  /// stored ones.
  case replacingRichBatch = 8
  /// A ``BufferedSamplesRecord`` with rich samples, in a checkpoint.
  case richBufferedSamples = 9
}

/// The beginning of a segment file.
///
/// Layout, little-endian, 40 bytes: magic `TSDBJRNL` (8), format version (4),
/// kind (1), zero (3), segment number (8), salt (8), CRC-32C of the bytes
/// before (4), zero (4).
struct SegmentHeader: Sendable {
  static let byteCount = 40
  static let formatVersion: UInt32 = 2
  private static let magic = Array("TSDBJRNL".utf8)

  var kind: SegmentKind
  var number: UInt64
  /// Seeds the checksum of each record, so that old bytes on the disk never
  /// pass for records of this segment.
  var salt: UInt64

  /// Why a header can't be used.
  enum Problem: Error, Equatable {
    case damaged
    case newerVersion(UInt32)
  }

  func encoded() -> [UInt8] {
    var bytes = SegmentHeader.magic
    bytes.appendLittleEndian(SegmentHeader.formatVersion)
    bytes.append(contentsOf: [kind.rawValue, 0, 0, 0])
    bytes.appendLittleEndian(number)
    bytes.appendLittleEndian(salt)
    bytes.appendLittleEndian(checksum(of: bytes.span, salt: 0))
    bytes.appendLittleEndian(UInt32(0))
    return bytes
  }

  init(kind: SegmentKind, number: UInt64, salt: UInt64) {
    self.kind = kind
    self.number = number
    self.salt = salt
  }

  init(decoding bytes: Span<UInt8>) throws(Problem) {
    guard bytes.count >= SegmentHeader.byteCount else { throw .damaged }
    let stored = UInt32(truncatingIfNeeded: bytes.littleEndian(at: 32, byteCount: 4))
    guard SegmentHeader.magic.span.hasPrefix(of: bytes),
      stored == checksum(of: bytes.extracting(0..<32), salt: 0)
    else { throw .damaged }
    let version = UInt32(truncatingIfNeeded: bytes.littleEndian(at: 8, byteCount: 4))
    guard version <= SegmentHeader.formatVersion else { throw .newerVersion(version) }
    guard let kind = SegmentKind(rawValue: bytes[12]) else { throw .damaged }
    self.kind = kind
    number = bytes.littleEndian(at: 16, byteCount: 8)
    salt = bytes.littleEndian(at: 24, byteCount: 8)
  }
}

/// The beginning of a record.
///
/// Layout, little-endian, 21 bytes: CRC-32C of the segment's salt and of all
/// that follows (4), byte count of the payload (4), sequence number (8),
/// sequence number less that of the first record of the same sync (4), kind (1).
struct RecordHeader: Sendable {
  static let byteCount = 21

  var payloadByteCount: Int
  var sequence: UInt64
  /// The first sequence number that was synced together with this record.
  var groupStart: UInt64
  var kind: RecordKind

  /// Reads the header of a whole record at `offset`, or returns nil when the
  /// bytes there are none.
  init?(in bytes: Span<UInt8>, at offset: Int, salt: UInt64) {
    let rest = bytes.count - offset
    guard rest >= RecordHeader.byteCount else { return nil }
    let payloadByteCount = Int(bytes.littleEndian(at: offset + 4, byteCount: 4))
    guard payloadByteCount <= rest - RecordHeader.byteCount,
      let kind = RecordKind(rawValue: bytes[offset + 20])
    else { return nil }
    let sequence = bytes.littleEndian(at: offset + 8, byteCount: 8)
    let groupOffset = bytes.littleEndian(at: offset + 16, byteCount: 4)
    guard groupOffset <= sequence else { return nil }
    let end = offset + RecordHeader.byteCount + payloadByteCount
    let stored = UInt32(truncatingIfNeeded: bytes.littleEndian(at: offset, byteCount: 4))
    guard stored == checksum(of: bytes.extracting(offset + 4..<end), salt: salt) else {
      return nil
    }
    self.payloadByteCount = payloadByteCount
    self.sequence = sequence
    groupStart = sequence - groupOffset
    self.kind = kind
  }
}

/// The records of one write, encoded one after the other.
struct RecordBuffer: Sendable {
  private(set) var bytes: [UInt8] = []
  private let salt: UInt64
  /// What the sequence number rises by: all records of a checkpoint have one.
  private let sequenceStep: UInt64
  /// The first sequence number that no sync has covered.
  private var groupStart: UInt64
  /// The sequence number of the first record in the buffer.
  private var firstSequence: UInt64
  /// The sequence number that the next record gets.
  private(set) var nextSequence: UInt64

  init(segment: SegmentHeader, firstSequence: UInt64) {
    salt = segment.salt
    sequenceStep = segment.kind == .log ? 1 : 0
    groupStart = firstSequence
    self.firstSequence = firstSequence
    nextSequence = firstSequence
  }

  /// Appends a record whose payload `body` writes at the end of the bytes.
  mutating func appendRecord(_ kind: RecordKind, _ body: (inout [UInt8]) -> Void) {
    let start = bytes.count
    bytes.appendLittleEndian(UInt64(0))
    bytes.appendLittleEndian(nextSequence)
    bytes.appendLittleEndian(UInt32(nextSequence - groupStart))
    bytes.append(kind.rawValue)
    body(&bytes)
    let payloadByteCount = bytes.count - start - RecordHeader.byteCount
    precondition(payloadByteCount <= Int(UInt32.max), "a journal record is below 4 GiB")
    bytes.replaceLittleEndian(UInt32(payloadByteCount), at: start + 4)
    let sum = checksum(of: bytes.span.extracting(droppingFirst: start + 4), salt: salt)
    bytes.replaceLittleEndian(sum, at: start)
    nextSequence += sequenceStep
  }

  /// Forgets the records, so that the next ones are synced by themselves.
  mutating func startNextSync() {
    groupStart = nextSequence
    startNextWrite()
  }

  /// Forgets the records, which were written; a sync may cover them together
  /// with the next ones.
  mutating func startNextWrite() {
    firstSequence = nextSequence
    bytes.removeAll(keepingCapacity: true)
  }

  /// Takes back the records, of which nothing was written.
  mutating func discardRecords() {
    nextSequence = firstSequence
    bytes.removeAll(keepingCapacity: true)
  }

  /// Takes note that everything up to `sequence`, inclusive, is on the disk.
  mutating func didSynchronize(through sequence: UInt64) {
    groupStart = max(groupStart, sequence + 1)
  }
}

private func checksum(of bytes: Span<UInt8>, salt: UInt64) -> UInt32 {
  var checksum = CRC32C()
  var seed: [UInt8] = []
  seed.appendLittleEndian(salt)
  // Safety: bytes have no padding.
  unsafe checksum.update(seed.span.bytes)
  unsafe checksum.update(bytes.bytes)
  return checksum.value
}

extension Span<UInt8> {
  /// The unsigned number in the `byteCount` bytes from `offset` on.
  func littleEndian(at offset: Int, byteCount: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in (0..<byteCount).reversed() {
      number = number << 8 | UInt64(self[offset + index])
    }
    return number
  }

  fileprivate func hasPrefix(of other: Span<UInt8>) -> Bool {
    guard count <= other.count else { return false }
    for index in 0..<count where self[index] != other[index] { return false }
    return true
  }
}

extension [UInt8] {
  /// Appends the bytes of `number`, the lowest first.
  mutating func appendLittleEndian(_ number: some FixedWidthInteger) {
    unsafe Swift.withUnsafeBytes(of: number.littleEndian) { unsafe append(contentsOf: $0) }
  }

  fileprivate mutating func replaceLittleEndian(_ number: UInt32, at offset: Int) {
    for index in 0..<4 {
      self[offset + index] = UInt8(truncatingIfNeeded: number >> UInt32(8 * index))
    }
  }
}
