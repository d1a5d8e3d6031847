import PrometheusAPI

/// `tsdbctl version`.
enum VersionCommand {
  static let command = Command(
    words: ["version"], summary: "Prints the version.", operands: "", discussion: "", flags: []
  ) { arguments in
    guard arguments.operands.isEmpty else { throw UsageError("`version` takes no operands") }
    StandardOutput.write(
      "tsdbctl \(BuildInformation.version) (Prometheus \(BuildInformation.compatibleVersion) API)\n"
    )
    return .success
  }
}
