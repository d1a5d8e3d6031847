import Glibc
import SeriesModel

/// The directory that keeps pushed groups over a restart, one file each.
///
/// Files are called `<number>.group` and replaced as a whole, by way of a file
/// `<number>.group.tmp` that is renamed once it is on disk: at any moment a
/// group has its old or its new content. A file that can't be used is renamed
/// to `<number>.group.unreadable` and left for people to look at.
struct PushGroupDirectory: Sendable {
  private let path: String

  private static let fileSuffix = ".group"
  private static let temporarySuffix = ".tmp"
  private static let unreadableSuffix = ".unreadable"

  /// What a directory holds.
  struct Contents {
    /// The groups by the number of their file.
    var groups: [Int: PushGroup] = [:]
    /// What could not be used and where it is now, in words.
    var problems: [String] = []
    /// The lowest number above all that were ever used by a file still there.
    var nextNumber = 1
  }

  /// Creates the directory at `path` when there is none; its parent exists.
  init(path: String) throws(PushFileError) {
    self.path = path
    try FileCalls.createDirectory(path)
  }

  /// Reads all groups, and sets aside the files that hold none.
  func load() throws(PushFileError) -> Contents {
    var contents = Contents()
    var known: Set<Labels> = []
    for name in try FileCalls.entries(ofDirectory: path).sorted() {
      let file = "\(path)/\(name)"
      if name.hasSuffix(PushGroupDirectory.temporarySuffix) {
        try FileCalls.remove(file)
        continue
      }
      guard let number = PushGroupDirectory.number(of: name) else { continue }
      contents.nextNumber = max(contents.nextNumber, number + 1)
      guard name == PushGroupDirectory.name(number) else { continue }
      do {
        contents.groups[number] = try PushGroupDirectory.group(in: file, besides: &known)
      } catch let problem as PushGroupFile.Problem {
        let aside = file + PushGroupDirectory.unreadableSuffix
        try FileCalls.rename(file, to: aside)
        contents.problems.append(
          "the pushed group in \(file) is lost: \(problem); the file is now \(aside)")
      } catch let error as PushFileError {
        throw error
      } catch {
        preconditionFailure("reading a group throws no other error: \(error)")
      }
    }
    return contents
  }

  /// Reads a group, which none of the files read before may hold.
  private static func group(in file: String, besides known: inout Set<Labels>) throws -> PushGroup {
    let group = try PushGroupFile(parsing: FileCalls.read(file)).group
    guard known.insert(group.labels).inserted else {
      throw PushGroupFile.Problem.wrongContent("another file holds the same group")
    }
    return group
  }

  /// What ``load()`` would set aside, and what it has; see ``PushGroupCheck``.
  static func findings(_ path: String) throws(PushFileError) -> [PushGroupCheck.Finding] {
    var findings: [PushGroupCheck.Finding] = []
    var known: Set<Labels> = []
    for name in try FileCalls.entries(ofDirectory: path).sorted() {
      let file = "\(path)/\(name)"
      guard let number = number(of: name) else { continue }
      if name == self.name(number) + unreadableSuffix {
        findings.append(
          PushGroupCheck.Finding(
            path: file,
            description: "a pushed group that could not be read, set aside: it is lost until it is "
              + "pushed again; delete the file once you no longer want to look at it"))
      }
      guard name == self.name(number) else { continue }
      do {
        _ = try group(in: file, besides: &known)
      } catch let problem as PushGroupFile.Problem {
        findings.append(
          PushGroupCheck.Finding(
            path: file,
            description: "\(problem): the pushed group is lost until it is pushed again, and the "
              + "next start sets the file aside"))
      } catch let error as PushFileError {
        // A server may have removed it just now.
        guard error.code == ENOENT else { throw error }
      } catch {
        preconditionFailure("reading a group throws no other error: \(error)")
      }
    }
    return findings
  }

  /// The number that the name of a file begins with, or nil.
  private static func number(of name: String) -> Int? {
    Int(name.prefix { $0 != "." }).flatMap { (1..<Int.max).contains($0) ? $0 : nil }
  }

  /// Makes `group` the content of the file with this number, durably.
  func write(_ group: PushGroup, number: Int) throws(PushFileError) {
    let file = "\(path)/\(PushGroupDirectory.name(number))"
    let temporary = file + PushGroupDirectory.temporarySuffix
    try FileCalls.write(PushGroupFile(group).bytes, to: temporary)
    try FileCalls.rename(temporary, to: file)
    try FileCalls.syncDirectory(path)
  }

  /// Removes the file with this number, durably.
  func remove(number: Int) throws(PushFileError) {
    try FileCalls.remove("\(path)/\(PushGroupDirectory.name(number))")
    try FileCalls.syncDirectory(path)
  }

  private static func name(_ number: Int) -> String {
    "\(number)\(PushGroupDirectory.fileSuffix)"
  }
}

extension PushGroupFile.Problem: CustomStringConvertible {
  var description: String {
    switch self {
    case .wrongHeader: "it does not begin as a group of format 1"
    case .wrongChecksum: "its checksum is wrong"
    case .wrongContent(let reason): reason
    }
  }
}
