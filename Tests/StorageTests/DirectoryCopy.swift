import Foundation

/// Copies a data directory as it is at this moment, without closing anything:
/// what a crash would leave, since all that was written is there.
///
/// The tables must not be written meanwhile; the journal may be.
func copyDirectory(_ path: String, to copy: String) throws {
  let files = FileManager.default
  try files.createDirectory(atPath: copy, withIntermediateDirectories: true)
  for name in try files.contentsOfDirectory(atPath: path) where name != "lock.mdb" {
    let source = "\(path)/\(name)"
    let type = try files.attributesOfItem(atPath: source)[.type] as? FileAttributeType
    if type == .typeDirectory {
      try copyDirectory(source, to: "\(copy)/\(name)")
    } else if let bytes = files.contents(atPath: source) {
      try bytes.write(to: URL(filePath: "\(copy)/\(name)"))
    }
  }
}

/// Removes a directory and what is in it.
func removeDirectory(_ path: String) throws {
  try FileManager.default.removeItem(atPath: path)
}
