import PromQLSyntax

/// Something remarkable about a valid result.
public struct Annotation: Hashable, Sendable {
  /// How serious an annotation is.
  public enum Kind: String, Hashable, Sendable {
    /// The result is probably not what was meant.
    case warning
    /// The result may not be what was meant.
    case info
  }

  /// How serious the annotation is.
  public var kind: Kind
  /// What there is to know, without prefix and position.
  public var message: String
  /// Where in the query the cause stands; nil when it lies in the data.
  public var position: SourcePosition?

  /// Creates an annotation.
  public init(kind: Kind, message: String, position: SourcePosition? = nil) {
    self.kind = kind
    self.message = message
    self.position = position
  }
}

extension Annotation: CustomStringConvertible {
  /// The text as Prometheus words it: `PromQL warning: message (1:7)`; what
  /// the store has to say has neither prefix nor position.
  public var description: String {
    guard let position else { return message }
    return "PromQL \(kind.rawValue): \(message) (\(position))"
  }
}
