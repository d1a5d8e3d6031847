import SeriesModel

extension StoredPostings {
  /// Calls `body` with each value of the label `name`, and the number of series
  /// that have it.
  func forEachValue(
    of name: String, _ body: (_ value: Span<UInt8>, _ seriesCount: Int) -> Void
  ) throws(StorageError) {
    let component = postings.nameComponent(name.utf8.span)
    try forEachSharedValue(of: component) { values throws(BlockDamage) in
      body(values.value, try values.ids().count)
    }
    _ = try containsOwnValue(of: name, component, startingWith: []) {
      value, ids throws(StorageError) in
      body(value.span, try ids.runs(in: view).count)
      return false
    }
  }
}
