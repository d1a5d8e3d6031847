import CYAML

/// Reads YAML text as a sequence of events.
///
/// The one place that sees libyaml. The parser's memory belongs to the reader
/// and goes with it.
@safe
struct YAMLReader: ~Copyable {
  // Safety: allocated and initialised in `init`, released in `deinit` alone,
  // and never handed out. libyaml keeps its address, so it must not move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  // Safety: a copy of the text that outlives the parser, which points into it.
  private let text: UnsafeMutableBufferPointer<UInt8>

  /// One event, as libyaml tells it.
  struct Event {
    enum Kind {
      case streamStart, streamEnd, documentStart, documentEnd
      case scalar(String, isPlain: Bool)
      case sequenceStart, sequenceEnd, mappingStart, mappingEnd
      case alias(String)
    }

    var kind: Kind
    /// The anchor that names the value, for scalars and starts.
    var anchor: String?
    var position: TextPosition
    var characters: Range<Int>
  }

  /// Creates a reader of `bytes`, or nil when there is no memory for it.
  init?(_ bytes: [UInt8]) {
    unsafe parser = .allocate(capacity: 1)
    unsafe text = .allocate(capacity: bytes.count)
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      unsafe parser.deallocate()
      unsafe text.deallocate()
      return nil
    }
    _ = unsafe text.initialize(fromContentsOf: bytes)
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe text.deallocate()
  }

  /// Reads the next event.
  ///
  /// After an error or `streamEnd` the reader is of no further use.
  mutating func next() throws(YAMLError) -> Event {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw syntaxError }
    defer { unsafe yaml_event_delete(&event) }
    let start = unsafe event.start_mark
    let position = TextPosition(line: start.line + 1, column: start.column + 1)
    let characters = unsafe start.index..<max(start.index, event.end_mark.index)
    func make(_ kind: Event.Kind, anchor: UnsafeMutablePointer<UInt8>? = nil) -> Event {
      Event(
        kind: kind, anchor: unsafe YAMLReader.string(anchor), position: position,
        characters: characters)
    }
    // Safety: the member of the union that is read belongs to the event's type.
    switch unsafe event.type {
    case YAML_STREAM_START_EVENT, YAML_NO_EVENT: return make(.streamStart)
    case YAML_DOCUMENT_START_EVENT: return make(.documentStart)
    case YAML_DOCUMENT_END_EVENT: return make(.documentEnd)
    case YAML_SEQUENCE_START_EVENT:
      return unsafe make(.sequenceStart, anchor: event.data.sequence_start.anchor)
    case YAML_SEQUENCE_END_EVENT: return make(.sequenceEnd)
    case YAML_MAPPING_START_EVENT:
      return unsafe make(.mappingStart, anchor: event.data.mapping_start.anchor)
    case YAML_MAPPING_END_EVENT: return make(.mappingEnd)
    case YAML_ALIAS_EVENT:
      return make(.alias(unsafe YAMLReader.string(event.data.alias.anchor) ?? ""))
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      let text = unsafe String(decoding: bytes, as: UTF8.self)
      let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      return unsafe make(.scalar(text, isPlain: isPlain), anchor: scalar.anchor)
    default: return make(.streamEnd)
    }
  }

  private var syntaxError: YAMLError {
    let mark = unsafe parser.pointee.problem_mark
    var message = unsafe YAMLReader.string(parser.pointee.problem) ?? "malformed YAML"
    if let context = unsafe YAMLReader.string(parser.pointee.context) {
      message += " \(context)"
      let start = unsafe parser.pointee.context_mark
      if start.line != mark.line { message += " that starts at line \(start.line + 1)" }
    }
    if message.contains("cannot start any token") {
      message += " (indent with blanks, not tabs, and put such values in quotes)"
    }
    return YAMLError(
      position: TextPosition(line: mark.line + 1, column: mark.column + 1), message: message)
  }

  private static func string(_ pointer: UnsafePointer<CChar>?) -> String? {
    guard let pointer = unsafe pointer else { return nil }
    return unsafe String(cString: pointer)
  }

  private static func string(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
    guard let pointer = unsafe pointer else { return nil }
    return unsafe String(cString: pointer)
  }
}
