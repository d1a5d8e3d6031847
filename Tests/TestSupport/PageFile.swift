import Foundation

/// A file of LMDB pages in memory, to damage it where a test says.
///
/// The layout is described at `EnvironmentFile`.
package struct PageFile {
  package static let pageByteCount = 4096

  /// What a page is.
  package enum Kind: Int {
    case branch = 1
    case leaf = 2
  }

  package private(set) var bytes: [UInt8]

  package init(_ file: URL) throws {
    bytes = try [UInt8](Data(contentsOf: file))
  }

  /// Where the keys of all pages of a kind are that a search looks at: on a
  /// branch page all but the first.
  ///
  /// Pages that are free look like others.
  package func keys(onPagesOf kind: Kind) -> [Range<Int>] {
    var keys: [Range<Int>] = []
    for page in stride(from: 2 * PageFile.pageByteCount, to: bytes.count, by: 4096)
    where number(page + 10) == kind.rawValue {
      let nodes = stride(from: page + 16, to: page + number(page + 12), by: 2)
        .dropFirst(kind == .branch ? 1 : 0)
      for place in nodes {
        let start = page + number(place)
        keys.append(start + 8..<start + 8 + number(start + 6))
      }
    }
    return keys.filter { $0.isEmpty == false && $0.upperBound <= bytes.count }
  }

  /// The bytes with one bit changed.
  package func flipping(bit: Int, ofByte index: Int) -> Data {
    var changed = bytes
    changed[index] ^= 1 << UInt8(bit)
    return Data(changed)
  }

  private func number(_ offset: Int) -> Int {
    Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
  }
}
