/// Where the significant bits of XORed values lie; the frame of Gorilla's value
/// encoding.
struct XORFrame: Hashable, Sendable, BitwiseCopyable {
  private(set) var leadingZeroCount: UInt8 = 0
  /// The length of the frame; 0 while there is no frame.
  private(set) var bitCount: UInt8 = 0

  init() {}

  init(leadingZeroCount: UInt8, bitCount: UInt8) {
    self.leadingZeroCount = leadingZeroCount
    self.bitCount = bitCount
  }

  /// False when the frame can't lie within 64 bits.
  var isPossible: Bool {
    leadingZeroCount <= 31 && bitCount <= 64 && leadingZeroCount + bitCount <= 64
  }

  /// Appends a value XORed with the one before, in this frame or a new one
  /// where that is shorter.
  mutating func append(_ xor: UInt64, to bits: inout SampleBits) {
    guard xor != 0 else {
      bits.append(0, bitCount: 1)
      return
    }
    let leading = min(xor.leadingZeroBitCount, 31)
    let trailing = xor.trailingZeroBitCount
    let length = 64 - leading - trailing
    let frameLeading = Int(leadingZeroCount)
    let frameLength = Int(bitCount)
    let frameTrailing = 64 - frameLeading - frameLength
    let fits = frameLength > 0 && leading >= frameLeading && trailing >= frameTrailing
    if fits, frameLength <= length + 11 {
      bits.append(0b10, bitCount: 2)
      bits.append(xor >> UInt64(frameTrailing), bitCount: frameLength)
      return
    }
    leadingZeroCount = UInt8(leading)
    bitCount = UInt8(length)
    bits.append(0b11 << 11 | UInt64(leading) << 6 | UInt64(length - 1), bitCount: 13)
    bits.append(xor >> UInt64(trailing), bitCount: length)
  }
}
