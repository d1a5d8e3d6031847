import SeriesModel
import Synchronization

/// What the status endpoints tell about the running server.
package final class ServerStatus: Sendable {
  /// The last attempt to load the configuration.
  package struct Reload: Sendable {
    /// Whether it succeeded.
    package var succeeded: Bool
    /// When it was made.
    package var time: Timestamp
    /// The configuration in force, as YAML.
    package var configuration: String
  }

  /// When the server was started.
  package let startTime: Timestamp
  /// Every flag with its value.
  package let flags: [String: String]
  /// The retention as configured.
  package let retention: String
  private let lastReload: Mutex<Reload>

  /// Creates the status of a server that has just loaded `configuration`.
  package init(
    startTime: Timestamp, flags: [String: String], retention: String, configuration: String
  ) {
    self.startTime = startTime
    self.flags = flags
    self.retention = retention
    lastReload = Mutex(Reload(succeeded: true, time: startTime, configuration: configuration))
  }

  /// The last attempt to load the configuration.
  package var reload: Reload {
    lastReload.withLock { $0 }
  }

  /// Notes an attempt to load the configuration; nil when it failed and the
  /// old one stays in force.
  package func noteReload(at time: Timestamp, configuration: String?) {
    lastReload.withLock { reload in
      reload.succeeded = configuration != nil
      reload.time = time
      if let configuration { reload.configuration = configuration }
    }
  }
}
