import ChunkEncoding
import LMDB
import SeriesModel
import Synchronization

/// The chunks and blocks that readers found damaged and left out, each once.
///
/// They stay where they are: whether a disk or a program damaged them is for
/// people to find out, and `IntegrityCheck` names them all.
final class Quarantine: Sendable {
  private enum Item: Hashable {
    case chunk(Window, part: UInt32, SeriesID, minTimestamp: Int64)
    case value(table: String, key: [UInt8])
  }

  private let items = Mutex<Set<Item>>([])
  /// More are not told apart, so that a ruined disk does not fill the memory.
  private static let countLimit = 100_000

  /// The number of chunks and blocks.
  var count: Int { items.withLock { $0.count } }

  /// Takes note of a damaged chunk, whose directory can be read.
  func add(_ chunk: borrowing StoredChunk, in window: Window) {
    add(
      .chunk(
        window, part: chunk.part, chunk.id, minTimestamp: chunk.description.minTimestamp))
  }

  /// Takes note of a damaged value; errors of other kinds don't count.
  func add(_ error: StorageError) {
    guard case .corrupted(let table, let key, _) = error else { return }
    add(.value(table: table, key: key))
  }

  private func add(_ item: Item) {
    items.withLock { items in
      if items.count < Quarantine.countLimit { items.insert(item) }
    }
  }
}
