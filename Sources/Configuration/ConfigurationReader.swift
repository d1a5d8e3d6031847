import PromQLSyntax
import SeriesModel

/// Makes values of a document whose form was checked.
struct ConfigurationReader {
  var messages: ConfigurationMessages
  let environment: (String) -> String?

  mutating func read(_ root: YAMLNode, into configuration: inout ServerConfiguration) {
    var defaults = ScrapeConfiguration(jobName: "")
    if let global = root["global"] {
      readGlobal(global, into: &configuration.global)
      readLimits(global, into: &defaults.limits)
      defaults.protocols = protocols(global) ?? defaults.protocols
    }
    var positions: [String: TextPosition] = [:]
    for (index, node) in (root["scrape_configs"]?.items ?? []).enumerated() {
      guard node.isNull == false else {
        messages.addError("scrape_configs[\(index)] is empty", at: node.position)
        continue
      }
      guard let nameNode = node["job_name"], let name = nameNode.text, name.isEmpty == false else {
        messages.addError("scrape_configs[\(index)] has no job_name", at: node.position)
        continue
      }
      if let first = positions[name] {
        messages.addError(
          "job_name \"\(name)\" is used twice, first at line \(first.line)", at: nameNode.position)
      }
      positions[name] = nameNode.position
      var job = defaults
      job.jobName = name
      readTimes(node, into: &job, configuration.global)
      readJob(node, into: &job)
      configuration.scrapeConfigurations.append(job)
    }
  }

  private mutating func readGlobal(_ node: YAMLNode, into global: inout GlobalConfiguration) {
    if let interval = duration(node, "scrape_interval") { global.scrapeInterval = interval }
    if let interval = duration(node, "evaluation_interval") { global.evaluationInterval = interval }
    if let timeout = duration(node, "scrape_timeout") {
      if timeout > global.scrapeInterval {
        messages.addError(
          "global scrape timeout greater than scrape interval "
            + "(\(configuredDurationText(timeout)) > "
            + "\(configuredDurationText(global.scrapeInterval)))",
          at: node["scrape_timeout"]?.position)
      }
      global.scrapeTimeout = timeout
    } else {
      global.scrapeTimeout = min(global.scrapeTimeout, global.scrapeInterval)
    }
    global.queryLogFile = node["query_log_file"]?.text.flatMap { $0.isEmpty ? nil : $0 }
    var labels: [Label] = []
    for entry in node["external_labels"]?.entries ?? [] {
      checkLabelName(entry)
      let (value, unsetNames) = expandingVariables(in: entry.value.text ?? "", environment)
      for name in unsetNames {
        messages.addWarning(
          "environment variable \(name) of external label \"\(entry.key)\" is not set, "
            + "empty text is used", at: entry.value.position)
      }
      labels.append(Label(entry.key, value))
    }
    global.externalLabels = Labels(labels)
  }

  private mutating func readTimes(
    _ node: YAMLNode, into job: inout ScrapeConfiguration, _ global: GlobalConfiguration
  ) {
    job.scrapeInterval = duration(node, "scrape_interval") ?? global.scrapeInterval
    guard let timeout = duration(node, "scrape_timeout") else {
      job.scrapeTimeout = min(global.scrapeTimeout, job.scrapeInterval)
      return
    }
    if timeout > job.scrapeInterval {
      messages.addError(
        "scrape timeout greater than scrape interval for scrape config with job name "
          + "\"\(job.jobName)\" (\(configuredDurationText(timeout)) > "
          + "\(configuredDurationText(job.scrapeInterval)))",
        at: node["scrape_timeout"]?.position)
    }
    job.scrapeTimeout = timeout
  }

  private mutating func readJob(_ node: YAMLNode, into job: inout ScrapeConfiguration) {
    job.honorsLabels = boolean(node, "honor_labels") ?? job.honorsLabels
    job.honorsTimestamps = boolean(node, "honor_timestamps") ?? job.honorsTimestamps
    job.tracksTimestampStaleness =
      boolean(node, "track_timestamps_staleness") ?? job.tracksTimestampStaleness
    job.allowsCompression = boolean(node, "enable_compression") ?? job.allowsCompression
    job.followsRedirects = boolean(node, "follow_redirects") ?? job.followsRedirects
    readLimits(node, into: &job.limits)
    if let path = node["metrics_path"]?.text, path.isEmpty == false {
      job.metricsPath = path.hasPrefix("/") ? path : "/" + path
    }
    if let scheme = node["scheme"], let name = scheme.text, name.isEmpty == false {
      if name != "http", name != "https" {
        messages.addError(
          "unknown scheme \"\(name)\", expected http or https", at: scheme.position)
      }
      job.scheme = name
    }
    for entry in node["params"]?.entries ?? [] {
      job.parameters[entry.key] = entry.value.items.map { $0.text ?? "" }
    }
    job.protocols = protocols(node) ?? job.protocols
    if let fallback = node["fallback_scrape_protocol"] {
      job.fallbackProtocol = scrapeProtocol(fallback)
      if let format = job.fallbackProtocol, format.isServed == false {
        messages.addError(
          "format \(format.rawValue) can't be read yet, use \(ScrapeProtocol.text0.rawValue)",
          at: fallback.position)
      }
    }
    for group in node["static_configs"]?.items ?? [] { readTargets(group, into: &job) }
  }

  private mutating func readTargets(_ node: YAMLNode, into job: inout ScrapeConfiguration) {
    var group = TargetGroup(addresses: [])
    for target in node["targets"]?.items ?? [] {
      let address = target.text ?? ""
      if let problem = targetAddressProblem(address) {
        messages.addError(problem, at: target.position)
      }
      group.addresses.append(address)
    }
    var labels: [Label] = []
    for entry in node["labels"]?.entries ?? [] {
      checkLabelName(entry)
      labels.append(Label(entry.key, entry.value.text ?? ""))
    }
    group.labels = Labels(labels)
    job.staticTargets.append(group)
  }

  private mutating func checkLabelName(_ entry: YAMLEntry) {
    if entry.key.isEmpty { messages.addError("a label name is empty", at: entry.keyPosition) }
  }

  private func readLimits(_ node: YAMLNode, into limits: inout ScrapeLimits) {
    func limit(_ name: String, _ target: WritableKeyPath<ScrapeLimits, Int?>) {
      guard let text = node[name]?.text else { return }
      // What is 0 has no limit.
      let value = name == "body_size_limit" ? parseByteSize(text) : Int(text)
      limits[keyPath: target] = value == 0 ? nil : value
    }
    limit("body_size_limit", \.bodyByteCount)
    limit("sample_limit", \.sampleCount)
    limit("target_limit", \.targetCount)
    limit("label_limit", \.labelCount)
    limit("label_name_length_limit", \.labelNameByteCount)
    limit("label_value_length_limit", \.labelValueByteCount)
  }

  private mutating func protocols(_ node: YAMLNode) -> [ScrapeProtocol]? {
    guard let list = node["scrape_protocols"], list.isEmpty == false else { return nil }
    var protocols: [ScrapeProtocol] = []
    for item in list.items {
      guard let format = scrapeProtocol(item) else { continue }
      if protocols.contains(format) {
        messages.addError("format \(format.rawValue) is given twice", at: item.position)
      }
      protocols.append(format)
    }
    if protocols.count == list.items.count, protocols.contains(where: \.isServed) == false {
      messages.addError(
        "no format in scrape_protocols can be read yet, add \(ScrapeProtocol.text0.rawValue)",
        at: list.position)
    }
    return protocols
  }

  private mutating func scrapeProtocol(_ node: YAMLNode) -> ScrapeProtocol? {
    let name = node.text ?? ""
    if let format = ScrapeProtocol(rawValue: name) { return format }
    let names = ScrapeProtocol.allCases.map(\.rawValue)
    messages.addError(
      "unknown format \"\(name)\", expected one of \(names.joined(separator: ", "))",
      at: node.position)
    return nil
  }

  private func boolean(_ node: YAMLNode, _ name: String) -> Bool? {
    node[name]?.text.flatMap(parseBoolean)
  }

  /// A duration; nil when it is missing or 0, which means the same.
  private func duration(_ node: YAMLNode, _ name: String) -> Duration? {
    guard let milliseconds = node[name]?.text.flatMap({ parseDuration($0) }), milliseconds > 0
    else { return nil }
    return .milliseconds(milliseconds)
  }
}

/// What is wrong with the address of a target, or nil.
func targetAddressProblem(_ address: String) -> String? {
  if address.isEmpty { return "a target is empty, expected HOST:PORT" }
  if let scheme = address.firstRange(of: "://") {
    let rest = address[scheme.upperBound...].prefix { $0 != "/" }
    return "target \"\(address)\" is a URL, expected HOST:PORT such as \"\(rest)\" "
      + "(the rest goes into scheme and metrics_path)"
  }
  if address.contains("/") {
    let host = address.prefix { $0 != "/" }
    return "target \"\(address)\" holds a path, expected HOST:PORT such as \"\(host)\" "
      + "(the path goes into metrics_path)"
  }
  if address.contains(where: { $0.isWhitespace }) {
    return "target \"\(address)\" holds a blank, expected HOST:PORT"
  }
  return nil
}
