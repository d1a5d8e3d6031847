import Glibc

/// A file that is written and synced like a journal, to tell what the disk
/// alone takes.
struct SynchronizedFile: ~Copyable {
  private let descriptor: Int32
  private let byteCount: Int
  private var offset = 0

  /// Creates a file of `byteCount` bytes.
  init(path: String, byteCount: Int) throws(BenchmarkError) {
    self.byteCount = byteCount
    // Safety: the path lives for the call.
    descriptor = unsafe open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .system(call: "open", errorNumber: errno) }
    let status = posix_fallocate(descriptor, 0, byteCount)
    guard status == 0 else { throw .system(call: "posix_fallocate", errorNumber: status) }
    guard fsync(descriptor) == 0 else { throw .system(call: "fsync", errorNumber: errno) }
  }

  deinit {
    close(descriptor)
  }

  /// Writes `bytes` behind those written last, and waits for the disk.
  mutating func append(_ bytes: [UInt8]) throws(BenchmarkError) {
    if offset + bytes.count > byteCount { offset = 0 }
    // Safety: the array lives for the call, which reads `count` bytes of it.
    let written = unsafe pwrite(descriptor, bytes, bytes.count, offset)
    guard written == bytes.count else { throw .system(call: "pwrite", errorNumber: errno) }
    guard fdatasync(descriptor) == 0 else { throw .system(call: "fdatasync", errorNumber: errno) }
    offset += written
  }
}
