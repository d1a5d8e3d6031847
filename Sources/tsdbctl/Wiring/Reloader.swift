import Configuration
import HTTPServer
import PrometheusAPI
import Scraping
import SeriesModel
import Synchronization
import TSDB

/// Loads the configuration, at the start and whenever it is asked to.
final class Reloader: Sendable {
  private let options: ServerOptions
  private let scraping: ScrapeManager
  private let status: ServerStatus
  private let queryLog: QueryLog
  /// Lets one reload run at a time. No other lock is taken before it.
  private let turn = Mutex(())

  /// Creates a reloader, and opens the query log that `configuration` names.
  init(
    options: ServerOptions, scraping: ScrapeManager, status: ServerStatus, queryLog: QueryLog,
    configuration: ServerConfiguration
  ) throws {
    self.options = options
    self.scraping = scraping
    self.status = status
    self.queryLog = queryLog
    try openQueryLog(configuration)
  }

  /// Opens the query log anew, so that it can be moved away before.
  private func openQueryLog(_ configuration: ServerConfiguration) throws {
    let path = configuration.global.queryLogFile.map { name in
      guard name.hasPrefix("/") == false, case .file(let file) = options.targets,
        let slash = file.lastIndex(of: "/")
      else { return name }
      // As all files that a configuration names, beside it.
      return String(file[...slash]) + name
    }
    do {
      try queryLog.use(path: path ?? options.queryLogFile)
    } catch {
      throw CommandFailure("\(error)", hint: "name a file in a directory that exists")
    }
  }

  /// Reads the configuration that the options name; warnings are logged.
  static func load(_ options: ServerOptions) throws -> ServerConfiguration {
    switch options.targets {
    case .named(let targets, let interval):
      do throws(ConfigurationError) {
        return try ServerConfiguration.scraping(targets, every: interval)
      } catch {
        throw UsageError(error.problems.map(\.text).joined(separator: "\n"))
      }
    case .file(let path):
      let parsed = try ConfigurationFile.load(path)
      for warning in parsed.warnings { options.logger.log(.warn, "\(warning)") }
      return parsed.configuration
    }
  }

  /// Reads the configuration again and puts it in force.
  ///
  /// - Throws: What is wrong with the new configuration; the old one stays in
  ///   force then.
  func reload() throws {
    try turn.withLock { _ in
      do {
        let configuration = try Reloader.load(options)
        try openQueryLog(configuration)
        if case .file = options.targets { scraping.reload(configuration) }
        status.noteReload(at: .now, configuration: configuration.publicText)
      } catch {
        status.noteReload(at: .now, configuration: nil)
        throw error
      }
    }
  }

  /// Reloads, and logs how it went.
  func reloadAndLog() {
    do {
      try reload()
      options.logger.log(.info, "the configuration was loaded")
    } catch {
      options.logger.log(
        .error, "the configuration was not loaded; the old one stays in force",
        ["error": "\(error)"])
    }
  }

  /// The configuration with the server itself as another target, unless a file
  /// says what is scraped.
  func withSelf(
    _ configuration: ServerConfiguration, at addresses: [ListenAddress]
  ) throws -> ServerConfiguration {
    guard case .named(let targets, let interval) = options.targets, let own = addresses.first
    else { return configuration }
    let host = ["0.0.0.0", "::", ""].contains(own.host) ? "127.0.0.1" : own.host
    let address = ListenAddress(host: host, port: own.port)
    return try ServerConfiguration.scraping(targets + ["tsdb=\(address)"], every: interval)
  }
}
