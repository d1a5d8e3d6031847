/// The functions a query may call.
package struct FunctionTable: Sendable {
  private let signatures: [String: FunctionSignature]

  /// Creates a table.
  ///
  /// - Parameter signatures: Of two with one name, the last counts.
  package init(_ signatures: some Sequence<FunctionSignature>) {
    self.signatures = Dictionary(signatures.map { ($0.name, $0) }) { _, last in last }
  }

  /// The signature of the function `name`; nil if there is none. Names are
  /// told apart by case.
  package subscript(name: String) -> FunctionSignature? { signatures[name] }
}
