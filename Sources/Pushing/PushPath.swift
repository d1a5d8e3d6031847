import SeriesModel

/// The group that the path of a push names.
///
/// Form: `/metrics/job/J` and then `/NAME/VALUE` for each further label, where
/// the job and any name may end in `@base64`: the value is then URL-safe
/// base64, padded or not. Values are percent-decoded after the path was cut, so
/// that `%2F` is a slash within a value; a `+` stays a `+`. Of a label named
/// twice the last value counts, but the first for the job.
package struct PushPath: Equatable, Sendable {
  /// The labels of the group, the job among them.
  package var groupingLabels = Labels()
  /// The labels that the path sets to nothing: pushed samples lose them.
  package var removedLabelNames: [String] = []
}

/// Why a path names no group.
package enum PushPathError: Error, Equatable, Sendable {
  /// The path is none that samples are pushed to.
  case notFound
  /// The path has empty or dotted components; `path` is the one without.
  case needsCleaning(path: String)
  /// A label has no value; `labels` is the path after the job.
  case oddComponents(labels: String)
  /// The job is empty.
  case missingJob
  /// A label name is not `[a-zA-Z_][a-zA-Z0-9_]*` or begins with two
  /// underscores.
  case improperLabelName(String)
  /// The value of the label `name` is no URL-safe base64.
  case invalidBase64(name: String, value: String)
  /// A component is badly percent-encoded, or not UTF-8 once decoded.
  case invalidText(component: String)
}

extension PushPathError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notFound: "404 page not found; push to /metrics/job/JOB{/LABEL/VALUE}"
    case .needsCleaning(let path): "moved to \(path)"
    case .oddComponents(let labels):
      "odd number of components in label string \(labels.quotedForPromQL)"
    case .missingJob: "job name is required"
    case .improperLabelName(let name): "improper label name \(name.quotedForPromQL)"
    case .invalidBase64(let name, let value):
      "invalid base64 encoding for label \(name)=\(value.quotedForPromQL): "
        + "expected the URL-safe alphabet"
    case .invalidText(let component):
      "path component \(component.quotedForPromQL) is not percent-encoded UTF-8"
    }
  }

  /// What a client that used the path is answered.
  var answer: PushAnswer {
    switch self {
    case .notFound: PushAnswer(status: 404, text: description)
    case .needsCleaning(let path):
      PushAnswer(status: 301, headers: ["Location": path], text: description)
    case .oddComponents, .missingJob, .improperLabelName, .invalidBase64, .invalidText:
      PushAnswer(status: 400, text: description)
    }
  }
}

extension PushPath {
  private static let base64Suffix = "@base64"

  /// Reads a path as it was sent, not decoded and without the query string.
  package init(rawPath: String) throws(PushPathError) {
    let cleaned = PushPath.cleaned(rawPath)
    if cleaned != rawPath { throw .needsCleaning(path: cleaned) }
    let components = rawPath.split(separator: "/", omittingEmptySubsequences: false)
      .map(String.init)
    guard components.count >= 3, components[0].isEmpty, components[1] == "metrics",
      components[2] == LabelName.job || components[2] == LabelName.job + PushPath.base64Suffix
    else { throw .notFound }
    let job = components.count > 3 ? components[3] : ""
    let (_, jobValue) = try PushPath.label(name: components[2], value: job)
    guard jobValue.isEmpty == false else { throw .missingJob }

    var pairs = components.dropFirst(4)
    if pairs.count == 1, pairs.first == "" { pairs = [] }
    guard pairs.count.isMultiple(of: 2) else {
      throw .oddComponents(labels: "/" + pairs.joined(separator: "/"))
    }
    var builder = LabelsBuilder()
    var removed: Set<String> = []
    while let name = pairs.popFirst(), let value = pairs.popFirst() {
      let (name, value) = try PushPath.label(name: name, value: value)
      guard LabelName.isLegacy(name), name.hasPrefix("__") == false else {
        throw .improperLabelName(name)
      }
      builder.set(name, to: value)
      if value.isEmpty { removed.insert(name) } else { removed.remove(name) }
    }
    removed.remove(LabelName.job)
    builder.set(LabelName.job, to: jobValue)
    groupingLabels = builder.labels()
    removedLabelNames = removed.sorted()
  }

  /// Decodes one pair of components.
  private static func label(
    name: String, value: String
  ) throws(PushPathError) -> (name: String, value: String) {
    let name = try text(percentDecoded(name), of: name)
    let decodedValue = percentDecoded(value)
    guard name.hasSuffix(base64Suffix) else { return (name, try text(decodedValue, of: value)) }
    let labelName = String(name.dropLast(base64Suffix.count))
    guard let encoded = decodedValue, let bytes = base64Decoded(encoded) else {
      throw .invalidBase64(name: labelName, value: value)
    }
    return (labelName, try text(bytes, of: value))
  }

  private static func text(
    _ bytes: [UInt8]?, of component: String
  ) throws(PushPathError) -> String {
    guard let bytes, let text = String(validating: bytes, as: UTF8.self) else {
      throw .invalidText(component: component)
    }
    return text
  }

  /// The path without empty and dotted components; a slash at the end stays.
  private static func cleaned(_ path: String) -> String {
    var kept: [Substring] = []
    for component in path.split(separator: "/") where component != "." {
      if component == ".." { _ = kept.popLast() } else { kept.append(component) }
    }
    let cleaned = "/" + kept.joined(separator: "/")
    return path.hasSuffix("/") && cleaned != "/" ? cleaned + "/" : cleaned
  }

  /// Decodes `%XX`; nil when a `%` is not followed by two digits.
  private static func percentDecoded(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst()?.hexadecimalDigit,
        let low = rest.popFirst()?.hexadecimalDigit
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  /// Decodes URL-safe base64, padded or not; nil when it is none.
  private static func base64Decoded(_ text: [UInt8]) -> [UInt8]? {
    let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    let digits = text.dropLast(padding)
    guard digits.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for digit in digits {
      guard let value = digit.base64Digit else { return nil }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
      }
    }
    return bytes
  }
}

extension UInt8 {
  fileprivate var hexadecimalDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The six bits of a digit of the URL-safe alphabet.
  fileprivate var base64Digit: UInt8? {
    switch self {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): self - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): self - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0") + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }
}
