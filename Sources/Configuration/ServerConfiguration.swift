import SeriesModel

/// The part of the configuration that rules all jobs.
package struct GlobalConfiguration: Hashable, Sendable {
  /// The time between two scrapes where a job names none.
  package var scrapeInterval: Duration = .seconds(60)
  /// How long a scrape may take where a job names no time.
  package var scrapeTimeout: Duration = .seconds(10)
  /// The time between two evaluations of rules.
  package var evaluationInterval: Duration = .seconds(60)
  /// Where queries are logged, as the file has it; nil for nowhere.
  package var queryLogFile: String?
  /// Labels that tell this server from others; given to what leaves it, not
  /// stored.
  package var externalLabels = Labels()

  /// Creates the defaults.
  package init() {}
}

/// Everything a configuration file says, with all defaults filled in.
package struct ServerConfiguration: Hashable, Sendable {
  /// What rules all jobs.
  package var global = GlobalConfiguration()
  /// The jobs, in the order of the file.
  package var scrapeConfigurations: [ScrapeConfiguration] = []
  /// The text of the file, with passwords and other secrets replaced.
  package var publicText = ""

  /// Creates a configuration without jobs.
  package init() {}
}

/// A configuration and what the user should know about it.
package struct ParsedConfiguration: Sendable {
  /// The configuration.
  package var configuration: ServerConfiguration
  /// Fields that have no effect, in the order of the file.
  package var warnings: [ConfigurationMessage]
}

extension ServerConfiguration {
  /// Reads the text of a `prometheus.yml`.
  ///
  /// - Parameters:
  ///   - fileName: The file's name for messages.
  ///   - environment: The value of an environment variable, or nil when it is
  ///     not set; `$NAME` and `${NAME}` in external labels are replaced by it.
  /// - Throws: All that is wrong with the fields, or the first mistake in the
  ///   YAML itself.
  package static func parse(
    _ text: String, fileName: String,
    environment: @escaping (String) -> String? = { environmentVariable($0) }
  ) throws(ConfigurationError) -> ParsedConfiguration {
    let root: YAMLNode?
    do {
      root = try YAMLNode.document(of: text)
    } catch {
      let problem = ConfigurationMessage(
        fileName: fileName, position: error.position, text: error.message)
      throw ConfigurationError(problems: [problem])
    }
    var configuration = ServerConfiguration()
    configuration.publicText = text
    guard let root else {
      return ParsedConfiguration(configuration: configuration, warnings: [])
    }
    var check = SchemaCheck(root, ConfigurationMessages(fileName: fileName))
    check.run()
    try check.messages.throwErrors()
    configuration.publicText = text.replacing(check.secrets)
    var reader = ConfigurationReader(messages: check.messages, environment: environment)
    reader.read(root, into: &configuration)
    try reader.messages.throwErrors()
    return ParsedConfiguration(
      configuration: configuration,
      warnings: ConfigurationMessages.sorted(reader.messages.warnings))
  }
}

extension String {
  /// A copy with the given characters, offsets of Unicode scalars, replaced.
  fileprivate func replacing(_ parts: [(characters: Range<Int>, shownAs: String)]) -> String {
    guard parts.isEmpty == false else { return self }
    let scalars = Array(unicodeScalars)
    var shown = String.UnicodeScalarView()
    var place = 0
    for part in parts.sorted(by: { $0.characters.lowerBound < $1.characters.lowerBound })
    where part.characters.lowerBound >= place && part.characters.upperBound <= scalars.count {
      shown.append(contentsOf: scalars[place..<part.characters.lowerBound])
      shown.append(contentsOf: part.shownAs.unicodeScalars)
      place = part.characters.upperBound
    }
    shown.append(contentsOf: scalars[place...])
    return String(shown)
  }
}
