import TSDB

/// `tsdbctl snapshot` and `tsdbctl compact`: copies of a data directory.
enum CopyCommands {
  static let commands = [
    Command(
      words: ["snapshot"], summary: "Copies a data directory, also while a server writes to it.",
      operands: "[DIR DESTINATION]",
      discussion: """
        The copy holds everything that was acknowledged before the command began. It is a data
        directory like any other. With --url a server makes it in the directory snapshots/ of
        its own data directory; it must have been started with --web.enable-admin-api.
        """,
      flags: [
        .value("url", "url", "Has this server make the copy."),
        .toggle("skip-head", "Leaves out samples whose chunks are still open; with --url."),
      ],
      run: snapshot),
    Command(
      words: ["compact"], summary: "Writes a data directory anew, in less space.",
      operands: "DIR DESTINATION",
      discussion: """
        Samples that were deleted are removed, from DIR too; else it keeps all that it holds. No
        server may be using it. When the new directory is complete, and you are content with it,
        put it in the place of the old one.
        """,
      flags: [], run: compact),
  ]

  private static func snapshot(_ arguments: Arguments) throws -> ExitStatus {
    if let url = arguments["url"] {
      guard arguments.operands.isEmpty else {
        throw UsageError("--url together with a directory: the server chooses the name itself")
      }
      try askForSnapshot(ServerSource(url: url), skipsHead: arguments.isOn("skip-head"))
      return .success
    }
    guard arguments.isGiven("skip-head") == false else {
      throw UsageError("--skip-head without --url")
    }
    let (directory, destination) = try directories(arguments, "snapshot")
    let database = try Database.openReadOnly(at: directory)
    try database.snapshot(to: destination)
    StandardError.write(notes: database.openingWarnings)
    StandardOutput.write("\(destination)\n")
    return .success
  }

  /// What a server answers.
  private struct Snapshot: Decodable {
    let name: String
  }

  private static func askForSnapshot(_ server: ServerSource, skipsHead: Bool) throws {
    let body = try server.answer(
      to: "admin/tsdb/snapshot", skipsHead ? [("skip_head", "true")] : [])
    do {
      guard let snapshot = try Answer<Snapshot>.decode(body).data else {
        throw CommandFailure("the answer holds no data")
      }
      StandardOutput.write("\(snapshot.name)\n")
    } catch let error as AnswerError {
      throw CommandFailure(
        error.message,
        hint: error.kind == "unavailable"
          ? "start the server with --web.enable-admin-api" : nil)
    }
  }

  private static func compact(_ arguments: Arguments) throws -> ExitStatus {
    let (directory, destination) = try directories(arguments, "compact")
    let compaction = try Database.compact(at: directory, to: destination)
    StandardError.write(notes: compaction.warnings)
    if compaction.warnings.isEmpty == false {
      StandardError.write(
        "note: \(destination) is incomplete: it lacks what is damaged in \(directory)\n")
    }
    StandardOutput.write(
      "\(directory): \(compaction.sourceByteCount) bytes\n"
        + "\(destination): \(compaction.byteCount) bytes\n")
    return .success
  }

  private static func directories(
    _ arguments: Arguments, _ command: String
  ) throws(UsageError) -> (String, String) {
    let operands = arguments.operands
    guard operands.count == 2, operands.allSatisfy({ $0.isEmpty == false }) else {
      throw UsageError(
        "name the data directory and the one to make",
        hint: "tsdbctl \(command) data copy-of-data")
    }
    return (operands[0], operands[1])
  }
}
