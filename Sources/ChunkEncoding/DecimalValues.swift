import Numbers

/// Values that are decimal fractions: integers, the *mantissas*, over one power
/// of ten.
///
/// Layout:
///
///     exponent, 0...18, plus 32 when deltas are packed   1 byte
///     number of values that are no such fraction         LEB128
///     for each of them:
///       index - the index after the one before           LEB128
///       its bits, high byte first                        8 bytes
///     deltas: the first mantissa                         zigzag LEB128
///             mantissa - the one before, from the second on, packed
///     else:   the mantissas, packed
///
/// Packed is the layout of ``IntegerPacker``. A value is its mantissa divided
/// by the power of ten, which IEEE 754 rounds correctly, as it does the reading
/// of decimal text: what a client wrote with a few decimals comes back bit for
/// bit. A value that is no such fraction (NaN, the stale marker, -0, or one
/// with many digits) has the mantissa of its neighbour and stands in the list.
enum DecimalValues {
  static let largestExponent = 18
  /// Powers up to 10^22 are exact.
  fileprivate static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
  ]
  fileprivate static let deltaFlag: UInt8 = 32

  /// Stores those of `count` values that stand at `range`, one at least, as the
  /// elements of `output` from `start` on.
  static func decode(
    _ bytes: Span<UInt8>, count: Int, at range: Range<Int>,
    into output: inout MutableSpan<Double>, from start: Int
  ) throws(ChunkError) {
    var reader = ChunkReader(bytes)
    let head = try reader.byte()
    let exponent = Int(head & ~deltaFlag)
    guard exponent <= largestExponent else { throw .contradictory }
    let otherCount = try reader.varint()
    guard otherCount <= UInt64(min(count, reader.remainingCount / 9)) else {
      throw .contradictory
    }
    var others = reader
    for _ in 0..<otherCount {
      _ = try reader.varint()
      _ = try reader.word()
    }
    let areDeltas = head & deltaFlag != 0
    if areDeltas {
      let first = try reader.zigZag()
      let deltas = try PackedIntegers(count: count - 1, from: &reader)
      let mantissa = first.word &+ (try deltas.sum(first: range.lowerBound))
      output[start] = Double(bitPattern: mantissa)
      try deltas.unpack(
        range.lowerBound..<range.upperBound - 1, into: &output, from: start + 1)
    } else {
      try PackedIntegers(count: count, from: &reader).unpack(range, into: &output, from: start)
    }
    convert(&output, start: start, count: range.count, exponent: exponent, areDeltas: areDeltas)
    try reader.expectEnd()
    var index = 0
    for _ in 0..<otherCount {
      let gap = try others.varint()
      guard gap < UInt64(count - index) else { throw .contradictory }
      index += Int(gap)
      if index >= range.upperBound { return }
      let value = Double(bitPattern: try others.word())
      if index >= range.lowerBound { output[start + index - range.lowerBound] = value }
      index += 1
    }
  }

  /// Makes values of mantissas, or of their deltas, which are kept as the bits
  /// of the elements.
  private static func convert(
    _ output: inout MutableSpan<Double>, start: Int, count: Int, exponent: Int, areDeltas: Bool
  ) {
    precondition(start >= 0 && start + count <= output.count)
    // All ones keep the sum so far, zero forgets it: no branch in the loop.
    let keep: UInt64 = areDeltas ? .max : 0
    let power = powersOfTen[exponent]
    var mantissa: UInt64 = 0
    // Safety: the precondition above. &+: deltas wrap around.
    if exponent == 0 {
      for index in start..<start + count {
        mantissa = unsafe (mantissa & keep) &+ output[unchecked: index].bitPattern
        unsafe output[unchecked: index] = Double(Int64(bitPattern: mantissa))
      }
    } else {
      for index in start..<start + count {
        mantissa = unsafe (mantissa & keep) &+ output[unchecked: index].bitPattern
        unsafe output[unchecked: index] = Double(Int64(bitPattern: mantissa)) / power
      }
    }
  }
}

/// Writes values in the layout of ``DecimalValues``.
struct DecimalValuesEncoder: Sendable {
  private var packer = IntegerPacker()
  private var mantissas: [Int64] = []
  private var deltas: [Int64] = []
  private var others: [Int] = []

  /// Appends the values, or returns false and appends nothing when more than a
  /// few are no decimal fractions.
  mutating func append(_ values: ArraySlice<Double>, to bytes: inout [UInt8]) -> Bool {
    let otherLimit = values.count / 16 + 1
    guard let exponent = exponent(for: values, otherLimit: otherLimit) else { return false }
    findMantissas(of: values, exponent: exponent)
    guard others.count <= otherLimit else { return false }
    deltas.removeAll(keepingCapacity: true)
    for (mantissa, next) in zip(mantissas, mantissas.dropFirst()) {
      deltas.append(next - mantissa)
    }
    let plan = packer.plan(for: mantissas)
    let deltaPlan = packer.plan(for: deltas)
    if plan.bitCount <= deltaPlan.bitCount + Varint.zigZagByteCount(of: mantissas[0]) * 8 {
      appendHead(of: values, exponent: UInt8(exponent), to: &bytes)
      packer.append(mantissas, plan: plan, to: &bytes)
    } else {
      appendHead(of: values, exponent: UInt8(exponent) | DecimalValues.deltaFlag, to: &bytes)
      Varint.appendZigZag(mantissas[0], to: &bytes)
      packer.append(deltas, plan: deltaPlan, to: &bytes)
    }
    return true
  }

  private func appendHead(
    of values: ArraySlice<Double>, exponent: UInt8, to bytes: inout [UInt8]
  ) {
    bytes.append(exponent)
    Varint.append(UInt64(others.count), to: &bytes)
    var expectedIndex = 0
    for index in others {
      Varint.append(UInt64(index - expectedIndex), to: &bytes)
      let bits = values[values.startIndex + index].bitPattern
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
      expectedIndex = index + 1
    }
  }

  /// The least exponent that suits all values but a few.
  private func exponent(for values: ArraySlice<Double>, otherLimit: Int) -> Int? {
    var exponent = 0
    var otherCount = 0
    for value in values {
      var candidate = exponent
      while candidate <= DecimalValues.largestExponent,
        DecimalValuesEncoder.mantissa(of: value, exponent: candidate) == nil
      {
        // What does not even fit without decimals only grows.
        guard value.magnitude < 0x1p53 else {
          candidate = .max
          break
        }
        candidate += 1
      }
      if candidate <= DecimalValues.largestExponent {
        exponent = candidate
      } else {
        otherCount += 1
        if otherCount > otherLimit { return nil }
      }
    }
    return exponent
  }

  private mutating func findMantissas(of values: ArraySlice<Double>, exponent: Int) {
    mantissas.removeAll(keepingCapacity: true)
    others.removeAll(keepingCapacity: true)
    for (index, value) in values.enumerated() {
      if let mantissa = DecimalValuesEncoder.mantissa(of: value, exponent: exponent) {
        // Those before the first mantissa get the same.
        if others.count == index, index > 0 {
          for earlier in mantissas.indices { mantissas[earlier] = mantissa }
        }
        mantissas.append(mantissa)
      } else {
        mantissas.append(mantissas.last ?? 0)
        others.append(index)
      }
    }
  }

  /// The integer that, divided by 10^`exponent`, gives `value` bit for bit.
  private static func mantissa(of value: Double, exponent: Int) -> Int64? {
    let power = DecimalValues.powersOfTen[exponent]
    let scaled = (value * power).rounded(.toNearestOrEven)
    guard scaled.magnitude < 0x1p53 else { return nil }
    let restored = exponent == 0 ? scaled : scaled / power
    // -0 is no integer's.
    guard restored.bitPattern == value.bitPattern, restored.bitPattern != 1 << 63 else {
      return nil
    }
    return Int64(scaled)
  }
}
