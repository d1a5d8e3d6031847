import Threading

/// `tsdbctl serve`: the server.
enum ServeCommand {
  static let command = Command(
    words: ["serve"], summary: "Scrapes, takes pushes, stores and answers queries.",
    operands: "[[NAME=]HOST:PORT...]",
    discussion: """
      Without --config.file the targets named are scraped, and the server itself; the job of
      a target is NAME, or `scrape`. No configuration file is read unless it is named.
      SIGHUP reads the configuration again; SIGTERM and SIGINT stop the server.
      """,
    flags: [
      .value("config.file", "file", "The configuration: a prometheus.yml."),
      .value(
        "scrape.interval", "duration", default: "5s",
        "How often targets are scraped, without --config.file."),
      .toggle(
        "scrape.adjust-timestamps", isOn: true,
        "Gives scrapes that begin a little beside their time exactly that time, which saves space."
      ),
      .value(
        "scrape.timestamp-tolerance", "duration", default: "2ms",
        "How far beside, at most a hundredth of the interval."),
      .value("storage.tsdb.path", "dir", default: "data/", "Where the samples are kept."),
      .value(
        "storage.tsdb.retention.time", "duration", default: "15d",
        formerName: "storage.tsdb.retention",
        """
        How long samples are kept, counted back from the newest one; with a size alone, as long
              as that allows.
        """),
      .value(
        "storage.tsdb.retention.size", "size", default: "0",
        "How much space samples may take, such as 10GiB; the oldest go first. 0: no limit."),
      .value(
        "storage.durability", "mode", default: "sync",
        """
        When acknowledged samples are on the disk. A killed process loses nothing in any mode.
              sync: before the answer; a power cut loses nothing.
              interval=<duration>: so long after it; a power cut loses what came since.
              os: when the system writes them, or at a checkpoint; a power cut loses what came
              since the last checkpoint, which may be minutes.
        """),
      .value(
        "storage.min-free-space", "size", default: "256MiB",
        "Free disk space below which no samples are taken. 0: no limit."),
      .value(
        "storage.on-duplicate", "policy", default: "reject",
        "For a sample that contradicts a stored one: reject, keep or replace."),
      .value(
        "storage.exemplars.max", "number", default: "100000",
        "How many exemplars are kept of all series together; 0 keeps none."),
      .value(
        "web.listen-address", "host:port", default: "127.0.0.1:9090", isRepeatable: true,
        "Where to listen."),
      .value(
        "web.allowed-host", "name", isRepeatable: true,
        "Another name under which this server is reached."),
      .toggle(
        "web.enable-lifecycle", "Lets POST /-/reload and POST /-/quit through."),
      .toggle(
        "web.enable-admin-api", "Lets the requests below /api/v1/admin/ through."),
      .toggle(
        "web.enable-remote-write-receiver",
        "Accepted for compatibility: remote write is always received."),
      .value(
        "push.restamp-interval", "duration", default: "15s",
        "How often pushed groups are stored anew, so that they don't go stale."),
      .value(
        "query.lookback-delta", "duration", default: "5m",
        "How far back a selector looks for a sample."),
      .value("query.timeout", "duration", default: "2m", "How long a query may take."),
      .value(
        "query.max-samples", "number", default: "50000000",
        "How many samples a query may hold in memory at once."),
      .value(
        "query.max-concurrency", "number", default: "20",
        "How many queries may run at once; the others wait."),
      .value(
        "query.max-length", "size", default: "16KiB",
        "How long the text of a query may be, up to 1MiB."),
      .value(
        "query.compat", "version", default: "all",
        "3.14: as Prometheus 3.14 without feature flags. all: with them."),
      .value(
        "query.log-file", "file",
        "Writes a line of JSON for each query; query_log_file in the configuration goes first."),
      .value("log.level", "level", default: "info", "debug, info, warn or error."),
      .value("log.format", "format", default: "logfmt", "logfmt or json."),
    ],
    run: run)

  private static func run(_ arguments: Arguments) throws -> ExitStatus {
    let options = try ServerOptions(arguments)
    limitMemoryArenas(to: 2)
    Signals.block()
    let server = try ServerProcess(options)
    return server.run()
  }
}
