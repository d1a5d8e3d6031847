/// Ways in which a plan spares work, none of which changes a result.
package struct PlanRewrites: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  /// Creates a set from its bits.
  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// Evaluates what is the same at every step at one step only.
  package static let evaluateInvariantsOnce = PlanRewrites(rawValue: 1)
  /// Reads data once that several selectors ask for.
  package static let shareSelections = PlanRewrites(rawValue: 2)
  /// Every rewrite.
  package static let all: PlanRewrites = [.evaluateInvariantsOnce, .shareSelections]
}
