import Configuration
import SeriesModel
import Testing

struct RefusedConfiguration: Sendable, CustomTestStringConvertible {
  var id: String
  var text: String
  var message: String

  init(_ id: String, _ text: String, _ message: String) {
    self.id = id
    self.text = text
    self.message = message
  }

  var testDescription: String { id }
}

@Suite struct ConfigurationErrorTests {
  static let refused: [RefusedConfiguration] = [
    .init(
      "misspelt field of a job",
      "scrape_configs:\n  - job_name: a\n    scrape_intervall: 5s\n",
      "prometheus.yml:3:5: unknown field \"scrape_intervall\" in scrape_configs[0] "
        + "(did you mean \"scrape_interval\"?)"),
    .init(
      "misspelt section", "golbal: {}\n",
      "prometheus.yml:1:1: unknown field \"golbal\" at the top level (did you mean \"global\"?)"),
    .init(
      "field unlike any other", "frobnicate: 1\n",
      "prometheus.yml:1:1: unknown field \"frobnicate\" at the top level"),
    .init(
      "fields of a job without indentation",
      """
      scrape_configs:
      - job_name: 'opencensusdemo'

      scrape_interval: 10s

      static_configs:
      - targets: ['localhost:9091']
      """,
      "prometheus.yml:4:1: unknown field \"scrape_interval\" at the top level "
        + "(did you mean to indent it under scrape_configs[0]?)\n"
        + "prometheus.yml:6:1: unknown field \"static_configs\" at the top level "
        + "(did you mean to indent it under scrape_configs[0]?)"),
    .init(
      "field of global at the top", "scrape_interval: 5s\n",
      "prometheus.yml:1:1: unknown field \"scrape_interval\" at the top level "
        + "(did you mean to put it under global?)"),
    .init(
      "field of a job at the top", "static_configs: []\n",
      "prometheus.yml:1:1: unknown field \"static_configs\" at the top level "
        + "(did you mean to put it under an element of scrape_configs?)"),
    .init(
      "misspelt field deep in a section that has no effect",
      "remote_write:\n  - url: x\n    queue_config: {max_shard: 5}\n",
      "prometheus.yml:3:20: unknown field \"max_shard\" in remote_write[0].queue_config "
        + "(did you mean \"max_shards\"?)"),
    .init(
      "relabelling", "scrape_configs:\n  - job_name: a\n    relabel_configs: [{action: drop}]\n",
      "prometheus.yml:3:5: field \"relabel_configs\" in scrape_configs[0] is not supported yet, "
        + "and ignoring it would change what is scraped or stored; remove it"),
    .init(
      "discovery",
      "scrape_configs:\n  - job_name: a\n    file_sd_configs: [{files: [x.json]}]\n",
      "prometheus.yml:3:5: field \"file_sd_configs\" in scrape_configs[0] is not supported yet, "
        + "and ignoring it would change what is scraped or stored; remove it"),
    .init(
      "credentials",
      "scrape_configs:\n  - job_name: a\n    basic_auth: {username: x}\n    tls_config: {ca: y}\n",
      "prometheus.yml:3:5: field \"basic_auth\" in scrape_configs[0] is not supported yet, "
        + "and ignoring it would change what is scraped or stored; remove it\n"
        + "prometheus.yml:4:5: field \"tls_config\" in scrape_configs[0] is not supported yet, "
        + "and ignoring it would change what is scraped or stored; remove it"),
    .init(
      "further files", "scrape_config_files: [x.yml]\n",
      "prometheus.yml:1:1: field \"scrape_config_files\" is not supported yet, "
        + "and ignoring it would change what is scraped or stored; remove it"),
    .init(
      "duration", "global:\n  scrape_interval: 15\n",
      "prometheus.yml:2:20: expected a duration such as 15s or 1h30m for "
        + "global.scrape_interval, found \"15\""),
    .init(
      "size", "global:\n  body_size_limit: 15\n",
      "prometheus.yml:2:20: expected a size such as 10MB for global.body_size_limit, "
        + "found \"15\""),
    .init(
      "count", "global:\n  sample_limit: -1\n",
      "prometheus.yml:2:17: expected a whole number from 0 on for global.sample_limit, "
        + "found \"-1\""),
    .init(
      "truth", "scrape_configs:\n  - job_name: a\n    honor_labels: maybe\n",
      "prometheus.yml:3:19: expected true or false for scrape_configs[0].honor_labels, "
        + "found \"maybe\""),
    .init(
      "list", "scrape_configs:\n  - job_name: a\n    static_configs:\n    - targets: x:1\n",
      "prometheus.yml:4:16: expected a list for scrape_configs[0].static_configs[0].targets, "
        + "found a single value"),
    .init(
      "mapping", "global: [1]\n",
      "prometheus.yml:1:9: expected a mapping for global, found a list"),
    .init(
      "document", "- a\n",
      "prometheus.yml:1:1: expected a mapping with fields such as scrape_configs, found a list"),
    .init(
      "no job name", "scrape_configs:\n  - scrape_interval: 1s\n",
      "prometheus.yml:2:5: scrape_configs[0] has no job_name"),
    .init(
      "empty element", "scrape_configs:\n  -\n  - job_name: a\n",
      "prometheus.yml:2:4: scrape_configs[0] is empty"),
    .init(
      "job twice", "scrape_configs:\n  - job_name: a\n  - job_name: a\n",
      "prometheus.yml:3:15: job_name \"a\" is used twice, first at line 2"),
    .init(
      "timeout of a job",
      "scrape_configs:\n  - job_name: a\n    scrape_interval: 5s\n    scrape_timeout: 6s\n",
      "prometheus.yml:4:21: scrape timeout greater than scrape interval for scrape config with "
        + "job name \"a\" (6s > 5s)"),
    .init(
      "global timeout", "global: {scrape_timeout: 2m}\n",
      "prometheus.yml:1:26: global scrape timeout greater than scrape interval (2m > 1m)"),
    .init(
      "scheme", "scrape_configs:\n  - job_name: a\n    scheme: ftp\n",
      "prometheus.yml:3:13: unknown scheme \"ftp\", expected http or https"),
    .init(
      "target with scheme",
      "scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['http://h:1/m']}]\n",
      "prometheus.yml:3:33: target \"http://h:1/m\" is a URL, expected HOST:PORT such as \"h:1\" "
        + "(the rest goes into scheme and metrics_path)"),
    .init(
      "target with path",
      "scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['h:1/m']}]\n",
      "prometheus.yml:3:33: target \"h:1/m\" holds a path, expected HOST:PORT such as \"h:1\" "
        + "(the path goes into metrics_path)"),
    .init(
      "unknown format", "global: {scrape_protocols: [Text]}\n",
      "prometheus.yml:1:29: unknown format \"Text\", expected one of PrometheusProto, "
        + "OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusText0.0.4, PrometheusText1.0.0"),
    .init(
      "no format that is served", "global: {scrape_protocols: [PrometheusProto]}\n",
      "prometheus.yml:1:28: no format in scrape_protocols can be read yet, "
        + "add PrometheusText0.0.4"),
    .init(
      "field twice", "global: {}\nglobal: {}\n",
      "prometheus.yml:2:1: field \"global\" is given twice, first at line 1"),
    .init(
      "syntax", "global:\n  a: b\n c: d\n",
      "prometheus.yml:3:2: did not find expected key while parsing a block mapping "
        + "that starts at line 1"),
    .init(
      "tabs", "global:\n\tscrape_interval: 1s\n",
      "prometheus.yml:2:1: found character that cannot start any token while scanning for the "
        + "next token (indent with blanks, not tabs, and put such values in quotes)"),
    .init(
      "alias without anchor", "global: *x\n", "prometheus.yml:1:9: unknown alias \"x\""),
    .init(
      "second document", "global: {}\n---\nglobal: {}\n",
      "prometheus.yml:2:1: a second document starts here"),
    .init("key that is a list", "? [a]\n: b\n", "prometheus.yml:1:3: a key is a list"),
  ]

  @Test(arguments: refused)
  func refusalNamesPlaceAndRemedy(_ row: RefusedConfiguration) {
    do {
      _ = try parse(row.text)
      Issue.record("accepted")
    } catch {
      #expect(error.description == row.message)
    }
  }

  @Test func everyFieldOfAJobIsKnown() throws {
    // Refused fields are known fields; none of these may be called unknown.
    let names = [
      "oauth2", "authorization", "bearer_token", "bearer_token_file", "proxy_url", "no_proxy",
      "proxy_connect_header", "http_headers", "metric_relabel_configs", "http_sd_configs",
      "dns_sd_configs", "docker_sd_configs", "kubernetes_sd_configs", "extra_scrape_metrics",
      "convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms",
      "scrape_failure_log_file", "native_histogram_min_bucket_factor",
    ]
    for name in names {
      do {
        _ = try parse("scrape_configs: [{job_name: a, \(name): }]")
      } catch {
        Issue.record("\(name): \(error)")
      }
    }
  }

  @Test func aliasBombIsRefusedQuickly() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...12 {
      let uses = repeatElement("*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(uses)]\n"
    }
    do {
      _ = try parse(text)
      Issue.record("accepted")
    } catch {
      #expect(error.description.hasSuffix("more than 1000000 values, aliases replaced"))
    }
  }

  @Test func deepNestingIsRefused() {
    let text = "global: " + String(repeating: "[", count: 100_000)
    do {
      _ = try parse(text)
      Issue.record("accepted")
    } catch {
      #expect(
        error.description == "prometheus.yml:1:72: more than 64 nested lists and mappings")
    }
  }

  @Test func hugeFileIsRefused() {
    let text = String(repeating: "# comment\n", count: 1_800_000)
    #expect(throws: ConfigurationError.self) { try parse(text) }
  }
}
