import PromQLSyntax

/// The functions of the language.
package struct FunctionRegistry: Sendable {
  /// All functions, sorted by name.
  package let definitions: [FunctionDefinition]
  /// What the parser needs to know of them.
  package let table: FunctionTable
  private let indexOfName: [String: Int]

  /// Every function of PromQL.
  package static let standard = FunctionRegistry(
    mathFunctions + scalarFunctions + calendarFunctions + rateFunctions + overTimeFunctions
      + trendFunctions + histogramFunctions + labelFunctions + sortingFunctions
      + conversionFunctions)

  /// Creates a registry.
  ///
  /// - Precondition: No two definitions have the same name.
  init(_ unsorted: [FunctionDefinition]) {
    definitions = unsorted.sorted { $0.signature.name < $1.signature.name }
    table = FunctionTable(definitions.map(\.signature))
    indexOfName = Dictionary(
      uniqueKeysWithValues: definitions.enumerated().map { ($1.signature.name, $0) })
  }

  /// The function called `name`; nil if there is none.
  package subscript(name: String) -> FunctionDefinition? {
    indexOfName[name].map { definitions[$0] }
  }

  /// The names of the functions whose range vector may be `modifier`, sorted.
  func names(allowing modifier: RangeModifier) -> [String] {
    definitions.filter { $0.rangeModifiers.contains(modifier) }.map(\.signature.name)
  }
}
