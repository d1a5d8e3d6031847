import Configuration
import FoundationEssentials

/// Reads configuration files.
enum ConfigurationFile {
  /// The largest file taken for a configuration, in bytes.
  private static let maximumByteCount = 16 << 20

  /// Reads and checks a `prometheus.yml`.
  ///
  /// - Throws: ``CommandFailure`` when the file can't be read, or
  ///   ``ConfigurationError``.
  static func load(_ path: String) throws -> ParsedConfiguration {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw CommandFailure(
        "can't read \"\(path)\"", hint: "check that the file exists and may be read")
    }
    guard data.count <= maximumByteCount else {
      throw CommandFailure("\"\(path)\" is larger than \(maximumByteCount) bytes")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw CommandFailure("\"\(path)\" is not UTF-8 text")
    }
    return try ServerConfiguration.parse(text, fileName: path)
  }
}
