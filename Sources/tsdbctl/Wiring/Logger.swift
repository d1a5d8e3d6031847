import PrometheusAPI
import Scraping
import SeriesModel
import TSDB

/// Writes log lines to standard error.
struct Logger: Sendable {
  /// How important a line is.
  enum Level: Int, Sendable, CaseIterable {
    case debug, info, warn, error

    var name: String { "\(self)" }
  }

  /// How lines look.
  enum Format: String, Sendable, CaseIterable {
    case logfmt, json
  }

  /// Less important lines are left out.
  let level: Level
  let format: Format

  /// Writes one line; `fields` are shown in the order given.
  func log(_ level: Level, _ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
    log(level, message, fields: Array(fields))
  }

  /// Writes one line; `fields` are shown in the order given.
  func log(_ level: Level, _ message: String, fields: [(key: String, value: String)]) {
    guard level.rawValue >= self.level.rawValue else { return }
    let time = Timestamp.now.rfc3339
    let pairs = [("time", time), ("level", level.name.uppercased()), ("msg", message)] + fields
    StandardError.write(format == .json ? jsonLine(pairs) : logfmtLine(pairs))
  }

  private func logfmtLine(_ pairs: [(String, String)]) -> String {
    pairs.map { "\($0)=\(Logger.logfmtValue($1))" }.joined(separator: " ") + "\n"
  }

  private func jsonLine(_ pairs: [(String, String)]) -> String {
    "{" + pairs.map { "\($0.quotedAsJSON):\($1.quotedAsJSON)" }.joined(separator: ",") + "}\n"
  }

  private static func logfmtValue(_ value: String) -> String {
    let isPlain = value.utf8.allSatisfy {
      $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") && $0 != 0x7F
    }
    return isPlain && value.isEmpty == false ? value : value.quotedForPromQL
  }
}

extension Logger: ScrapeLogger {
  func log(
    _ level: ScrapeLogLevel, _ message: String, _ fields: [(name: String, value: String)]
  ) {
    let ownLevel: Level =
      switch level {
      case .info: .info
      case .warning: .warn
      case .error: .error
      }
    log(ownLevel, message, fields: fields.map { (key: $0.name, value: $0.value) })
  }
}
