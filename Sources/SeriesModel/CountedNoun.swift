/// A number of things for people: `1 sample`, `2 samples`.
///
/// - Parameter plural: What several are called; `noun` with an s by default.
package func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
  "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
}
