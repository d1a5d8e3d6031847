import SeriesModel

extension ServerConfiguration {
  /// The job of targets that are given without a name.
  package static let unnamedJobName = "scrape"

  /// Makes the configuration for targets given as `[NAME=]HOST:PORT`.
  ///
  /// Targets with the same name form a job of that name; those without one
  /// form the job `scrape`. The same address is scraped once in a job.
  ///
  /// - Parameter interval: The time between two scrapes; positive.
  /// - Throws: A message for each malformed target.
  package static func scraping(
    _ targets: [String], every interval: Duration
  ) throws(ConfigurationError) -> ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.global.scrapeInterval = interval
    configuration.global.scrapeTimeout = min(configuration.global.scrapeTimeout, interval)
    var addressesByJob: [(name: String, addresses: [String])] = []
    var problems: [ConfigurationMessage] = []
    for target in targets {
      let parts = target.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts.count == 2 ? String(parts[0]) : unnamedJobName
      let address = String(parts[parts.count - 1])
      if let problem = problem(withCommandLineTarget: target, name, address) {
        problems.append(ConfigurationMessage(fileName: "targets", position: nil, text: problem))
        continue
      }
      if let index = addressesByJob.firstIndex(where: { $0.name == name }) {
        if addressesByJob[index].addresses.contains(address) == false {
          addressesByJob[index].addresses.append(address)
        }
      } else {
        addressesByJob.append((name, [address]))
      }
    }
    guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
    for job in addressesByJob {
      var scrape = ScrapeConfiguration(
        jobName: job.name, scrapeInterval: interval,
        scrapeTimeout: configuration.global.scrapeTimeout)
      scrape.staticTargets = [TargetGroup(addresses: job.addresses)]
      configuration.scrapeConfigurations.append(scrape)
    }
    configuration.publicText = text(for: addressesByJob, interval)
    return configuration
  }

  private static func problem(
    withCommandLineTarget target: String, _ name: String, _ address: String
  ) -> String? {
    if name.isEmpty { return "target \"\(target)\" has an empty name before \"=\"" }
    if let problem = targetAddressProblem(address) { return problem }
    let colon = address.lastIndex(of: ":")
    guard let colon, address.hasSuffix("]") == false else {
      return "target \"\(target)\" has no port, expected HOST:PORT"
    }
    guard let port = UInt16(address[address.index(after: colon)...]), port > 0 else {
      return "target \"\(target)\" has no port from 1 to 65535 after the last colon"
    }
    if colon == address.startIndex { return "target \"\(target)\" has no host before its port" }
    return nil
  }

  /// The file that would say the same.
  private static func text(
    for jobs: [(name: String, addresses: [String])], _ interval: Duration
  ) -> String {
    let milliseconds = Int(interval / .milliseconds(1))
    var text = "global:\n  scrape_interval: \(milliseconds)ms\nscrape_configs:\n"
    for job in jobs {
      text += "  - job_name: \(job.name.quotedForPromQL)\n    static_configs:\n      - targets:\n"
      for address in job.addresses { text += "          - \(address.quotedForPromQL)\n" }
    }
    return text
  }
}
