import Configuration
import PromQLSyntax
import TSDB

/// The flags of `tsdbctl serve` on how samples are kept, checked.
struct StorageSettings: Sendable {
  /// How long samples are kept; `Int64.max` milliseconds are forever.
  let retention: Duration
  /// How many bytes they may take; 0 sets no limit.
  let retentionByteCount: Int
  /// Both for people, as Prometheus writes them, such as `15d or 10GiB`.
  let retentionText: String
  let durability: Durability
  let minimumFreeByteCount: Int

  init(_ arguments: Arguments) throws(UsageError) {
    retentionByteCount = try StorageSettings.byteCount(arguments, "storage.tsdb.retention.size")
    minimumFreeByteCount = try StorageSettings.byteCount(arguments, "storage.min-free-space")
    durability = try StorageSettings.durability(arguments["storage.durability"] ?? "")
    let timeFlag = "storage.tsdb.retention.time"
    let milliseconds = try ServerOptions.duration(arguments, timeFlag)
    let sizeText = byteSizeText(retentionByteCount)
    if retentionByteCount == 0 {
      retention = .milliseconds(milliseconds)
      retentionText = arguments[timeFlag] ?? ""
    } else if arguments.isGiven(timeFlag) {
      retention = .milliseconds(milliseconds)
      retentionText = "\(arguments[timeFlag] ?? "") or \(sizeText)"
    } else {
      // As in Prometheus: the default is for those who set no limit at all.
      retention = .milliseconds(Int64.max)
      retentionText = sizeText
    }
  }

  /// The journal alone takes 16 MiB before its samples enter the tables, and the
  /// newest window is never deleted.
  private static let leastSensibleByteCount = 64 << 20

  /// What is wrong with a limit that keeps next to nothing, or nil.
  var retentionProblem: String? {
    guard (1..<StorageSettings.leastSensibleByteCount).contains(retentionByteCount) else {
      return nil
    }
    return "--storage.tsdb.retention.size=\(byteSizeText(retentionByteCount)) keeps little more "
      + "than the newest window of two hours, which is never deleted; the least that makes sense "
      + "is \(byteSizeText(StorageSettings.leastSensibleByteCount))"
  }

  private static func durability(_ text: String) throws(UsageError) -> Durability {
    switch text {
    case "sync": return .sync
    case "os": return .os
    default: break
    }
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0] == "interval" else {
      throw UsageError(
        "--storage.durability=\(text): choose sync, interval=<duration> or os",
        hint: "sync is the only one with which a power cut loses nothing")
    }
    guard parts.count == 2, let milliseconds = parseDuration(String(parts[1])), milliseconds > 0
    else {
      throw UsageError(
        "--storage.durability=\(text): the interval is no positive duration",
        hint: "write it like --storage.durability=interval=100ms")
    }
    return .interval(.milliseconds(milliseconds))
  }

  static func byteCount(
    _ arguments: Arguments, _ name: String
  ) throws(UsageError) -> Int {
    let text = arguments[name] ?? ""
    guard let byteCount = parseByteSize(text) else {
      throw UsageError(
        "--\(name)=\(text) is no size", hint: "a size is written like 512MB or 10GiB, or 0")
    }
    return byteCount
  }
}
