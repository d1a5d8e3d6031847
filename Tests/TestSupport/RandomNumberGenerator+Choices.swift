extension RandomNumberGenerator {
  /// A number from 0 up to `bound`, exclusive.
  package mutating func number(below bound: Int) -> Int {
    Int.random(in: 0..<bound, using: &self)
  }

  /// True or false, equally often.
  package mutating func flip() -> Bool { Bool.random(using: &self) }

  /// One of `choices`.
  ///
  /// - Precondition: There is one.
  package mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
    choices[number(below: choices.count)]
  }
}
