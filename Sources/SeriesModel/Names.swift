/// Rules for metric names.
public enum MetricName {
  /// True when `name` needs no quotes in PromQL and in the text format:
  /// `[a-zA-Z_:][a-zA-Z0-9_:]*`.
  public static func isLegacy(_ name: String) -> Bool {
    isIdentifier(name, allowsColon: true)
  }
}

extension LabelName {
  /// True when `name` needs no quotes in PromQL and in the text format:
  /// `[a-zA-Z_][a-zA-Z0-9_]*`.
  public static func isLegacy(_ name: String) -> Bool {
    isIdentifier(name, allowsColon: false)
  }
}

private func isIdentifier(_ name: String, allowsColon: Bool) -> Bool {
  var isFirst = true
  for byte in name.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "_"):
      break
    case UInt8(ascii: "0")...UInt8(ascii: "9") where isFirst == false:
      break
    case UInt8(ascii: ":") where allowsColon:
      break
    default:
      return false
    }
    isFirst = false
  }
  return isFirst == false
}

extension String {
  /// The string in double quotes as PromQL and Go write it: `\\`, `\"`, `\n`,
  /// `\t`, `\r` and other control characters escaped, other text as it is.
  public var quotedForPromQL: String {
    var text = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case "\u{07}": text += "\\a"
      case "\u{08}": text += "\\b"
      case "\u{0B}": text += "\\v"
      case "\u{0C}": text += "\\f"
      case "\u{00}"..."\u{1F}", "\u{7F}":
        let digits = String(scalar.value, radix: 16)
        text += "\\x" + (digits.count == 1 ? "0" : "") + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
