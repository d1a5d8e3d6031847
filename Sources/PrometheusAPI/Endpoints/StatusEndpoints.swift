import Glibc
import HTTPServer
import SeriesModel

/// `status/...`.
struct StatusEndpoints: Sendable {
  let status: ServerStatus
  let clock: @Sendable () -> Timestamp

  func buildInformation(_ request: Request) -> Response {
    successResponse { json in
      json.object { json in
        json.member("version", BuildInformation.compatibleVersion)
        json.member("application", "swift-tsdb")
        json.member("revision", BuildInformation.version)
        json.member("branch", "")
        json.member("buildUser", "")
        json.member("buildDate", "")
        json.member("goVersion", "")
      }
    }
  }

  func runtimeInformation(_ request: Request) -> Response {
    let reload = status.reload
    return successResponse { json in
      json.object { json in
        json.member("startTime", status.startTime.rfc3339)
        json.member("CWD", Machine.workingDirectory)
        json.member("hostname", Machine.hostName)
        json.member("serverTime", clock().rfc3339)
        json.member("reloadConfigSuccess", reload.succeeded)
        json.member("lastConfigTime", reload.time.rfc3339)
        json.member("corruptionCount", 0)
        json.member("goroutineCount", 0)
        json.member("GOMAXPROCS", sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        json.member("GOMEMLIMIT", 0)
        json.member("GOGC", "")
        json.member("GODEBUG", "")
        json.member("storageRetention", status.retention)
      }
    }
  }

  func flags(_ request: Request) -> Response {
    successResponse { json in
      json.object { json in
        for (name, value) in status.flags.sorted(by: { $0.key < $1.key }) {
          json.member(name, value)
        }
      }
    }
  }

  func configuration(_ request: Request) -> Response {
    successResponse { json in
      json.object { json in
        json.member("yaml", status.reload.configuration)
      }
    }
  }
}
