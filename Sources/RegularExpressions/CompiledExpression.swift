import CRE2

// Every C function the target uses is named in this file.

/// A program of RE2's.
// Safety: the handle does not leave the class, and no call outlives the method
// that makes it, which holds the object.
@safe
final class CompiledExpression: Sendable {
  // Safety: the program is made in `init`, freed in `deinit` and never changes
  // for its callers; RE2 guards the caches it keeps inside.
  private nonisolated(unsafe) let handle: OpaquePointer

  /// How many capturing groups the expression has, the whole not counted; 0 if
  /// it was compiled without captures.
  let groupCount: Int

  /// The most memory a program and its caches take, in bytes: RE2's default.
  private static let memoryLimit: Int64 = 8 << 20

  /// Compiles `source`.
  ///
  /// - Parameter captures: Whether ``captures(in:)`` will be asked. Matching
  ///   alone is quicker without.
  init(_ source: String, captures: Bool) throws(RegularExpressionError) {
    var failure = TSDB_RE2_NO_FAILURE
    var message = [CChar](repeating: 0, count: 200)
    let spelled = spellingGroupNamesForRE2(source)
    let text = spelled.utf8Span.span
    // Safety: the callee reads the source and writes the message within the
    // bounds given, and keeps neither.
    let handle = unsafe text.withUnsafeBytes { bytes in
      unsafe message.withUnsafeMutableBufferPointer { message in
        unsafe tsdb_re2_create(
          characters(of: bytes), bytes.count, Self.memoryLimit, captures, &failure,
          message.baseAddress, message.count)
      }
    }
    guard let handle = unsafe handle else {
      switch failure {
      case TSDB_RE2_TOO_COMPLEX: throw .tooComplex(source: source)
      case TSDB_RE2_NO_MEMORY: throw .outOfMemory
      default:
        let words = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        throw .malformed(source: source, reason: String(decoding: words, as: UTF8.self))
      }
    }
    unsafe self.handle = handle
    groupCount = captures ? Int(unsafe tsdb_re2_group_count(handle)) : 0
  }

  deinit {
    unsafe tsdb_re2_destroy(handle)
  }

  /// Whether the expression matches all of `text`, which is valid UTF-8.
  func matches(_ text: RawSpan) -> Bool {
    // Safety: the callee reads exactly the bytes of the buffer.
    unsafe text.withUnsafeBytes { bytes in
      unsafe tsdb_re2_matches(handle, characters(of: bytes), bytes.count)
    }
  }

  /// The ranges of bytes the groups matched, the whole first; a group without
  /// a match is empty and nil if the expression does not match all of `text`.
  func captures(in text: RawSpan) -> [Range<Int>]? {
    var offsets = [Int](repeating: -1, count: 2 * (groupCount + 1))
    // Safety: the callee writes two offsets a group, which is what there is
    // room for, and reads exactly the bytes of the text.
    let isMatch = unsafe text.withUnsafeBytes { bytes in
      unsafe offsets.withUnsafeMutableBufferPointer { offsets in
        unsafe tsdb_re2_capture(
          handle, characters(of: bytes), bytes.count, offsets.baseAddress, CInt(groupCount + 1))
      }
    }
    guard isMatch else { return nil }
    return (0...groupCount).map { group in
      max(0, offsets[2 * group])..<max(0, offsets[2 * group + 1])
    }
  }

  /// The number of the group named by `name`; nil if there is none.
  func groupNumber(named name: String) -> Int? {
    // Safety: the callee reads exactly the bytes of the buffer.
    let number = unsafe name.utf8Span.span.withUnsafeBytes { bytes in
      unsafe tsdb_re2_group_number(handle, characters(of: bytes), bytes.count)
    }
    return number < 0 ? nil : Int(number)
  }
}

/// The offset of the first `part` in `text`, which starts the search at
/// `start`; nil if there is none.
///
/// - Complexity: O(*n*) in the bytes of `text`.
func firstOffset(of part: [UInt8], in text: RawSpan, from start: Int) -> Int? {
  // Safety: the callee reads exactly the bytes of both buffers; `start` is
  // checked by the slicing.
  let found = unsafe text.withUnsafeBytes { bytes in
    let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
    return unsafe part.withUnsafeBytes { part in
      unsafe tsdb_find(rest.baseAddress, rest.count, part.baseAddress, part.count)
    }
  }
  return found < 0 ? nil : start + found
}

/// The buffer's address as C's strings have it. An empty buffer may have none.
private func characters(of bytes: UnsafeRawBufferPointer) -> UnsafePointer<CChar>? {
  unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
}
