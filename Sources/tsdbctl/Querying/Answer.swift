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

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      time = try container.decode(Double.self)
      value = try container.decode(String.self)
    }
  }

  /// One series; `value` in a vector, `values` in a matrix.
  struct Series: Decodable {
    let metric: [String: String]
    let value: SampleText?
    let values: [SampleText]?

    var samples: [SampleText] { values ?? value.map { [$0] } ?? [] }
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
