/// A span of time whose chunks are kept, found and deleted together.
///
/// Windows of one length do not overlap; windows of different lengths may.
package struct Window: Hashable, Sendable {
  /// The length of the windows that new samples go to: two hours.
  package static let shortLengthMilliseconds: Int64 = 2 * 3_600_000
  /// The length of the windows that samples older than a day go to: a day.
  package static let dayLengthMilliseconds: Int64 = 24 * 3_600_000
  /// The greatest length of a window: 16 days.
  package static let largestLengthMilliseconds: Int64 = 16 * 24 * 3_600_000

  /// The first moment, in milliseconds since 1970-01-01T00:00Z: a multiple of
  /// the length, but for the window at the very beginning of time.
  package let startMilliseconds: Int64
  /// The length in milliseconds, at least 1.
  package let lengthMilliseconds: Int64

  /// The window of the given length around a moment.
  package init(containing timestampMilliseconds: Int64, lengthMilliseconds: Int64) {
    precondition(
      (1...Window.largestLengthMilliseconds).contains(lengthMilliseconds),
      "a window is from 1 ms to 16 days long")
    let remainder = timestampMilliseconds % lengthMilliseconds
    let offset = remainder < 0 ? remainder + lengthMilliseconds : remainder
    let (start, isOverflow) = timestampMilliseconds.subtractingReportingOverflow(offset)
    self.startMilliseconds = isOverflow ? .min : start
    self.lengthMilliseconds = lengthMilliseconds
  }

  init(startMilliseconds: Int64, lengthMilliseconds: Int64) {
    self.startMilliseconds = startMilliseconds
    self.lengthMilliseconds = lengthMilliseconds
  }

  /// The last moment of the window, in milliseconds, inclusive.
  package var lastMilliseconds: Int64 {
    if startMilliseconds == .min {
      // The first window ends where the next multiple of the length begins.
      let offset = (Int64.min % lengthMilliseconds) + lengthMilliseconds
      return .min + (lengthMilliseconds - offset % lengthMilliseconds) - 1
    }
    let (last, isOverflow) = startMilliseconds.addingReportingOverflow(lengthMilliseconds - 1)
    return isOverflow ? .max : last
  }

  /// Whether the window has a moment in the closed range.
  package func overlaps(_ range: ClosedRange<Int64>) -> Bool {
    startMilliseconds <= range.upperBound && lastMilliseconds >= range.lowerBound
  }

  /// The 16 bytes that name the window in keys: start, then length.
  var keyBytes: [UInt8] {
    var key: [UInt8] = []
    key.appendOrdered(startMilliseconds)
    key.appendOrdered(lengthMilliseconds)
    return key
  }

  /// Reads what ``keyBytes`` gave.
  init(keyBytes: Span<UInt8>) throws(BlockDamage) {
    guard keyBytes.count == 16 else { throw BlockDamage("the key has a wrong size") }
    var reader = BlockReader(keyBytes)
    let start = Int64(orderedBits: try reader.bigEndian(byteCount: 8))
    let length = Int64(orderedBits: try reader.bigEndian(byteCount: 8))
    guard (1...Window.largestLengthMilliseconds).contains(length) else {
      throw BlockDamage("the window's length is out of range")
    }
    self.init(startMilliseconds: start, lengthMilliseconds: length)
  }
}

extension Window: Comparable {
  /// Orders by start, then length.
  package static func < (left: Window, right: Window) -> Bool {
    (left.startMilliseconds, left.lengthMilliseconds)
      < (right.startMilliseconds, right.lengthMilliseconds)
  }
}
