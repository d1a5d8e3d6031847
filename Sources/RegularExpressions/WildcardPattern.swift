/// Literals with gaps between them, such as `node.*:9.+`: what most regular
/// expressions on labels are, and what needs no automaton.
struct WildcardPattern: Equatable, Sendable {
  /// A gap, and the literal after it.
  struct Step: Equatable, Sendable {
    /// Whether the gap is at least one character long (`.+`), not zero (`.*`).
    var needsCharacter: Bool
    /// What follows the gap. Empty at the end of the pattern only.
    var literal: [UInt8]
  }

  /// What the text begins with; all of it, if there are no steps.
  var prefix: [UInt8] = []
  var steps: [Step] = []

  /// The literal, if the pattern is nothing else.
  var literal: [UInt8]? { steps.isEmpty ? prefix : nil }

  /// About how many bytes the pattern takes.
  var size: Int { steps.reduce(prefix.count + 16) { $0 + $1.literal.count + 16 } }

  /// Whether the pattern is `.*`.
  var matchesEverything: Bool {
    prefix.isEmpty && steps == [Step(needsCharacter: false, literal: [])]
  }

  /// Whether the pattern matches all of `text`.
  ///
  /// Taking the first place for each literal is enough, because a gap matches
  /// any bytes: an earlier place leaves more room for what follows. Literals
  /// are whole characters, so a gap of at least one byte is a character.
  ///
  /// - Complexity: O(*n*) for each step.
  func matches(_ text: RawSpan) -> Bool {
    guard let last = steps.last else {
      return text.byteCount == prefix.count && text.holds(prefix, at: 0)
    }
    guard text.holds(prefix, at: 0) else { return false }
    var place = prefix.count
    for step in steps.dropLast() {
      let start = place + (step.needsCharacter ? 1 : 0)
      guard start <= text.byteCount,
        let found = firstOffset(of: step.literal, in: text, from: start)
      else { return false }
      place = found + step.literal.count
    }
    let suffixStart = text.byteCount - last.literal.count
    return suffixStart >= place + (last.needsCharacter ? 1 : 0)
      && text.holds(last.literal, at: suffixStart)
  }

  /// The pattern that matches what this one does followed by what `next` does;
  /// nil if the gap where they meet would need two characters, which only
  /// decoding could count.
  func appending(_ next: WildcardPattern) -> WildcardPattern? {
    var joined = self
    guard let last = steps.last else {
      joined.prefix += next.prefix
      joined.steps = next.steps
      return joined
    }
    joined.steps[steps.count - 1].literal += next.prefix
    guard let first = next.steps.first, last.literal.isEmpty, next.prefix.isEmpty else {
      joined.steps += next.steps
      return joined
    }
    if last.needsCharacter && first.needsCharacter { return nil }
    joined.steps.removeLast()
    joined.steps.append(
      Step(needsCharacter: last.needsCharacter || first.needsCharacter, literal: first.literal))
    joined.steps += next.steps.dropFirst()
    return joined
  }
}

extension RawSpan {
  /// Whether the bytes from `start` on begin with `part`.
  fileprivate func holds(_ part: [UInt8], at start: Int) -> Bool {
    guard byteCount - start >= part.count else { return false }
    for index in part.indices where byte(at: start + index) != part[index] { return false }
    return true
  }

  /// The byte at `offset`, which is checked against the bounds.
  @inline(__always)
  func byte(at offset: Int) -> UInt8 {
    // Safety: the load checks the bounds, and every bit pattern is a UInt8.
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
