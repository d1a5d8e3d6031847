import Numbers

/// Writes integers as bit fields of one width above a common base, with the
/// few that don't fit put beside them.
///
/// Layout:
///
///     width of a field in bits, 0...64        1 byte
///     base                                    zigzag LEB128
///     number of exceptions                    LEB128
///     for each exception:
///       index - the index after the one before (0 at first)   LEB128
///       number - base                                         zigzag LEB128
///     fields, number - base, each from the low bit up, low bytes first;
///     0 where there is an exception; the last byte is filled with zero bits
///
/// Differences wrap around modulo 2^64, so that every number has one.
///
/// Source: frame of reference with patches, as in "Super-Scalar RAM-CPU Cache
/// Compression" (ICDE 2006), with the exceptions in a list of their own.
struct IntegerPacker: Sendable {
  /// The fields that a run of integers gets.
  struct Plan: Sendable {
    /// What the fields count from.
    fileprivate(set) var base: Int64
    /// The bits of a field.
    fileprivate(set) var width: Int
    /// The bits that fields and exceptions take, about.
    fileprivate(set) var bitCount: Int

    fileprivate func holds(_ number: Int64) -> Bool {
      // Below the base the difference wraps around to a large number.
      let difference = UInt64(bitPattern: number &- base)
      return width == 64 || difference >> UInt64(width) == 0
    }
  }

  /// How many numbers need fields of each width, in three kinds of windows.
  private var upward = WidthCounts()
  private var downward = WidthCounts()
  private var around = WidthCounts()

  /// Appends the packed form of `numbers`.
  mutating func append(_ numbers: [Int64], to bytes: inout [UInt8]) {
    append(numbers, plan: plan(for: numbers), to: &bytes)
  }

  /// Appends the packed form of `numbers` in the fields that ``plan(for:)`` chose
  /// for them.
  func append(_ numbers: [Int64], plan: Plan, to bytes: inout [UInt8]) {
    bytes.append(UInt8(plan.width))
    Varint.appendZigZag(plan.base, to: &bytes)
    var exceptionCount: UInt64 = 0
    for number in numbers where plan.holds(number) == false { exceptionCount += 1 }
    Varint.append(exceptionCount, to: &bytes)
    if exceptionCount > 0 {
      var expectedIndex = 0
      for (index, number) in numbers.enumerated() where plan.holds(number) == false {
        Varint.append(UInt64(index - expectedIndex), to: &bytes)
        Varint.appendZigZag(number &- plan.base, to: &bytes)
        expectedIndex = index + 1
      }
    }
    guard plan.width > 0 else { return }
    IntegerPacker.appendFields(of: numbers, plan: plan, to: &bytes)
  }

  private static func appendFields(
    of numbers: [Int64], plan: Plan, to bytes: inout [UInt8]
  ) {
    // The bits that are not written yet, from the low end, and their number.
    var pending: UInt64 = 0
    var pendingCount = 0
    for number in numbers {
      let field = plan.holds(number) ? UInt64(bitPattern: number &- plan.base) : 0
      pending |= field << UInt64(pendingCount)
      if pendingCount + plan.width >= 64 {
        unsafe withUnsafeBytes(of: pending.littleEndian) { unsafe bytes.append(contentsOf: $0) }
        // A shift by 64 gives zero: nothing of the field is left then.
        pending = field >> UInt64(64 - pendingCount)
        pendingCount += plan.width - 64
      } else {
        pendingCount += plan.width
      }
    }
    while pendingCount > 0 {
      bytes.append(UInt8(truncatingIfNeeded: pending))
      pending >>= 8
      pendingCount -= 8
    }
  }

  /// Looks for a base and a width that take few bits.
  ///
  /// Of each width three windows are tried: from the least number up, from the
  /// greatest down, and around the middle. So outliers on either side, or on
  /// both, become exceptions.
  ///
  /// - Complexity: O(*n*).
  mutating func plan(for numbers: [Int64]) -> Plan {
    guard var least = numbers.first else { return Plan(base: 0, width: 0, bitCount: 0) }
    var greatest = least
    for number in numbers {
      least = min(least, number)
      greatest = max(greatest, number)
    }
    let fullWidth = 64 - UInt64(bitPattern: greatest &- least).leadingZeroBitCount
    var best = Plan(base: least, width: fullWidth, bitCount: fullWidth * numbers.count)
    // Exceptions can't win back what they cost.
    guard best.bitCount > 24 * 8, fullWidth > 1 else { return best }
    let middle = IntegerPacker.middle(of: numbers)
    upward.removeAll()
    downward.removeAll()
    around.removeAll()
    for number in numbers {
      upward.add(UInt64(bitPattern: number &- least))
      downward.add(UInt64(bitPattern: greatest &- number))
      // With the sign folded away.
      let difference = number &- middle
      around.add(UInt64(bitPattern: difference ^ (difference >> 63)))
    }
    // Around the middle numbers may be as far away as they are from each other.
    _ = around.dropWidth(above: fullWidth - 1)
    let exceptionBitCount = 8 * (1 + (fullWidth + 7) / 7)
    func consider(_ width: Int, exceptionCount: Int, base: Int64) {
      let bitCount = width * numbers.count + exceptionCount * exceptionBitCount
      if bitCount < best.bitCount { best = Plan(base: base, width: width, bitCount: bitCount) }
    }
    for width in stride(from: fullWidth - 1, through: 0, by: -1) {
      let size = Int64(bitPattern: (1 as UInt64) << UInt64(width))
      consider(width, exceptionCount: upward.dropWidth(above: width), base: least)
      consider(
        width, exceptionCount: downward.dropWidth(above: width), base: greatest &- (size &- 1))
      if width > 0 {
        // The sign takes a bit.
        consider(
          width, exceptionCount: around.dropWidth(above: width - 1), base: middle &- (size >> 1))
      }
    }
    return best
  }

  /// The median of a few of the numbers.
  private static func middle(of numbers: [Int64]) -> Int64 {
    let step = max(1, numbers.count / 9)
    var sample = stride(from: step / 2, to: numbers.count, by: step).map { numbers[$0] }
    sample.sort()
    return sample[sample.count / 2]
  }
}

/// Counts numbers by the bits that they take.
private struct WidthCounts: Sendable {
  private var counts = [UInt32](repeating: 0, count: 65)
  /// The numbers that were dropped so far.
  private var droppedCount = 0

  mutating func removeAll() {
    for width in counts.indices { counts[width] = 0 }
    droppedCount = 0
  }

  mutating func add(_ number: UInt64) { counts[64 - number.leadingZeroBitCount] += 1 }

  /// How many numbers take more than `width` bits; asked for one width after
  /// the other, in falling order from the greatest there is, less one.
  mutating func dropWidth(above width: Int) -> Int {
    droppedCount += Int(counts[width + 1])
    return droppedCount
  }
}

/// Reads what ``IntegerPacker`` wrote.
struct PackedIntegers: ~Escapable {
  private let base: Int64
  private let width: Int
  private let exceptionCount: Int
  private let exceptions: ChunkReader
  private let fields: Span<UInt8>
  private let count: Int

  /// Reads the head of `count` packed integers; `reader` stands behind their
  /// fields afterwards.
  @_lifetime(copy reader)
  init(count: Int, from reader: inout ChunkReader) throws(ChunkError) {
    self.count = count
    width = Int(try reader.byte())
    guard width <= 64 else { throw .contradictory }
    base = try reader.zigZag()
    let exceptionCount = try reader.varint()
    // An exception takes two bytes at least.
    guard exceptionCount <= UInt64(min(count, reader.remainingCount / 2)) else {
      throw .contradictory
    }
    self.exceptionCount = Int(exceptionCount)
    exceptions = reader
    for _ in 0..<exceptionCount {
      _ = try reader.varint()
      _ = try reader.varint()
    }
    fields = try reader.span(count: (count * width + 7) / 8)
  }

  /// What all integers are, when the head says that they are equal.
  var single: Int64? { width == 0 && exceptionCount == 0 ? base : nil }

  /// Stores the integers at `range` as the elements of `output` from `start` on.
  ///
  /// - Precondition: There are so many, and `output` has room for them.
  func unpack<Element: Word64>(
    _ range: Range<Int>, into output: inout MutableSpan<Element>, from start: Int
  ) throws(ChunkError) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count && start >= 0
        && start + range.count <= output.count)
    if width == 0 {
      let element = Element(word: base.word)
      // Safety: the precondition above.
      for index in start..<start + range.count { unsafe output[unchecked: index] = element }
    } else if width <= 56 {
      forEachNarrowField(range) { index, field in
        // Safety: the precondition above. &+: numbers wrap around as they were
        // written.
        unsafe output[unchecked: start &+ index] = Element(word: base.word &+ field)
      }
    } else {
      for (index, place) in range.enumerated() {
        output[start + index] = Element(word: base.word &+ field(at: place))
      }
    }
    try forEachException(below: range.upperBound) { index, number in
      if index >= range.lowerBound {
        output[start + index - range.lowerBound] = Element(word: number)
      }
    }
  }

  /// The sum of the first `limit` integers, modulo 2^64.
  ///
  /// - Precondition: There are so many.
  func sum(first limit: Int) throws(ChunkError) -> UInt64 {
    precondition(limit >= 0 && limit <= count)
    var sum = base.word &* UInt64(limit)
    if width > 56 {
      for place in 0..<limit { sum &+= field(at: place) }
    } else if width > 0 {
      forEachNarrowField(0..<limit) { _, field in sum &+= field }
    }
    // Their fields are zero, but bytes from elsewhere must not tell a part from the
    // whole.
    try forEachException(below: limit) { index, number in
      sum &+= number &- base.word &- field(at: index)
    }
    return sum
  }

  /// Calls `body` with the index and the number of each exception in front of an
  /// index.
  private func forEachException(
    below limit: Int, _ body: (Int, UInt64) -> Void
  ) throws(ChunkError) {
    var exceptions = exceptions
    var index = 0
    for _ in 0..<exceptionCount {
      let gap = try exceptions.varint()
      guard gap < UInt64(count - index) else { throw .contradictory }
      index += Int(gap)
      if index >= limit { return }
      body(index, (base &+ (try exceptions.zigZag())).word)
      index += 1
    }
  }

  /// Calls `body` with each field at `range` and its index in the range; fields
  /// that one load of 8 bytes holds whole, wherever they begin.
  ///
  /// The end of the fields is copied in front of zeros first, so that each
  /// load stays within the bytes.
  @inline(__always)
  private func forEachNarrowField(_ range: Range<Int>, _ body: (Int, UInt64) -> Void) {
    var index = 0
    var bit = range.lowerBound * width
    forEachField(of: fields, bit: &bit, index: &index, end: range.count, body)
    guard index < range.count else { return }
    var tail = InlineArray<24, UInt8>(repeating: 0)
    let firstByte = bit >> 3
    for offset in firstByte..<fields.count { tail[offset - firstByte] = fields[offset] }
    bit &= 7
    forEachField(of: tail.span, bit: &bit, index: &index, end: range.count, body)
  }

  /// Goes on while at least 8 bytes follow.
  @inline(__always)
  private func forEachField(
    of span: Span<UInt8>, bit: inout Int, index: inout Int, end: Int,
    _ body: (Int, UInt64) -> Void
  ) {
    // Safety: bytes have no padding.
    let bytes = unsafe span.bytes
    let lastStart = bytes.byteCount - 8
    let mask = (1 as UInt64) &<< UInt64(width) &- 1
    var (place, position) = (index, bit)
    // Safety: eight bytes follow each load. &+: positions are small.
    while place < end, position &>> 3 <= lastStart {
      let word = unsafe UInt64(
        littleEndian: bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position &>> 3, as: UInt64.self))
      body(place, word &>> UInt64(position & 7) & mask)
      place &+= 1
      position &+= width
    }
    (index, bit) = (place, position)
  }

  /// One field, of any width.
  private func field(at place: Int) -> UInt64 {
    let bit = place * width
    var field: UInt64 = 0
    for index in bit >> 3..<(bit + width + 7) >> 3 {
      // What is shifted beyond either end is gone.
      field |= UInt64(fields[index]) << (index * 8 - bit)
    }
    return field & ~(.max << UInt64(width))
  }
}
