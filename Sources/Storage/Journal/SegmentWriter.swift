/// Writes one segment file.
struct SegmentWriter: ~Copyable {
  /// Space is reserved in steps, so that a sync rarely changes the file's size.
  static let allocationStepBytes = 4 << 20

  let header: SegmentHeader
  private let file: OpenFile
  private(set) var byteCount: Int
  private var allocatedByteCount: Int

  var path: String { file.path }

  /// Creates the file with its header, on the disk when this returns.
  static func create(
    in directory: JournalDirectory, kind: SegmentKind, number: UInt64
  ) throws(FileError) -> SegmentWriter {
    let header = SegmentHeader(
      kind: kind, number: number, salt: UInt64.random(in: .min ... .max))
    do throws(FileError) {
      let file = try directory.makeFile(ofSegment: number)
      try file.allocate(byteCount: allocationStepBytes)
      try file.write(header.encoded().span, atByteOffset: 0)
      try file.synchronizeData()
      try directory.synchronize()
      return SegmentWriter(header: header, file: file)
    } catch {
      discardSegment(number, in: directory)
      throw error
    }
  }

  /// Deletes what is left of a segment, which takes space that may be what was
  /// missing.
  private static func discardSegment(_ number: UInt64, in directory: JournalDirectory) {
    do throws(FileError) {
      try directory.deleteSegment(number)
    } catch {
      // The first error is the one to tell; the next start deletes the rest.
    }
  }

  private init(header: SegmentHeader, file: consuming OpenFile) {
    self.header = header
    self.file = file
    byteCount = SegmentHeader.byteCount
    allocatedByteCount = SegmentWriter.allocationStepBytes
  }

  /// Makes room for `additionalByteCount` bytes at the end, and says whether
  /// that took space on the disk.
  ///
  /// When it throws, nothing but zeros was added to the file.
  @discardableResult
  mutating func reserve(_ additionalByteCount: Int) throws(FileError) -> Bool {
    let end = byteCount + additionalByteCount
    guard end > allocatedByteCount else { return false }
    let step = SegmentWriter.allocationStepBytes
    let needed = (end + step - 1) / step * step
    try file.allocate(byteCount: needed)
    allocatedByteCount = needed
    return true
  }

  /// Writes bytes at the end; they are safe after ``synchronize()``.
  mutating func write(_ bytes: Span<UInt8>) throws(FileError) {
    try reserve(bytes.count)
    try file.write(bytes, atByteOffset: byteCount)
    byteCount += bytes.count
  }

  /// The file once more, for another thread to sync.
  func duplicateFile() throws(FileError) -> OpenFile {
    try file.duplicate()
  }

  /// Returns once what was written is on the disk.
  func synchronize() throws(FileError) {
    try file.synchronizeData()
  }

  /// Gives reserved space back; nothing is written afterwards.
  func trim() throws(FileError) {
    try file.truncate(toByteCount: byteCount)
    try file.synchronizeData()
  }
}

/// The directory of the segment files.
///
/// A segment is called by its number, ten digits or more. A damaged one that
/// is not needed any more stays under its name with `.damaged` behind it; one
/// that is being deleted has `.deleted` behind it.
///
/// A store in memory has one without files: what is written to its segments is
/// counted and forgotten.
struct JournalDirectory: Sendable {
  private static let deletedSuffix = ".deleted"
  private static let damagedSuffix = ".damaged"
  let path: String
  /// Whether segments have no files.
  let isDiscarding: Bool

  init(dataDirectory: String, isDiscarding: Bool = false) {
    path = dataDirectory + "/journal"
    self.isDiscarding = isDiscarding
  }

  /// Makes the file of a segment, empty.
  func makeFile(ofSegment number: UInt64) throws(FileError) -> OpenFile {
    let path = path(ofSegment: number)
    return isDiscarding
      ? try OpenFile(discardingAs: path) : try OpenFile(path: path, mode: .creating)
  }

  func path(ofSegment number: UInt64) -> String {
    let digits = String(number)
    return path + "/" + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
  }

  /// The numbers of the segments, ascending.
  func segmentNumbers() throws(FileError) -> [UInt64] {
    if isDiscarding { return [] }
    return try FileSystem.list(path).compactMap { name in
      name.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        ? UInt64(name) : nil
    }.sorted()
  }

  func deleteSegment(_ number: UInt64) throws(FileError) {
    if isDiscarding { return }
    try FileSystem.delete(path(ofSegment: number))
  }

  /// Takes a segment out of the journal at once, and frees its bytes so slowly
  /// that commits go on: with a pause after each MiB.
  func deleteSegment(_ number: UInt64, pauseMicroseconds: UInt32) throws(FileError) {
    let doomed = path(ofSegment: number) + Self.deletedSuffix
    try FileSystem.rename(path(ofSegment: number), to: doomed)
    try FileSystem.deleteInPieces(doomed, pauseMicroseconds: pauseMicroseconds)
  }

  /// Removes what a crash left of segments that were being deleted.
  func removeDeletedSegments() throws(FileError) {
    if isDiscarding { return }
    for name in try FileSystem.list(path) where name.hasSuffix(Self.deletedSuffix) {
      try FileSystem.delete(path + "/" + name)
    }
  }

  /// Takes a segment out of the journal but keeps its bytes.
  func setAsideSegment(_ number: UInt64) throws(FileError) {
    let path = path(ofSegment: number)
    try FileSystem.rename(path, to: path + Self.damagedSuffix)
  }

  /// The files of the segments that were set aside for damage, in order.
  func segmentsSetAside() throws(FileError) -> [String] {
    if isDiscarding { return [] }
    return try FileSystem.list(path).filter { $0.hasSuffix(Self.damagedSuffix) }.sorted()
      .map { "\(path)/\($0)" }
  }

  func synchronize() throws(FileError) {
    if isDiscarding { return }
    try FileSystem.synchronizeDirectory(path)
  }
}
