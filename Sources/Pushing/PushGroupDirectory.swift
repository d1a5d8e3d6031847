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
      guard let number = Int(name.prefix { $0 != "." }), (1..<Int.max).contains(number) else {
        continue
      }
      contents.nextNumber = max(contents.nextNumber, number + 1)
      guard name == self.name(number) else { continue }
      do {
        let group = try PushGroupFile(parsing: FileCalls.read(file)).group
        guard known.insert(group.labels).inserted else {
          throw PushGroupFile.Problem.wrongContent("another file holds the same group")
        }
        contents.groups[number] = group
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

  /// Makes `group` the content of the file with this number, durably.
  func write(_ group: PushGroup, number: Int) throws(PushFileError) {
    let file = "\(path)/\(name(number))"
    let temporary = file + PushGroupDirectory.temporarySuffix
    try FileCalls.write(PushGroupFile(group).bytes, to: temporary)
    try FileCalls.rename(temporary, to: file)
    try FileCalls.syncDirectory(path)
  }

  /// Removes the file with this number, durably.
  func remove(number: Int) throws(PushFileError) {
    try FileCalls.remove("\(path)/\(name(number))")
    try FileCalls.syncDirectory(path)
  }

  private func name(_ number: Int) -> String {
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
