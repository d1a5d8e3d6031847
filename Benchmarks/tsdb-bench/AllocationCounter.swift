import CAllocationCounter

/// Counts the allocations of the whole process.
///
/// Counting costs a few nanoseconds an allocation, so it is done in a turn of
/// its own, apart from those that are timed.
enum AllocationCounter {
  /// Runs `body` and returns how many allocations all threads made meanwhile.
  static func count(during body: () throws -> Void) rethrows -> Int {
    let before = tsdb_allocation_count()
    tsdb_count_allocations(true)
    defer { tsdb_count_allocations(false) }
    try body()
    return Int(tsdb_allocation_count() - before)
  }

  /// Checks that allocations of the Swift runtime are seen.
  ///
  /// - Throws: ``BenchmarkError/allocationsNotCounted``.
  static func check() throws(BenchmarkError) {
    var arrays: [[Int]] = []
    arrays.reserveCapacity(100)
    let count = count { for index in 0..<100 { arrays.append([index, index]) } }
    guard arrays.count == 100, count == 100 else { throw .allocationsNotCounted(count) }
  }
}
