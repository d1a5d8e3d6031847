/// `source` with every group named `(?<name>...)` written `(?P<name>...)`.
///
/// The syntax of PromQL knows both spellings, older releases of RE2 only the
/// second. Escapes, quotations and classes are left alone.
func spellingGroupNamesForRE2(_ source: String) -> String {
  // Nearly every expression has no such group.
  guard source.utf8.contains(UInt8(ascii: "<")) else { return source }
  var spelled: [UInt8] = []
  var rest = Array(source.utf8)[...]
  var isInClass = false
  while let byte = rest.first {
    if let quotation = quotation(at: rest) {
      spelled += quotation
      rest = rest.dropFirst(quotation.count)
      continue
    }
    var length = 1
    switch byte {
    case UInt8(ascii: "\\"):
      length = 2
    case UInt8(ascii: "["):
      // A closing bracket that comes first is a member.
      if !isInClass {
        isInClass = true
        length =
          rest.starts(with: Array("[^]".utf8)) ? 3 : rest.starts(with: Array("[]".utf8)) ? 2 : 1
      }
    case UInt8(ascii: "]"):
      isInClass = false
    case UInt8(ascii: "(") where !isInClass && rest.starts(with: Array("(?<".utf8)):
      spelled += Array("(?P<".utf8)
      rest = rest.dropFirst(3)
      continue
    default:
      break
    }
    spelled += rest.prefix(length)
    rest = rest.dropFirst(length)
  }
  return String(decoding: spelled, as: UTF8.self)
}

/// The quotation `\Q...\E` that begins `rest`, open to the end if nothing
/// closes it; nil if none begins there.
private func quotation(at rest: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
  let backslash = UInt8(ascii: "\\")
  guard rest.starts(with: [backslash, UInt8(ascii: "Q")]) else { return nil }
  var end = rest.startIndex + 2
  while end < rest.endIndex {
    if rest[end...].starts(with: [backslash, UInt8(ascii: "E")]) { return rest[..<(end + 2)] }
    end += 1
  }
  return rest
}
