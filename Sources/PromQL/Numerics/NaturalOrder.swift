/// Orders texts so that numbers within them count by value: `a2` before `a10`.
///
/// - Returns: A negative number when `left` comes first, zero when the two
///   have equal text and numbers, else a positive number.
func compareNaturally(_ left: String, _ right: String) -> Int {
  var leftRuns = CharacterRuns(left)
  var rightRuns = CharacterRuns(right)
  while true {
    guard let leftRun = leftRuns.next() else { return rightRuns.next() == nil ? 0 : -1 }
    guard let rightRun = rightRuns.next() else { return 1 }
    if let leftNumber = leftRun.number, let rightNumber = rightRun.number {
      if leftNumber != rightNumber { return leftNumber < rightNumber ? -1 : 1 }
    } else if leftRun.bytes.elementsEqual(rightRun.bytes) == false {
      return leftRun.bytes.lexicographicallyPrecedes(rightRun.bytes) ? -1 : 1
    }
  }
}

/// The parts of a text that are all digits or all something else.
private struct CharacterRuns {
  struct Run {
    let bytes: ArraySlice<UInt8>
    /// The value, when the run is digits and fits.
    let number: Int?
  }

  private var rest: ArraySlice<UInt8>

  init(_ text: String) {
    rest = ArraySlice(Array(text.utf8))
  }

  mutating func next() -> Run? {
    guard let first = rest.first else { return nil }
    let isNumber = isDigit(first)
    let bytes = rest.prefix { isDigit($0) == isNumber }
    rest = rest.dropFirst(bytes.count)
    return Run(bytes: bytes, number: isNumber ? Int(String(decoding: bytes, as: UTF8.self)) : nil)
  }
}

private func isDigit(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}
