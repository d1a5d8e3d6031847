import Numbers
import SeriesModel

/// The parts of a `postings` key.
///
/// A label name or value enters a key as its bytes, each zero byte as `00 FF`,
/// then `00 00`; so keys sort as the texts do and no text is the beginning of
/// another. A text whose form would be longer than its limit (100 bytes for
/// names, 360 for values, both without the end) enters as the first bytes of
/// that form (76 for names, 336 for values), then `00 01`, then a hash of the
/// whole text in 16 bytes, of which no two texts have the same. Such a text is
/// not in the table at all: it is read from the labels of a series that has it.
struct PostingsKey {
  static let nameByteLimit = 100
  static let valueByteLimit = 360
  private static let hashedByteCount = 24

  /// The kinds of keys of one label name.
  enum Kind: UInt8 {
    /// Values with few series, several in a block.
    case shared = 1
    /// One value with blocks of its own.
    case own = 2
  }

  /// The form of a text in a key.
  struct Component: Hashable {
    var bytes: [UInt8]
    /// Whether the text is only there as a hash.
    var isHashed: Bool
  }

  static func component(
    _ text: Span<UInt8>, byteLimit: Int, seed: UInt64
  ) -> Component {
    var bytes: [UInt8] = []
    for index in text.indices {
      bytes.append(text[index])
      if text[index] == 0 { bytes.append(0xFF) }
      if bytes.count > byteLimit { break }
    }
    guard bytes.count > byteLimit else { return Component(bytes: bytes + [0, 0], isHashed: false) }
    bytes.removeSubrange((byteLimit - hashedByteCount)...)
    if bytes.last == 0 { bytes.removeLast() }
    bytes += [0, 1]
    // Safety: bytes have no padding.
    bytes.appendBigEndian(hash64(unsafe text.bytes, seed: seed))
    bytes.appendBigEndian(hash64(unsafe text.bytes, seed: ~seed))
    return Component(bytes: bytes, isHashed: true)
  }

  /// What the forms of all texts that begin with `prefix` begin with.
  static func beginning(_ prefix: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    for byte in prefix {
      bytes.append(byte)
      if byte == 0 { bytes.append(0xFF) }
      // The form of a longer text may end in a hash behind this place.
      if bytes.count >= valueByteLimit - hashedByteCount - 2 { break }
    }
    return bytes
  }

  /// Reads one component from the start of `bytes`.
  ///
  /// - Returns: The form, how many bytes it takes, and the text unless it is
  ///   hashed.
  static func parse(
    _ bytes: Span<UInt8>
  ) throws(BlockDamage) -> (component: Component, text: [UInt8]?) {
    var text: [UInt8] = []
    var index = 0
    while index + 1 < bytes.count {
      guard bytes[index] == 0 else {
        text.append(bytes[index])
        index += 1
        continue
      }
      let mark = bytes[index + 1]
      index += 2
      switch mark {
      case 0xFF:
        text.append(0)
      case 0:
        let form = Array(copying: bytes.extracting(0..<index))
        return (Component(bytes: form, isHashed: false), text)
      case 1 where index + 16 <= bytes.count:
        let form = Array(copying: bytes.extracting(0..<index + 16))
        return (Component(bytes: form, isHashed: true), nil)
      default:
        throw BlockDamage("the key is malformed")
      }
    }
    throw BlockDamage("the key is malformed")
  }
}
