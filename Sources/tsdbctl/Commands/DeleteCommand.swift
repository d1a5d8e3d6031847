import Glibc
import SeriesModel
import TSDB

/// `tsdbctl delete`: deletes series of a server or of a data directory.
enum DeleteCommand {
  static let command = Command(
    words: ["delete"], summary: "Deletes series, or their samples in a range of time.",
    operands: "",
    discussion: """
      A series is deleted from when any --match selects it; --start and --end are deleted too.
      A server must have been started with --web.enable-admin-api. With --path no server may
      be using the directory, unless with --dry-run. How many samples there are is counted
      by chunks: those in part within the range count whole.
      """,
    flags: [
      .value("url", "url", default: "http://127.0.0.1:9090", "The server to ask."),
      .value("path", "dir", "Changes this data directory instead of asking a server."),
      .value("match", "selector", isRepeatable: true, "The series, such as up{job=\"a\"}."),
      .value("start", "time", "The first moment; the beginning of time by default."),
      .value("end", "time", "The last moment; the end of time by default."),
      .toggle("dry-run", "Counts what would be deleted, and deletes nothing."),
    ],
    run: run)

  private static func run(_ arguments: Arguments) throws -> ExitStatus {
    guard let operand = arguments.operands.first else {
      return try delete(arguments, selectors: arguments.all("match"))
    }
    throw UsageError("\"\(operand)\" is no flag", hint: "name series with --match=\(operand)")
  }

  private static func delete(_ arguments: Arguments, selectors: [String]) throws -> ExitStatus {
    guard selectors.isEmpty == false else {
      throw UsageError("name the series to delete", hint: "tsdbctl delete --match 'up{job=\"a\"}'")
    }
    let start = try QueryCommand.moment(arguments, "start")
    let end = try QueryCommand.moment(arguments, "end")
    if let start, let end, start > end { throw UsageError("--start is after --end") }
    let isDryRun = arguments.isOn("dry-run")
    if let path = arguments["path"] {
      guard arguments.isGiven("url") == false else {
        throw UsageError("--url and --path exclude each other")
      }
      let deleted = try delete(
        selectors, from: start ?? .earliest, through: end ?? .latest, inDirectory: path,
        isDryRun: isDryRun)
      report(deleted.seriesCount, deleted.sampleCount, isDryRun: isDryRun)
      return .success
    }
    var parameters = selectors.map { (name: "match[]", value: $0) }
    if let start { parameters.append(("start", QueryCommand.seconds(start))) }
    if let end { parameters.append(("end", QueryCommand.seconds(end))) }
    try delete(parameters, at: ServerSource(url: arguments["url"] ?? ""), isDryRun: isDryRun)
    return .success
  }

  /// What a server answers to a dry run.
  private struct Counts: Decodable {
    let series: Int
    let samples: Int
  }

  /// Has a server count, and then delete unless that was all.
  private static func delete(
    _ parameters: [(name: String, value: String)], at server: ServerSource, isDryRun: Bool
  ) throws {
    let path = "admin/tsdb/delete_series"
    let body = try server.command(path, parameters + [("dry_run", "true")])
    guard body.isEmpty == false else {
      // A Prometheus passes over the parameter.
      guard isDryRun == false else {
        throw CommandFailure("the server does not know dry runs, and has deleted the samples")
      }
      StandardOutput.write("deleted\n")
      return
    }
    let counts = try counts(in: body)
    if isDryRun == false {
      let refusal = try server.command(path, parameters)
      if refusal.isEmpty == false { _ = try self.counts(in: refusal) }
    }
    report(counts.series, counts.samples, isDryRun: isDryRun)
  }

  private static func counts(in body: [UInt8]) throws -> Counts {
    do {
      guard let counts = try Answer<Counts>.decode(body).data else {
        throw CommandFailure("the answer holds no data")
      }
      return counts
    } catch let error as AnswerError {
      throw CommandFailure(
        error.message,
        hint: error.kind == "unavailable"
          ? "start the server with --web.enable-admin-api" : nil)
    }
  }

  private static func delete(
    _ selectors: [String], from start: Timestamp, through end: Timestamp,
    inDirectory path: String, isDryRun: Bool
  ) throws -> DeletedSamples {
    guard unsafe access(path + "/data.mdb", F_OK) == 0 else {
      throw CommandFailure(
        "there is no database in \"\(path)\"",
        hint: "name the directory that a server or a program writes to")
    }
    var options = DatabaseOptions()
    // What else is in the directory is not for this command to judge.
    options.retention = .seconds(Int64.max)
    let database =
      isDryRun
      ? try Database.openReadOnly(at: path, options: options)
      : try Database.open(at: path, options: options)
    StandardError.write(notes: database.openingWarnings)
    do {
      let deleted = try database.delete(
        matching: selectors.map { try database.matchers(ofSelector: $0) }, from: start,
        through: end, isDryRun: isDryRun)
      try database.close()
      return deleted
    } catch {
      try database.close()
      throw error
    }
  }

  private static func report(_ seriesCount: Int, _ sampleCount: Int, isDryRun: Bool) {
    let what = "\(seriesCount) series, at most \(counted(sampleCount, "sample"))"
    StandardOutput.write(isDryRun ? "would delete \(what)\n" : "deleted \(what)\n")
  }
}
