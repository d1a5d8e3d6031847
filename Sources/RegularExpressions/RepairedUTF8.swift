/// The bytes of `text` with U+FFFD in place of each byte that is part of no
/// character; nil if there is none, which is the rule.
func repairedUTF8(_ text: RawSpan) -> [UInt8]? {
  var repaired: [UInt8]?
  var place = 0
  while place < text.byteCount {
    let length = characterLength(in: text, at: place)
    if length == 0, repaired == nil { repaired = bytes(of: text, 0..<place) }
    if length == 0 {
      repaired?.append(contentsOf: [0xEF, 0xBF, 0xBD])
    } else if repaired != nil {
      repaired?.append(contentsOf: bytes(of: text, place..<place + length))
    }
    place += max(1, length)
  }
  return repaired
}

/// How many bytes the character at `place` has; 0 if none begins there.
///
/// Source: Unicode 15, table 3-7, "Well-formed UTF-8 byte sequences".
private func characterLength(in text: RawSpan, at place: Int) -> Int {
  let lead = text.byte(at: place)
  let length: Int
  var second: ClosedRange<UInt8> = 0x80...0xBF
  switch lead {
  case 0x00...0x7F: return 1
  case 0xC2...0xDF: length = 2
  case 0xE0: (length, second) = (3, 0xA0...0xBF)
  case 0xED: (length, second) = (3, 0x80...0x9F)
  case 0xE1...0xEF: length = 3
  case 0xF0: (length, second) = (4, 0x90...0xBF)
  case 0xF1...0xF3: length = 4
  case 0xF4: (length, second) = (4, 0x80...0x8F)
  default: return 0
  }
  guard place + length <= text.byteCount, second.contains(text.byte(at: place + 1)) else {
    return 0
  }
  for next in (place + 2)..<max(place + 2, place + length) {
    guard UTF8.isContinuation(text.byte(at: next)) else { return 0 }
  }
  return length
}

private func bytes(of text: RawSpan, _ range: Range<Int>) -> [UInt8] {
  range.map { text.byte(at: $0) }
}
