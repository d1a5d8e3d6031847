import HTTPServer
import PromQLSyntax
import PrometheusAPI
import Scraping
import SeriesModel

/// The settings of `tsdbctl serve`, checked.
struct ServerOptions: Sendable {
  /// Where targets come from.
  enum Targets: Sendable {
    case file(String)
    /// From the command line, as `[NAME=]HOST:PORT`.
    case named([String], interval: Duration)
  }

  let targets: Targets
  let dataDirectory: String
  let storage: StorageSettings
  let duplicatePolicy: DuplicatePolicy
  let maximumExemplars: Int
  let listenAddresses: [ListenAddress]
  let allowedHosts: [String]
  let isLifecycleEnabled: Bool
  let isAdminAPIEnabled: Bool
  let restampInterval: Duration
  let timestampAlignment: TimestampAlignment
  let lookbackDelta: Duration
  let queryTimeout: Duration
  let maximumQuerySamples: Int
  let maximumQueryConcurrency: Int
  /// In bytes.
  let maximumQueryLength: Int
  let usesExperimentalPromQL: Bool
  /// Nil when queries are not logged, or the configuration says where.
  let queryLogFile: String?
  let logger: Logger
  /// Every flag with its value, for `/api/v1/status/flags`.
  let flags: [String: String]

  init(_ arguments: Arguments) throws {
    targets = try ServerOptions.targets(arguments)
    dataDirectory = arguments["storage.tsdb.path"] ?? ""
    storage = try StorageSettings(arguments)
    duplicatePolicy = try ServerOptions.duplicatePolicy(arguments)
    maximumExemplars = try ServerOptions.count(
      arguments, "storage.exemplars.max", from: 0, upTo: 100_000_000)
    listenAddresses = try arguments.all("web.listen-address").map { text throws(UsageError) in
      do throws(HTTPServerError) {
        return try ListenAddress(parsing: text)
      } catch {
        throw UsageError("--web.listen-address=\(text): \(error)")
      }
    }
    allowedHosts = arguments.all("web.allowed-host")
    isLifecycleEnabled = arguments.isOn("web.enable-lifecycle")
    isAdminAPIEnabled = arguments.isOn("web.enable-admin-api")
    restampInterval = .milliseconds(try ServerOptions.duration(arguments, "push.restamp-interval"))
    timestampAlignment = TimestampAlignment(
      isOn: arguments.isOn("scrape.adjust-timestamps"),
      tolerance: .milliseconds(
        try ServerOptions.duration(arguments, "scrape.timestamp-tolerance", allowsZero: true)))
    lookbackDelta = .milliseconds(try ServerOptions.duration(arguments, "query.lookback-delta"))
    queryTimeout = .milliseconds(try ServerOptions.duration(arguments, "query.timeout"))
    maximumQuerySamples = try ServerOptions.count(
      arguments, "query.max-samples", upTo: 1_000_000_000_000)
    maximumQueryConcurrency = try ServerOptions.count(
      arguments, "query.max-concurrency", upTo: 1000)
    maximumQueryLength = try ServerOptions.queryLength(arguments)
    usesExperimentalPromQL = try ServerOptions.usesExperimentalPromQL(arguments)
    queryLogFile = arguments["query.log-file"]
    logger = try ServerOptions.logger(arguments)
    flags = arguments.effectiveValues
  }

  private static func targets(_ arguments: Arguments) throws(UsageError) -> Targets {
    if let file = arguments["config.file"] {
      guard arguments.operands.isEmpty else {
        throw UsageError(
          "targets together with --config.file",
          hint: "add them to \(file), or leave --config.file away")
      }
      guard arguments.isGiven("scrape.interval") == false else {
        throw UsageError(
          "--scrape.interval together with --config.file",
          hint: "set global.scrape_interval in \(file)")
      }
      return .file(file)
    }
    return .named(
      arguments.operands,
      interval: .milliseconds(try duration(arguments, "scrape.interval")))
  }

  private static func duplicatePolicy(
    _ arguments: Arguments
  ) throws(UsageError) -> DuplicatePolicy {
    let text = arguments["storage.on-duplicate"] ?? ""
    guard let policy = DuplicatePolicy(rawValue: text) else {
      throw UsageError("--storage.on-duplicate=\(text): choose reject, keep or replace")
    }
    return policy
  }

  static func duration(
    _ arguments: Arguments, _ name: String, allowsZero: Bool = false
  ) throws(UsageError) -> Int64 {
    let text = arguments[name] ?? ""
    guard let milliseconds = parseDuration(text), milliseconds >= (allowsZero ? 0 : 1) else {
      throw UsageError(
        "--\(name)=\(text) is no \(allowsZero ? "" : "positive ")duration",
        hint: "a duration is written like 30s or 1d12h"
      )
    }
    return milliseconds
  }

  private static func count(
    _ arguments: Arguments, _ name: String, from minimum: Int = 1, upTo maximum: Int
  ) throws(UsageError) -> Int {
    let text = arguments[name] ?? ""
    guard let count = Int(text), (minimum...maximum).contains(count) else {
      throw UsageError("--\(name)=\(text) is no number from \(minimum) to \(maximum)")
    }
    return count
  }

  /// The grammar allows no more than a MiB.
  private static func queryLength(_ arguments: Arguments) throws(UsageError) -> Int {
    let byteCount = try StorageSettings.byteCount(arguments, "query.max-length")
    guard (1...1 << 20).contains(byteCount) else {
      throw UsageError(
        "--query.max-length=\(arguments["query.max-length"] ?? "") is no size from 1B to 1MiB")
    }
    return byteCount
  }

  private static func usesExperimentalPromQL(_ arguments: Arguments) throws(UsageError) -> Bool {
    switch arguments["query.compat"] ?? "" {
    case "all": return true
    case "3.14": return false
    case let other: throw UsageError("--query.compat=\(other) is neither all nor 3.14")
    }
  }

  private static func logger(_ arguments: Arguments) throws(UsageError) -> Logger {
    let levelText = arguments["log.level"] ?? ""
    guard let level = Logger.Level.allCases.first(where: { $0.name == levelText }) else {
      throw UsageError("--log.level=\(levelText): choose debug, info, warn or error")
    }
    let formatText = arguments["log.format"] ?? ""
    guard let format = Logger.Format(rawValue: formatText) else {
      throw UsageError("--log.format=\(formatText): choose logfmt or json")
    }
    return Logger(level: level, format: format)
  }
}
