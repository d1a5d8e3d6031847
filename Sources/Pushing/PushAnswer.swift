import SeriesModel

/// What a pushing client is answered; the HTTP layer only copies it.
package struct PushAnswer: Equatable, Sendable {
  /// The HTTP status code.
  package var status: Int
  /// Header fields by name, such as `Retry-After`.
  package var headers: [String: String] = [:]
  /// Plain text for people, one sentence or more, without a line end; empty for
  /// an answer without body.
  package var text = ""

  /// Creates an answer.
  package init(status: Int, headers: [String: String] = [:], text: String = "") {
    self.status = status
    self.headers = headers
    self.text = text
  }
}

/// Where pushed samples go, and how its errors are told.
package struct PushDestination: Sendable {
  /// What the samples are appended to.
  package let appender: any Appender
  /// Says in how many seconds to come again after an error that `appender`
  /// threw, when that passes by itself, as a full queue does; nil when not.
  package let secondsToWait: @Sendable (any Error) -> Int?

  /// Creates a destination.
  package init(
    appender: any Appender, secondsToWait: @escaping @Sendable (any Error) -> Int?
  ) {
    self.appender = appender
    self.secondsToWait = secondsToWait
  }

  /// The answer when `appender` has thrown `error`: 503 when it passes by
  /// itself, 500 otherwise. Nothing was stored; every known client sends again.
  func answer(to error: any Error) -> PushAnswer {
    guard let seconds = secondsToWait(error) else {
      return PushAnswer(status: 500, text: "the store failed, nothing was stored: \(error)")
    }
    return PushAnswer(
      status: 503, headers: ["Retry-After": "\(seconds)"],
      text: "the store can't take the samples now, send them again: \(error)")
  }
}
