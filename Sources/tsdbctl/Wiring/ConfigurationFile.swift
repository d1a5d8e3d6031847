import Configuration
import FoundationEssentials
import Glibc

/// Reads configuration files.
enum ConfigurationFile {
  /// The largest file taken for a configuration, in bytes.
  private static let maximumByteCount = 16 << 20

  /// Reads and checks a `prometheus.yml`.
  ///
  /// - Throws: ``CommandFailure`` when the file can't be read, or
  ///   ``ConfigurationError``.
  static func load(_ path: String) throws -> ParsedConfiguration {
    guard unsafe access(path, R_OK) == 0 else {
      throw CommandFailure(
        "can't read \"\(path)\": \(unsafe String(cString: strerror(errno)))",
        hint: "name a prometheus.yml that this user may read")
    }
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    guard attributes[.type] as? FileAttributeType != .typeDirectory else {
      throw CommandFailure("can't read \"\(path)\": it is a directory")
    }
    guard attributes[.size] as? Int ?? 0 <= maximumByteCount else {
      throw CommandFailure("\"\(path)\" is larger than \(maximumByteCount) bytes")
    }
    let data = try Data(contentsOf: URL(filePath: path))
    guard let text = String(validating: data, as: UTF8.self) else {
      throw CommandFailure("\"\(path)\" is not UTF-8 text")
    }
    return try ServerConfiguration.parse(text, fileName: path)
  }
}
