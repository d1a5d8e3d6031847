import PromQL
import PromQLSyntax
import SeriesModel

/// Histograms as scripts write them:
/// `{{schema:1 sum:4.5 count:3 z_bucket:1 z_bucket_w:0.001 buckets:[1 0 1]}}`.
enum HistogramNotation {
  /// `{{a}}`, `{{a}}x3`, `{{a}}+{{b}}x3` or `{{a}}-{{b}}x3`.
  static func values(ofItem item: Substring) throws(NotationError) -> [NotedValue?] {
    var rest = item
    let first = try histogram(from: &rest)
    if rest.isEmpty { return [first.noted] }
    if let count = try repetition(rest) {
      return Array(repeating: first.noted, count: count + 1)
    }
    let isSum = rest.first == "+"
    guard isSum || rest.first == "-" else { throw NotationError("\"\(item)\" is no value") }
    rest = rest.dropFirst()
    let increment = try histogram(from: &rest)
    guard let count = try repetition(rest) else {
      throw NotationError("\"\(item)\" does not say how often")
    }
    var current = first.value
    var values: [NotedValue?] = [first.noted]
    for _ in 0..<count {
      guard current.schema <= increment.value.schema,
        let next = isSum
          ? current.sum(with: increment.value) : current.difference(from: increment.value)
      else {
        throw NotationError(
          "histograms of schema \(current.schema) and \(increment.value.schema) can't be combined")
      }
      current = next
      values.append(.histogram(current, tellsHint: increment.tellsHint))
    }
    return values
  }

  private static func repetition(_ text: Substring) throws(NotationError) -> Int? {
    text.first == "x" ? try repetitionCount(text.dropFirst()) : nil
  }

  // MARK: Reading

  private struct Noted {
    var value: NativeHistogram
    var tellsHint: Bool
    var noted: NotedValue { .histogram(value, tellsHint: tellsHint) }
  }

  private enum Field: String {
    case schema, sum, count
    case zeroCount = "z_bucket"
    case zeroThreshold = "z_bucket_w"
    case customBounds = "custom_values"
    case positiveBuckets = "buckets"
    case negativeBuckets = "n_buckets"
    case positiveOffset = "offset"
    case negativeOffset = "n_offset"
    case counterResetHint = "counter_reset_hint"
  }

  /// Takes `{{...}}` from the beginning.
  private static func histogram(from text: inout Substring) throws(NotationError) -> Noted {
    guard text.hasPrefix("{{"), let close = text.firstRange(of: "}}") else {
      throw NotationError("\"\(text)\" is no histogram")
    }
    let fields = try fields(text[..<close.lowerBound].dropFirst(2))
    text = text[close.upperBound...]
    var value = NativeHistogram()
    for (field, word) in fields {
      switch field {
      case .schema: value.schema = try integer(word)
      case .sum: value.sum = try number(word)
      case .count: value.count = try number(word)
      case .zeroCount: value.zeroCount = try number(word)
      case .zeroThreshold: value.zeroThreshold = try number(word)
      case .customBounds: value.customBounds = try numbers(word)
      case .counterResetHint: value.counterResetHint = try hint(word)
      case .positiveBuckets, .negativeBuckets, .positiveOffset, .negativeOffset: break
      }
    }
    guard NativeHistogram.exponentialSchemas.contains(value.schema) || value.hasCustomBounds else {
      throw NotationError("there is no histogram schema \(value.schema)")
    }
    value.positiveBuckets = try buckets(
      fields[.positiveBuckets], from: fields[.positiveOffset])
    value.negativeBuckets = try buckets(
      fields[.negativeBuckets], from: fields[.negativeOffset])
    return Noted(value: value, tellsHint: fields[.counterResetHint] != nil)
  }

  /// The texts of the fields; of a list without its brackets.
  private static func fields(_ text: Substring) throws(NotationError) -> [Field: Substring] {
    var fields: [Field: Substring] = [:]
    var rest = text.drop(while: \.isWhitespace)
    while rest.isEmpty == false {
      guard let colon = rest.firstIndex(of: ":") else {
        throw NotationError("\"\(rest)\" is no field of a histogram")
      }
      let name = rest[..<colon].lowercased()
      guard let field = Field(rawValue: name) else {
        throw NotationError("histograms have no field \"\(name)\"")
      }
      guard fields[field] == nil else {
        throw NotationError("the field \"\(name)\" is given twice")
      }
      rest = rest[rest.index(after: colon)...]
      if rest.first == "[" {
        guard let close = rest.firstIndex(of: "]") else {
          throw NotationError("a list of numbers is not closed by ]")
        }
        fields[field] = rest[..<close].dropFirst()
        rest = rest[rest.index(after: close)...]
      } else {
        let word = rest.prefix { $0.isWhitespace == false }
        fields[field] = word
        rest = rest.dropFirst(word.count)
      }
      rest = rest.drop(while: \.isWhitespace)
    }
    return fields
  }

  private static func buckets(
    _ counts: Substring?, from offset: Substring?
  ) throws(NotationError) -> HistogramBuckets {
    var buckets = HistogramBuckets()
    var index = try offset.map(Self.integer) ?? 0
    for count in try counts.map(Self.numbers) ?? [] {
      guard let bucketIndex = Int32(exactly: index) else {
        throw NotationError("bucket \(index) is out of range")
      }
      buckets.append(index: bucketIndex, count: count)
      index += 1
    }
    return buckets
  }

  private static func number(_ text: Substring) throws(NotationError) -> Double {
    guard let number = scriptNumber(text) else { throw NotationError("\"\(text)\" is no number") }
    return number
  }

  private static func numbers(_ text: Substring) throws(NotationError) -> [Double] {
    var numbers: [Double] = []
    for word in text.split(whereSeparator: \.isWhitespace) { numbers.append(try number(word)) }
    return numbers
  }

  private static func integer(_ text: Substring) throws(NotationError) -> Int {
    guard let integer = Int32(text) else { throw NotationError("\"\(text)\" is no integer") }
    return Int(integer)
  }

  private static let hints: [(name: String, hint: NativeHistogram.CounterResetHint)] = [
    ("unknown", .unknown), ("reset", .reset), ("not_reset", .notReset), ("gauge", .gauge),
  ]

  private static func hint(
    _ text: Substring
  ) throws(NotationError) -> NativeHistogram.CounterResetHint {
    let name = text.lowercased()
    guard let hint = hints.first(where: { $0.name == name })?.hint else {
      throw NotationError("there is no counter reset hint \"\(text)\"")
    }
    return hint
  }

  // MARK: Writing

  /// The histogram in script notation, its fields in a fixed order.
  static func text(of histogram: NativeHistogram) -> String {
    var fields: [String] = []
    if histogram.schema != 0 { fields.append("schema:\(histogram.schema)") }
    fields.append("count:\(numberText(histogram.count))")
    fields.append("sum:\(numberText(histogram.sum))")
    if histogram.zeroCount != 0 { fields.append("z_bucket:\(numberText(histogram.zeroCount))") }
    if histogram.zeroThreshold != 0 {
      fields.append("z_bucket_w:\(numberText(histogram.zeroThreshold))")
    }
    if histogram.customBounds.isEmpty == false {
      fields.append("custom_values:" + list(histogram.customBounds))
    }
    fields += texts(of: histogram.positiveBuckets, "buckets", "offset")
    fields += texts(of: histogram.negativeBuckets, "n_buckets", "n_offset")
    if let hint = hints.first(where: { $0.hint == histogram.counterResetHint }),
      hint.hint != .unknown
    {
      fields.append("counter_reset_hint:\(hint.name)")
    }
    return "{{" + fields.joined(separator: " ") + "}}"
  }

  /// The most buckets that are written with those without observations between
  /// them.
  private static let maximumListed = 200

  private static func texts(
    of buckets: HistogramBuckets, _ name: String, _ offsetName: String
  ) -> [String] {
    guard let first = buckets.indices.first, let last = buckets.indices.last else { return [] }
    let offset = first == 0 ? [] : ["\(offsetName):\(first)"]
    let span = Int(last) - Int(first) + 1
    guard span <= maximumListed else {
      return offset + ["\(name):[\(buckets.count) from \(first) to \(last)]"]
    }
    var counts = Array(repeating: 0.0, count: span)
    for (index, count) in zip(buckets.indices, buckets.counts) {
      counts[Int(index) - Int(first)] = count
    }
    return offset + ["\(name):" + list(counts)]
  }

  private static func list(_ numbers: [Double]) -> String {
    "[" + numbers.map(numberText).joined(separator: " ") + "]"
  }
}
