/// What this program is.
package enum BuildInformation {
  /// The version of this program.
  package static let version = "0.1.0"
  /// The Prometheus release whose API and query language are spoken; clients
  /// choose features by it.
  package static let compatibleVersion = "3.14.0"
}
