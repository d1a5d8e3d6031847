import FoundationEssentials

/// An answer of the API.
struct Answer<Payload: Decodable>: Decodable {
  let status: String
  let data: Payload?
  let errorType: String?
  let error: String?
  let warnings: [String]?
  let infos: [String]?

  /// Reads an answer, and throws its error if it is one.
  static func decode(_ body: [UInt8]) throws -> Answer {
    let answer: Answer
    do {
      answer = try JSONDecoder().decode(Answer.self, from: Data(body))
    } catch {
      throw CommandFailure("the answer can't be read: \(error)")
    }
    if answer.status != "success" {
      throw AnswerError(
        kind: answer.errorType ?? "unknown", message: answer.error ?? "no reason given")
    }
    return answer
  }
}

/// The error that the API answered with.
struct AnswerError: Error, CustomStringConvertible {
  let kind: String
  let message: String

  var description: String { message }
}

/// The data of a `query` or `query_range` answer.
enum QueryData: Decodable {
  case scalar(SampleText)
  case string(SampleText)
  case vector([Series])
  case matrix([Series])

  /// A time and a value, both as they are shown.
  struct SampleText: Decodable {
    /// Unix seconds.
    let time: Double
    let value: String

    init(time: Double, value: String) {
      self.time = time
      self.value = value
    }

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      time = try container.decode(Double.self)
      value = try container.decode(String.self)
    }
  }

  /// A time and a histogram, as they are shown.
  struct HistogramSample: Decodable {
    let sample: SampleText

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      let time = try container.decode(Double.self)
      sample = SampleText(time: time, value: try container.decode(HistogramText.self).text)
    }
  }

  /// One series; `value` or `histogram` in a vector, `values` and `histograms`
  /// in a matrix.
  struct Series: Decodable {
    let metric: [String: String]
    let value: SampleText?
    let histogram: HistogramSample?
    let values: [SampleText]?
    let histograms: [HistogramSample]?

    /// The samples, ascending in time.
    var samples: [SampleText] {
      let numbers = values ?? value.map { [$0] } ?? []
      let histograms = (histograms ?? histogram.map { [$0] } ?? []).map(\.sample)
      if histograms.isEmpty { return numbers }
      return (numbers + histograms).sorted { $0.time < $1.time }
    }
  }

  private enum Key: String, CodingKey {
    case resultType, result
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    switch try container.decode(String.self, forKey: .resultType) {
    case "scalar": self = .scalar(try container.decode(SampleText.self, forKey: .result))
    case "string": self = .string(try container.decode(SampleText.self, forKey: .result))
    case "vector": self = .vector(try container.decode([Series].self, forKey: .result))
    case "matrix": self = .matrix(try container.decode([Series].self, forKey: .result))
    case let type:
      throw DecodingError.dataCorruptedError(
        forKey: .resultType, in: container, debugDescription: "unknown result type \(type)")
    }
  }

  /// True when there is nothing to show.
  var isEmpty: Bool {
    switch self {
    case .scalar, .string: false
    case .vector(let series), .matrix(let series): series.isEmpty
    }
  }
}

/// A histogram, as it is shown: `{count:3, sum:4.5, [-0.001,0.001]:1, (1,2]:2}`.
struct HistogramText: Decodable {
  let text: String

  private enum Key: String, CodingKey {
    case count, sum, buckets
  }

  private struct Bucket: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      let code = try container.decode(Int.self)
      let numbers = try (0..<3).map { _ in try container.decode(String.self) }
      let opening = code == 1 || code == 3 ? "[" : "("
      let closing = code == 0 || code == 3 ? "]" : ")"
      text = "\(opening)\(numbers[0]),\(numbers[1])\(closing):\(numbers[2])"
    }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    var parts = ["count:" + (try container.decode(String.self, forKey: .count))]
    parts.append("sum:" + (try container.decode(String.self, forKey: .sum)))
    parts += try container.decodeIfPresent([Bucket].self, forKey: .buckets)?.map(\.text) ?? []
    text = "{" + parts.joined(separator: ", ") + "}"
  }
}
