/// Reads a size such as `10MB`, `1.5GiB` or `1MB512KB`, in powers of 1024.
///
/// - Returns: Bytes; nil if `text` is no size, has a number without unit (but
///   for `0`), or does not fit an `Int`.
package func parseByteSize(_ text: String) -> Int? {
  if text == "0" { return 0 }
  guard text.isEmpty == false else { return nil }
  var rest = text.utf8[...]
  var total = 0.0
  while rest.isEmpty == false {
    let digits = rest.prefix {
      $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") || $0 == UInt8(ascii: ".")
    }
    guard let number = Double(String(Substring(digits))), number.isFinite else { return nil }
    rest = rest.dropFirst(digits.count)
    let unit = rest.prefix {
      ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z")
    }
    guard let factor = byteUnits[String(Substring(unit))] else { return nil }
    rest = rest.dropFirst(unit.count)
    total += number * factor
  }
  return total < 0x1p62 ? Int(total) : nil
}

/// Writes a size as Prometheus does, in powers of 1024 from the largest unit on:
/// `1GiB512MiB`. ``parseByteSize(_:)`` reads the same number from it, up to 2^53.
///
/// - Parameter byteCount: Not negative.
package func byteSizeText(_ byteCount: Int) -> String {
  guard byteCount > 0 else { return "0B" }
  var text = ""
  var rest = byteCount
  for (index, unit) in ["EiB", "PiB", "TiB", "GiB", "MiB", "KiB", "B"].enumerated() {
    let factor = 1 << (60 - 10 * index)
    if rest >= factor { text += "\(rest / factor)\(unit)" }
    rest %= factor
  }
  return text
}

private let byteUnits: [String: Double] = [
  "B": 1,
  "K": 0x1p10, "KB": 0x1p10, "KiB": 0x1p10, "M": 0x1p20, "MB": 0x1p20, "MiB": 0x1p20,
  "G": 0x1p30, "GB": 0x1p30, "GiB": 0x1p30, "T": 0x1p40, "TB": 0x1p40, "TiB": 0x1p40,
  "P": 0x1p50, "PB": 0x1p50, "PiB": 0x1p50, "E": 0x1p60, "EB": 0x1p60, "EiB": 0x1p60,
]
