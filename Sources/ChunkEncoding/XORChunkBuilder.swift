/// An open XOR chunk together with its bytes.
///
/// For chunks that are written in one go; the head keeps the state and the
/// bytes of its many chunks apart.
package struct XORChunkBuilder: Sendable {
  /// The state, from which the description is read.
  package private(set) var appender = XORChunkAppender()
  private var memory: [UInt8] = []

  /// Creates an empty chunk.
  package init() {}

  /// Appends one sample; its timestamp is after the last one.
  package mutating func append(timestampMilliseconds: Int64, value: Double) {
    let needed = appender.byteCount + XORChunkAppender.scratchByteCount
    if memory.count < needed {
      let grown = max(needed, 2 * memory.count)
      memory.append(contentsOf: repeatElement(0, count: grown - memory.count))
    }
    var state = appender
    var bytes = memory.mutableSpan
    state.append(timestampMilliseconds: timestampMilliseconds, value: value, to: &bytes)
    appender = state
  }

  /// The payload of the chunk as it is now.
  package var payload: [UInt8] { Array(memory.prefix(appender.byteCount)) }
}
