import Foundation
import TestSupport

@testable import Storage

/// A file system of a few megabytes, in a mount namespace of its own, that a
/// test can fill to the brim; gone when the value is released.
final class SmallDisk {
  private let process = Process()
  private let mountPoint = TemporaryDirectory("disk")
  private let input = Pipe()
  /// The path of the file system as this process sees it.
  let path: String

  /// True where the system lets its users make mount namespaces.
  static let isAvailable: Bool = {
    do {
      _ = try SmallDisk(mebibyteCount: 1)
      return true
    } catch {
      return false
    }
  }()

  private struct Unavailable: Error {}

  init(mebibyteCount: Int) throws {
    process.executableURL = URL(filePath: "/usr/bin/unshare")
    let script =
      "mount -t tmpfs -o size=\(mebibyteCount)m tmpfs '\(mountPoint.path)' && echo && cat"
    process.arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", script]
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    path = "/proc/\(process.processIdentifier)/root\(mountPoint.path)"
    guard output.fileHandleForReading.readData(ofLength: 1).isEmpty == false else {
      throw Unavailable()
    }
  }

  deinit {
    // The shell ends with its input, and the file system with the shell.
    input.fileHandleForWriting.closeFile()
    process.waitUntilExit()
  }

  /// Takes all space but so many bytes; what was taken before is given back
  /// first.
  func leave(byteCount: Int) throws {
    try release()
    guard let free = FileSystem.freeByteCount(onDiskOf: path), free > byteCount else { return }
    let ballast = try OpenFile(path: path + "/ballast", mode: .creating)
    try ballast.allocate(byteCount: free - byteCount)
  }

  /// Gives back what ``leave(byteCount:)`` took.
  func release() throws {
    try FileSystem.delete(path + "/ballast")
  }
}
