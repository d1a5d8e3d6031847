/// The decoded parameters of a request: those of a form body first, then those
/// of the query string.
///
/// This is the order in which Prometheus sees them, so ``first(_:)`` prefers
/// the body. A part that can't be decoded is left out and remembered in
/// ``firstMalformedPart``: whether that is an error is up to the endpoint.
package struct Parameters: Sendable {
  /// One name and value.
  package struct Pair: Sendable, Equatable {
    /// The decoded name.
    package let name: String
    /// The decoded value; empty when there was no `=`.
    package let value: String

    /// Creates a pair.
    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The most pairs that are kept: each takes more memory than its bytes.
  package static let maximumPairCount = 10_000

  /// All pairs in order, repeated names included.
  package private(set) var pairs: [Pair] = []

  /// The first part that was left out: one with a bad `%` sequence or a `;`, or
  /// the first beyond ``maximumPairCount``.
  package private(set) var firstMalformedPart: String?

  /// Decodes a form body, if there is one, and then a query string.
  ///
  /// - Parameters:
  ///   - form: A body of type `application/x-www-form-urlencoded`.
  ///   - query: The query string without its `?`.
  package init(form: String = "", query: String) {
    append(form)
    append(query)
  }

  /// The value of the first pair of that name.
  package func first(_ name: String) -> String? {
    pairs.first { $0.name == name }?.value
  }

  /// The values of all pairs of that name, in order.
  package func all(_ name: String) -> [String] {
    pairs.filter { $0.name == name }.map(\.value)
  }

  private mutating func append(_ encoded: String) {
    for part in encoded.utf8.split(separator: UInt8(ascii: "&")) {
      let nameEnd = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
      guard pairs.count < Parameters.maximumPairCount, !part.contains(UInt8(ascii: ";")),
        let name = PercentDecoding.text(Substring(part[..<nameEnd]), plusIsSpace: true),
        let value = PercentDecoding.text(
          Substring(part[nameEnd...].dropFirst()), plusIsSpace: true)
      else {
        if firstMalformedPart == nil { firstMalformedPart = String(Substring(part)) }
        continue
      }
      pairs.append(Pair(name: name, value: value))
    }
  }
}
