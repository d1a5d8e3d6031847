import SeriesModel

extension StoredPostings {
  /// Calls `body` with each value of the label `name`, and the number of series
  /// that have it.
  func forEachValue(
    of name: String, _ body: (_ value: [UInt8], _ seriesCount: Int) -> Void
  ) throws(StorageError) {
    let component = postings.nameComponent(name.utf8.span)
    try forEachSharedValue(of: component) { value, encodedIDs throws(BlockDamage) in
      var reader = BlockReader(encodedIDs)
      body(value, try SeriesIDCoding.read(&reader, base: 0).count)
    }
    _ = try containsOwnValue(of: name, component, startingWith: []) {
      value, ids throws(StorageError) in
      body(value, try ids().count)
      return false
    }
  }
}
