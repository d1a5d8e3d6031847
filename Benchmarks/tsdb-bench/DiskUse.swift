import Foundation

/// What this process and a directory have cost the disk.
enum DiskUse {
  /// The bytes that this process caused to be written to the disk so far.
  ///
  /// The system counts a page when it becomes dirty; what is dropped before
  /// it reaches the disk is not taken off. Always 0 in a file system in memory.
  static func writtenByteCount() throws -> Int {
    let path = "/proc/self/io"
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let parts = line.split(separator: " ")
      if parts.count == 2, parts[0] == "write_bytes:", let count = Int(parts[1]) { return count }
    }
    throw BenchmarkError.wrongResult("\(path) has no write_bytes")
  }

  /// The sizes of all files below a directory, in bytes.
  static func byteCount(ofDirectory path: String) throws -> Int {
    try FileManager.default.subpathsOfDirectory(atPath: path).reduce(0) { sum, name in
      try sum + byteCount(ofFile: "\(path)/\(name)")
    }
  }

  /// The size of the file of tables in the directory of a store, in bytes.
  static func tableByteCount(ofStore directory: String) throws -> Int {
    try byteCount(ofFile: "\(directory)/data.mdb")
  }

  /// The size of a file in bytes; 0 for a directory.
  private static func byteCount(ofFile path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    guard attributes[.type] as? FileAttributeType == .typeRegular else { return 0 }
    return (attributes[.size] as? NSNumber)?.intValue ?? 0
  }
}
