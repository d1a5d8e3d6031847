/// Why a query has no result.
public enum QueryError: Error, Hashable, Sendable {
  /// The text is no valid expression; the message begins with the position.
  case parse(String)
  /// The expression can't be evaluated over these data or parameters.
  case execution(String)
  /// Evaluation took longer than allowed.
  case timeout
  /// The query was cancelled from outside.
  case canceled
  /// More samples were needed at once than `limit`.
  case tooManySamples(limit: Int)
  /// The store could not be read.
  case storage(String)
}

extension QueryError: CustomStringConvertible {
  /// The message as Prometheus words it.
  public var description: String {
    switch self {
    case .parse(let message), .execution(let message), .storage(let message):
      message
    case .timeout:
      "query timed out in expression evaluation"
    case .canceled:
      "query was canceled in expression evaluation"
    case .tooManySamples:
      "query processing would load too many samples into memory in query execution"
    }
  }
}
