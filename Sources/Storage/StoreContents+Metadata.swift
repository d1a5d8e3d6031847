import LMDB
import SeriesModel
import Synchronization

extension MetricMetadata {
  /// Families with longer names have no metadata.
  private static let familyByteLimit = 400
  /// Longer help and unit are cut, so that each entry fits a page.
  private static let helpByteLimit = 3000
  private static let unitByteLimit = 300

  /// The metadata as it is kept, or nil when it is not.
  func storable(for family: String) -> MetricMetadata? {
    guard (1...MetricMetadata.familyByteLimit).contains(family.utf8.count) else { return nil }
    return MetricMetadata(
      type: type, help: MetricMetadata.prefix(of: help, MetricMetadata.helpByteLimit),
      unit: MetricMetadata.prefix(of: unit, MetricMetadata.unitByteLimit))
  }

  private static func prefix(of text: String, _ byteLimit: Int) -> String {
    guard text.utf8.count > byteLimit else { return text }
    var end = text.utf8.index(text.startIndex, offsetBy: byteLimit)
    while String.Index(end, within: text.unicodeScalars) == nil {
      end = text.utf8.index(before: end)
    }
    return String(text[..<end])
  }
}

// The `metadata` table. Key: the family. Body: type, help and unit, each as
// LEB128 byte count and text, in the frame of all values.

extension StoreContents {
  private var metadataTable: Table { schema.environment.table("metadata") }

  /// Reads all metadata into the head; a damaged entry costs this entry and
  /// a warning.
  func loadMetadata(into head: inout Head, view: ReadView) throws(StorageError) {
    try forEachMetadata(
      in: view,
      onDamage: { error throws(StorageError) in
        guard case .corrupted = error else { throw error }
        warnings.withLock { $0.append("the description of a metric is missing: \(error)") }
      },
      { family, metadata in head.metadata[family] = metadata })
  }

  /// Calls `body` with what is known of each metric family, and `onDamage` with
  /// what is wrong with each entry that can't be read.
  func forEachMetadata(
    in view: ReadView, onDamage: (StorageError) throws(StorageError) -> Void,
    _ body: (_ family: String, MetricMetadata) -> Void
  ) throws(StorageError) {
    var cursor = try view.walk(metadataTable)
    var isOnEntry = try cursor.move(toOrAfter: [0])
    while isOnEntry {
      do throws(StorageError) {
        let metadata = try decodeMetadata(cursor.value, under: cursor.key)
        body(String(decodingUTF8: cursor.key), metadata)
      } catch {
        try onDamage(error)
      }
      isOnEntry = try cursor.advance()
    }
  }

  private func decodeMetadata(
    _ value: Span<UInt8>, under key: Span<UInt8>
  ) throws(StorageError) -> MetricMetadata {
    let body: Span<UInt8>
    do throws(BlockDamage) {
      body = try BlockFrame.open(value, format: 1, key: key)
    } catch {
      throw error.at(key, of: metadataTable.name)
    }
    do throws(RecordError) {
      return try MetricMetadata(decoding: body)
    } catch {
      throw BlockDamage("the entry is malformed").at(key, of: metadataTable.name)
    }
  }

  /// Stores metadata by family.
  func storeMetadata(
    _ metadata: [String: MetricMetadata], in transaction: inout WriteTransaction
  ) throws(StorageError) {
    for (family, metadata) in metadata {
      let key = Array(family.utf8)
      var body: [UInt8] = []
      metadata.encode(into: &body)
      try transaction.store(
        BlockFrame.seal(body, format: 1, key: key), under: key, in: metadataTable)
    }
  }
}
