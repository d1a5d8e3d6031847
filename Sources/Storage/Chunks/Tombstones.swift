import SeriesModel

/// What was deleted and may still be in the tables, as one transaction sees it.
///
/// A deletion names series, a range of time, and for each window how many of
/// its parts it covers. What is written later goes to later parts, so a sample
/// that is appended again at the same time is not covered.
package struct Tombstones: Sendable {
  /// What one deletion says of one window.
  struct Cover: Sendable {
    /// The number of the deletion.
    var number: UInt64
    /// The time that it deletes, inclusive.
    var range: ClosedRange<Int64>
    /// Parts below this number are covered.
    var partBound: UInt32
    /// The series that it deletes from.
    var ids: PostingsList
  }

  private var coversByWindow: [Window: [Cover]] = [:]

  /// Creates tombstones that delete nothing.
  package init() {}

  mutating func add(_ cover: Cover, to window: Window) {
    coversByWindow[window, default: []].append(cover)
  }

  /// True when nothing is deleted that may still be in the tables.
  package var isEmpty: Bool { coversByWindow.isEmpty }

  /// The windows that hold deleted samples, in no order.
  package var windows: [Window] { Array(coversByWindow.keys) }

  /// What is deleted in one window.
  package func tombstones(in window: Window) -> WindowTombstones {
    WindowTombstones(covers: coversByWindow[window] ?? [])
  }
}

/// What was deleted in one window and may still be there.
package struct WindowTombstones: Sendable {
  fileprivate let covers: [Tombstones.Cover]

  /// True when nothing in the window is deleted.
  package var isEmpty: Bool { covers.isEmpty }

  /// The series of which something is deleted in the window.
  package var seriesIDs: PostingsList { .union(of: covers.map(\.ids)) }

  /// Whether the sample of a series at a moment, in a part of the window, is
  /// deleted.
  ///
  /// - Complexity: O(*d* log *n*) in the deletions of the window and their
  ///   series; O(1) in a window without deletions.
  package func contains(
    timestampMilliseconds timestamp: Int64, of id: SeriesID, part: UInt32
  ) -> Bool {
    covers.contains {
      part < $0.partBound && $0.range.contains(timestamp) && $0.ids.contains(id)
    }
  }

  /// The time that is deleted of a series in a part of the window.
  ///
  /// - Complexity: As for ``contains(timestampMilliseconds:of:part:)``.
  package func deletedTime(of id: SeriesID, part: UInt32) -> DeletedTime {
    guard covers.isEmpty == false else { return DeletedTime() }
    return DeletedTime(
      covers.filter { part < $0.partBound && $0.ids.contains(id) }.map(\.range))
  }
}

/// The time in which samples of one series, in one part of a window, are
/// deleted.
package struct DeletedTime: Hashable, Sendable {
  /// Ascending; between two of them lies a moment that is in neither.
  package private(set) var ranges: [ClosedRange<Int64>] = []

  /// Creates the empty time.
  package init() {}

  /// Creates the time that any of the ranges contains.
  package init(_ unordered: [ClosedRange<Int64>]) {
    for range in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard let last = ranges.last, DeletedTime.adjoins(last, range) else {
        ranges.append(range)
        continue
      }
      ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    }
  }

  private static func adjoins(_ first: ClosedRange<Int64>, _ second: ClosedRange<Int64>) -> Bool {
    first.upperBound == .max || second.lowerBound <= first.upperBound + 1
  }

  /// True when nothing is deleted.
  package var isEmpty: Bool { ranges.isEmpty }

  /// Whether all of `range` is deleted.
  package func covers(_ range: ClosedRange<Int64>) -> Bool {
    ranges.contains { $0.contains(range.lowerBound) && $0.contains(range.upperBound) }
  }

  /// Whether a moment of `range` is deleted.
  package func overlaps(_ range: ClosedRange<Int64>) -> Bool {
    ranges.contains { $0.overlaps(range) }
  }
}

extension SampleColumns {
  /// Removes the deleted samples among those from the index `start` on, which
  /// ascend in time.
  ///
  /// - Complexity: O(*n* + *d*) in the samples and the ranges of `deleted`.
  package mutating func remove(_ deleted: DeletedTime, from start: Int = 0) {
    var end = start
    var rangeIndex = 0
    for index in start..<count {
      let timestamp = timestamps[index]
      while rangeIndex < deleted.ranges.count,
        deleted.ranges[rangeIndex].upperBound < timestamp
      {
        rangeIndex += 1
      }
      let isDeleted =
        rangeIndex < deleted.ranges.count && deleted.ranges[rangeIndex].contains(timestamp)
      guard isDeleted == false else { continue }
      moveSample(from: index, to: end)
      end += 1
    }
    removeSamples(from: end)
  }
}
