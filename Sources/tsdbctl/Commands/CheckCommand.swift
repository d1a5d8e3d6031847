import Configuration

/// `tsdbctl check ...`.
enum CheckCommand {
  static let config = Command(
    words: ["check", "config"], summary: "Checks configuration files.", operands: "FILE...",
    discussion: "Prints each error and warning with its file, line and column.", flags: []
  ) { arguments in
    guard arguments.operands.isEmpty == false else {
      throw UsageError("name the file to check", hint: "tsdbctl check config prometheus.yml")
    }
    var status = ExitStatus.success
    for file in arguments.operands {
      do {
        let parsed = try ConfigurationFile.load(file)
        for warning in parsed.warnings { StandardError.write("\(warning)\n") }
        let jobCount = parsed.configuration.scrapeConfigurations.count
        StandardOutput.write("\(file): valid, \(jobCount) scrape configurations\n")
      } catch {
        StandardError.write("\(error)\n")
        if let hint = (error as? CommandFailure)?.hint { StandardError.write("hint: \(hint)\n") }
        status = .failure
      }
    }
    return status
  }
}
