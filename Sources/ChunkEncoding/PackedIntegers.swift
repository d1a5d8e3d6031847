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
  private var sorted: [Int64] = []

  /// What fields a run of integers gets.
  private struct Plan {
    var base: Int64
    var width: Int
    var bitCount: Int

    func holds(_ number: Int64) -> Bool {
      // Below the base the difference wraps around to a large number.
      let difference = UInt64(bitPattern: number &- base)
      return width == 64 || difference >> UInt64(width) == 0
    }
  }

  /// Appends the packed form of `numbers`.
  mutating func append(_ numbers: some RandomAccessCollection<Int64>, to bytes: inout [UInt8]) {
    let plan = plan(for: numbers)
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
    of numbers: some RandomAccessCollection<Int64>, plan: Plan, to bytes: inout [UInt8]
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

  /// Looks for the base and width that take the fewest bits.
  ///
  /// - Complexity: O(*n* log *n*) for the sort, then O(*n*) for each width that
  ///   is tried, until an eighth of the numbers would be exceptions.
  private mutating func plan(for numbers: some RandomAccessCollection<Int64>) -> Plan {
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
    sorted.removeAll(keepingCapacity: true)
    sorted.append(contentsOf: numbers)
    sorted.sort()
    let exceptionBitCount = 8 * (1 + (fullWidth + 7) / 7)
    for width in stride(from: fullWidth - 1, through: 0, by: -1) {
      let (start, count) = fullestRange(ofWidth: width)
      let exceptionCount = sorted.count - count
      let bitCount = width * sorted.count + exceptionCount * exceptionBitCount
      if bitCount < best.bitCount {
        best = Plan(base: sorted[start], width: width, bitCount: bitCount)
      }
      if exceptionCount > sorted.count / 8 { break }
    }
    return best
  }

  /// The place in the sorted numbers from which most numbers are less than
  /// 2^`width` above the one there, and how many those are.
  private func fullestRange(ofWidth width: Int) -> (start: Int, count: Int) {
    var best = (start: 0, count: 0)
    var end = 0
    for start in sorted.indices {
      while end < sorted.count,
        UInt64(bitPattern: sorted[end] &- sorted[start]) >> UInt64(width) == 0
      {
        end += 1
      }
      if end - start > best.count { best = (start, end - start) }
      if end == sorted.count { break }
    }
    return best
  }
}

/// Reads what ``IntegerPacker`` wrote.
struct PackedIntegers: ~Escapable {
  private let base: Int64
  private let width: Int
  private let exceptionCount: Int
  private var exceptions: ChunkReader
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

  /// Stores the integers as the elements of `output` from `start` on.
  ///
  /// - Precondition: `output` has room for them.
  consuming func unpack<Element: Word64>(
    into output: inout MutableSpan<Element>, from start: Int
  ) throws(ChunkError) {
    precondition(start >= 0 && start + count <= output.count)
    if width == 0 {
      let element = Element(word: base.word)
      // Safety: the precondition above.
      for index in start..<start + count { unsafe output[unchecked: index] = element }
    } else if width <= 56 {
      unpackNarrow(into: &output, from: start)
    } else {
      unpackWide(into: &output, from: start)
    }
    var index = 0
    for _ in 0..<exceptionCount {
      let gap = try exceptions.varint()
      guard gap < UInt64(count - index) else { throw .contradictory }
      index += Int(gap)
      output[start + index] = Element(word: (base &+ (try exceptions.zigZag())).word)
      index += 1
    }
  }

  /// Fields that one load of 8 bytes holds whole, wherever they begin.
  ///
  /// The end of the fields is copied in front of zeros first, so that each
  /// load stays within the bytes.
  private func unpackNarrow<Element: Word64>(
    into output: inout MutableSpan<Element>, from start: Int
  ) {
    let end = start + count
    var index = start
    var bit = 0
    unpackRun(fields, bit: &bit, index: &index, end: end, into: &output)
    guard index < end else { return }
    var tail = InlineArray<24, UInt8>(repeating: 0)
    let firstByte = bit >> 3
    for offset in firstByte..<fields.count { tail[offset - firstByte] = fields[offset] }
    bit &= 7
    unpackRun(tail.span, bit: &bit, index: &index, end: end, into: &output)
  }

  /// Unpacks while at least 8 bytes follow.
  private func unpackRun<Element: Word64>(
    _ span: Span<UInt8>, bit: inout Int, index: inout Int, end: Int,
    into output: inout MutableSpan<Element>
  ) {
    // Safety: bytes have no padding.
    let bytes = unsafe span.bytes
    let lastStart = bytes.byteCount - 8
    let mask = (1 as UInt64) &<< UInt64(width) &- 1
    var (place, position) = (index, bit)
    let base = base.word
    // Safety: eight bytes follow each load, and `end` is within the output.
    // &+: positions are small, and numbers wrap around as they were written.
    while place < end, position &>> 3 <= lastStart {
      let word = unsafe UInt64(
        littleEndian: bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position &>> 3, as: UInt64.self))
      let field = word &>> UInt64(position & 7) & mask
      unsafe output[unchecked: place] = Element(word: base &+ field)
      place &+= 1
      position &+= width
    }
    (index, bit) = (place, position)
  }

  /// Fields of more than 56 bits, which are rare.
  private func unpackWide<Element: Word64>(
    into output: inout MutableSpan<Element>, from start: Int
  ) {
    for place in 0..<count {
      var field: UInt64 = 0
      for offset in 0..<width {
        let bit = place * width + offset
        if fields[bit >> 3] >> UInt8(bit & 7) & 1 == 1 { field |= 1 << UInt64(offset) }
      }
      output[start + place] = Element(word: base.word &+ field)
    }
  }
}
