import Foundation

/// A directory of its own for one test, removed when the value is released.
package final class TemporaryDirectory: Sendable {
  /// The absolute path, without a trailing slash.
  package let path: String

  /// Creates an empty directory below the system's temporary directory.
  package init(_ label: String = "tsdb") {
    path = NSTemporaryDirectory() + "\(label)-\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      preconditionFailure("can't create \(path): \(error)")
    }
  }

  deinit {
    // A leftover directory harms no test, so a failure here is not reported.
    _ = try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of an entry of the directory.
  package func path(_ name: String) -> String {
    "\(path)/\(name)"
  }
}
