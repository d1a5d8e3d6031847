import Glibc

/// Checks the files of pushed groups as a start would read them, and changes
/// nothing; a server may be using the directory.
package enum PushGroupCheck {
  /// A file whose group is lost, or will be.
  package struct Finding: Hashable, Sendable {
    /// The path of the file.
    package var path: String
    /// What is wrong, a sentence without a full stop.
    package var description: String
  }

  /// What is wrong in the directory `path`, in the order of the names of its
  /// files; nothing when there is no such directory.
  ///
  /// - Throws: ``PushFileError`` when it can't be read.
  package static func run(directory path: String) throws(PushFileError) -> [Finding] {
    do throws(PushFileError) {
      return try PushGroupDirectory.findings(path)
    } catch {
      if error.code == ENOENT { return [] }
      throw error
    }
  }
}
