/// Why bytes can't be read as a protobuf message of the expected kind.
///
/// Offsets count bytes from the start of the whole message.
package enum PushProtocolError: Error, Equatable, Sendable {
  /// A value that begins at `offset` reaches beyond the end of its message.
  case truncated(offset: Int)
  /// The integer at `offset` has more than 64 bits.
  case integerOverflow(offset: Int)
  /// The tag at `offset` names a field number or a wire type that there isn't.
  case invalidTag(offset: Int)
  /// The field `number` at `offset` is encoded as another type than it has.
  case wrongWireType(field: Int, offset: Int)
  /// The message has more samples than its reader takes.
  case tooManySamples
  /// The message has more symbols than its reader takes.
  case tooManySymbols
}

extension PushProtocolError: CustomStringConvertible {
  /// What is wrong, and where.
  package var description: String {
    switch self {
    case .truncated(let offset):
      "protobuf message ends within the value at byte \(offset)"
    case .integerOverflow(let offset):
      "protobuf integer at byte \(offset) has more than 64 bits"
    case .invalidTag(let offset):
      "protobuf tag at byte \(offset) has no valid field number or wire type"
    case .wrongWireType(let field, let offset):
      "protobuf field \(field) at byte \(offset) has an unexpected wire type"
    case .tooManySamples:
      "protobuf message has too many samples"
    case .tooManySymbols:
      "protobuf message has more than \(RemoteWriteRequest.maximumSymbolCount) symbols"
    }
  }
}
