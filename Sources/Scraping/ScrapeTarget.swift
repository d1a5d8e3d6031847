import Configuration
import SeriesModel

/// One address that is scraped, and how.
package struct ScrapeTarget: Hashable, Sendable {
  /// Every label before those that only steer the scrape were taken away.
  package var discoveredLabels: Labels
  /// The labels that all series of the target are given.
  package var labels: Labels
  /// The URL that is asked.
  package var url: String
  /// The time between two scrapes.
  package var interval: Duration
  /// How long a scrape may take.
  package var timeout: Duration
  /// The job's configuration.
  package var configuration: ScrapeConfiguration
  /// Why the target must not be scraped, if so.
  package var forcedError: String?
  /// The moment within every interval, counted from 1970, at which the target
  /// is scraped. It depends on the target alone, so restarts keep it, and
  /// targets are spread over the interval.
  let offset: Duration
}

/// Why a written target can't be scraped.
package struct TargetError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The target's address as it is written.
  package var address: String
  /// What is wrong.
  package var reason: String

  package var description: String { "target \(address): \(reason)" }
}

extension ScrapeTarget {
  /// The targets of one job, each once.
  ///
  /// - Returns: The targets, and why others can't be scraped.
  package static func targets(
    of configuration: ScrapeConfiguration
  ) -> (targets: [ScrapeTarget], failures: [TargetError]) {
    var targets: [ScrapeTarget] = []
    var failures: [TargetError] = []
    var known: Set<ScrapeTarget> = []
    for group in configuration.staticTargets {
      for address in group.addresses {
        do {
          let target = try ScrapeTarget(address, group.labels, configuration)
          if known.insert(target).inserted { targets.append(target) }
        } catch {
          failures.append(error)
        }
      }
    }
    if let limit = configuration.limits.targetCount, targets.count > limit {
      for index in targets.indices {
        targets[index].forcedError =
          "target_limit exceeded (number of targets: \(targets.count), limit: \(limit))"
      }
    }
    return (targets, failures)
  }

  init(
    _ address: String, _ groupLabels: Labels, _ configuration: ScrapeConfiguration
  ) throws(TargetError) {
    var builder = LabelsBuilder(groupLabels)
    builder.set(ScrapeTarget.addressLabel, to: address)
    func setDefault(_ name: String, _ value: String) {
      if builder[name] == nil { builder.set(name, to: value) }
    }
    setDefault(LabelName.job, configuration.jobName)
    setDefault("__scrape_interval__", configuredDurationText(configuration.scrapeInterval))
    setDefault("__scrape_timeout__", configuredDurationText(configuration.scrapeTimeout))
    setDefault("__metrics_path__", configuration.metricsPath)
    setDefault("__scheme__", configuration.scheme)
    for (name, values) in configuration.parameters {
      if let first = values.first { setDefault(ScrapeTarget.parameterPrefix + name, first) }
    }
    let discovered = builder.labels()
    let interval = try ScrapeTarget.duration(discovered, "__scrape_interval__", address)
    let timeout = try ScrapeTarget.duration(discovered, "__scrape_timeout__", address)
    guard timeout <= interval else {
      throw TargetError(
        address: address,
        reason: "scrape timeout cannot be greater than scrape interval "
          + "(\(configuredDurationText(timeout)) > \(configuredDurationText(interval)))")
    }
    var labels = LabelsBuilder()
    for label in discovered where label.name.hasPrefix("__") == false {
      labels.set(label.name, to: label.value)
    }
    if labels[LabelName.instance] == nil { labels.set(LabelName.instance, to: address) }
    let targetLabels = labels.labels()
    let url = ScrapeTarget.url(discovered, configuration.parameters)
    self.init(
      discoveredLabels: discovered, labels: targetLabels, url: url, interval: interval,
      timeout: timeout, configuration: configuration, forcedError: nil,
      offset: ScrapeTarget.offset(targetLabels, url, interval))
  }

  private static let addressLabel = "__address__"
  private static let parameterPrefix = "__param_"

  private static func duration(
    _ labels: Labels, _ name: String, _ address: String
  ) throws(TargetError) -> Duration {
    let text = labels[name] ?? ""
    guard let duration = parseConfiguredDuration(text), duration > .zero else {
      throw TargetError(
        address: address, reason: "label \(name) is \(text.quotedForPromQL), expected a duration")
    }
    return duration
  }

  /// The URL, its parameters sorted by name.
  private static func url(_ labels: Labels, _ parameters: [String: [String]]) -> String {
    var parameters = parameters
    for label in labels where label.name.hasPrefix(parameterPrefix) {
      let name = String(label.name.dropFirst(parameterPrefix.count))
      var values = parameters[name] ?? []
      if values.isEmpty { values = [label.value] } else { values[0] = label.value }
      parameters[name] = values
    }
    var path = labels["__metrics_path__"] ?? "/"
    if path.hasPrefix("/") == false { path = "/" + path }
    var url = "\(labels["__scheme__"] ?? "http")://\(labels[addressLabel] ?? "")"
    url += percentEncoded(path, keeping: "/:@&=+$,;~!*'()-_.%")
    var separator = "?"
    for (name, values) in parameters.sorted(by: { $0.key < $1.key }) {
      for value in values {
        url += "\(separator)\(percentEncoded(name))=\(percentEncoded(value))"
        separator = "&"
      }
    }
    return url
  }

  private static func percentEncoded(_ text: String, keeping kept: String = "-_.~") -> String {
    var encoded = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      let character = Character(scalar)
      if scalar.isASCII, character.isLetter || character.isNumber || kept.contains(character) {
        encoded.append(character)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += byte < 16 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return encoded
  }
}

extension ScrapeTarget {
  /// What makes a target the same target after a reload.
  struct Identity: Hashable {
    var labels: Labels
    var url: String
  }

  var identity: Identity { Identity(labels: labels, url: url) }

  /// True when series of the other target, which has the same identity, would
  /// have the same labels and stale markers.
  func keepsSeries(of other: ScrapeTarget) -> Bool {
    configuration.honorsLabels == other.configuration.honorsLabels
      && configuration.honorsTimestamps == other.configuration.honorsTimestamps
      && configuration.tracksTimestampStaleness == other.configuration.tracksTimestampStaleness
  }

  private static func offset(_ labels: Labels, _ url: String, _ interval: Duration) -> Duration {
    // FNV-1a, 64 bits: the same in every process, unlike Hasher.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in labels.encodedBytes + Array(url.utf8) {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    hash ^= hash >> 32
    let milliseconds = max(1, UInt64(interval / .milliseconds(1)))
    return .milliseconds(Int64(hash % milliseconds))
  }

  /// The time from `now` to the next scrape at the target's offset; less than
  /// an interval.
  func delay(from now: Timestamp) -> Duration {
    let length = max(1, Int64(interval / .milliseconds(1)))
    let offset = Int64(offset / .milliseconds(1))
    let late = (now.milliseconds - offset) % length
    return .milliseconds(late <= 0 ? -late : length - late)
  }
}
