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
  /// Says whether an error that `appender` threw passes by itself, as that of a
  /// full queue does: clients are then told when to come again.
  package let isTransient: @Sendable (any Error) -> Bool

  /// Creates a destination.
  package init(
    appender: any Appender, isTransient: @escaping @Sendable (any Error) -> Bool
  ) {
    self.appender = appender
    self.isTransient = isTransient
  }

  /// The answer when `appender` has thrown `error`: 503 when it passes by
  /// itself, 500 otherwise. Nothing was stored; every known client sends again.
  func answer(to error: any Error) -> PushAnswer {
    isTransient(error)
      ? PushAnswer(
        status: 503, headers: ["Retry-After": "1"],
        text: "the store can't take the samples now, send them again: \(error)")
      : PushAnswer(status: 500, text: "the store failed, nothing was stored: \(error)")
  }
}
