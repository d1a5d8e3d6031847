import Configuration
import SeriesModel
import Testing

/// The sample file that Debian's package of Prometheus installs, in its
/// fields: what it says must be accepted as it is.
let stockText = """
  # Sample config for Prometheus.

  global:
    scrape_interval:     15s # Every 15 seconds.
    evaluation_interval: 15s
    external_labels:
        monitor: 'example'

  alerting:
    alertmanagers:
    - static_configs:
      - targets: ['localhost:9093']

  rule_files:
    # - "first_rules.yml"

  scrape_configs:
    - job_name: 'prometheus'
      scrape_interval: 5s
      scrape_timeout: 5s
      static_configs:
        - targets: ['localhost:9090']

    - job_name: node
      static_configs:
        - targets: ['localhost:9100']
  """

func parse(
  _ text: String, environment: [String: String] = [:]
) throws(ConfigurationError) -> ParsedConfiguration {
  try ServerConfiguration.parse(text, fileName: "prometheus.yml") { environment[$0] }
}

private func job(_ fields: String) throws(ConfigurationError) -> ScrapeConfiguration {
  let indented = fields.split(separator: "\n").map { "    \($0)\n" }.joined()
  return try parse("scrape_configs:\n  - job_name: a\n\(indented)").configuration
    .scrapeConfigurations[0]
}

@Suite struct ServerConfigurationTests {
  @Test func stockFileIsAccepted() throws {
    let parsed = try parse(stockText)
    let configuration = parsed.configuration
    #expect(configuration.global.scrapeInterval == .seconds(15))
    #expect(configuration.global.scrapeTimeout == .seconds(10))
    #expect(configuration.global.evaluationInterval == .seconds(15))
    #expect(configuration.global.externalLabels == ["monitor": "example"])
    var first = ScrapeConfiguration(
      jobName: "prometheus", scrapeInterval: .seconds(5), scrapeTimeout: .seconds(5))
    first.staticTargets = [TargetGroup(addresses: ["localhost:9090"])]
    var second = ScrapeConfiguration(jobName: "node", scrapeInterval: .seconds(15))
    second.staticTargets = [TargetGroup(addresses: ["localhost:9100"])]
    #expect(configuration.scrapeConfigurations == [first, second])
    #expect(configuration.publicText == stockText)
    #expect(
      parsed.warnings.map(\.description) == [
        "prometheus.yml:9:1: field \"alerting\" has no effect yet"
      ])
  }

  @Test(arguments: ["", "# nothing\n", "---\n", "{}", "global:\nscrape_configs:\n", "null"])
  func fileWithoutValuesIsTheDefault(_ text: String) throws {
    let configuration = try parse(text).configuration
    #expect(configuration.global == GlobalConfiguration())
    #expect(configuration.scrapeConfigurations.isEmpty)
  }

  @Test func everyServedFieldOfAJobIsRead() throws {
    let job = try job(
      """
      honor_labels: true
      honor_timestamps: false
      track_timestamps_staleness: true
      params:
        match[]: ['{a="b"}', c]
        x: [1]
      scrape_interval: 1m30s
      scrape_timeout: 500ms
      fallback_scrape_protocol: PrometheusText0.0.4
      metrics_path: federate
      scheme: https
      enable_compression: false
      follow_redirects: no
      scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]
      body_size_limit: 10MB
      sample_limit: 1
      target_limit: 2
      label_limit: 3
      label_name_length_limit: 4
      label_value_length_limit: 5
      static_configs:
        - targets: [a:1, b]
          labels:
            env: prod
            empty: ''
            __metrics_path__: /x
        - targets: []
      """)
    var expected = ScrapeConfiguration(
      jobName: "a", scrapeInterval: .seconds(90), scrapeTimeout: .milliseconds(500))
    expected.honorsLabels = true
    expected.honorsTimestamps = false
    expected.tracksTimestampStaleness = true
    expected.parameters = ["match[]": ["{a=\"b\"}", "c"], "x": ["1"]]
    expected.fallbackProtocol = .text0
    expected.metricsPath = "/federate"
    expected.scheme = "https"
    expected.allowsCompression = false
    expected.followsRedirects = false
    expected.protocols = [.text1, .text0]
    expected.limits.bodyByteCount = 10 << 20
    expected.limits.sampleCount = 1
    expected.limits.targetCount = 2
    expected.limits.labelCount = 3
    expected.limits.labelNameByteCount = 4
    expected.limits.labelValueByteCount = 5
    expected.staticTargets = [
      TargetGroup(addresses: ["a:1", "b"], labels: ["env": "prod", "__metrics_path__": "/x"]),
      TargetGroup(addresses: []),
    ]
    #expect(job == expected)
  }

  @Test func jobsTakeTheirDefaultsFromGlobal() throws {
    let jobs = try parse(
      """
      global: {scrape_interval: 5s, sample_limit: 7, scrape_protocols: [PrometheusText0.0.4]}
      scrape_configs:
        - job_name: a
        - job_name: b
          scrape_interval: 20s
          sample_limit: 0
        - job_name: c
          scrape_interval: 1s
          sample_limit: 9
      """
    ).configuration.scrapeConfigurations
    #expect(jobs.map(\.scrapeInterval) == [.seconds(5), .seconds(20), .seconds(1)])
    #expect(jobs.map(\.scrapeTimeout) == [.seconds(5), .seconds(5), .seconds(1)])
    #expect(jobs.map(\.limits.sampleCount) == [7, nil, 9])
    #expect(jobs.map(\.protocols) == [[.text0], [.text0], [.text0]])
  }

  @Test func externalLabelsExpandTheEnvironment() throws {
    let parsed = try parse(
      """
      global:
        external_labels:
          a: x${HOST}y$HOST
          b: $$HOST
          c: 5$ ${} ${HOST
          d: $UNSET
      """, environment: ["HOST": "h1"])
    #expect(
      parsed.configuration.global.externalLabels
        == ["a": "xh1yh1", "b": "$HOST", "c": "5$ ${} ${HOST"])
    #expect(
      parsed.warnings.map(\.description) == [
        "prometheus.yml:6:8: environment variable UNSET of external label \"d\" is not set, "
          + "empty text is used"
      ])
  }

  @Test func anchorsAndMergeKeysAreFollowed() throws {
    let jobs = try parse(
      """
      scrape_configs:
        - &base
          job_name: a
          scrape_interval: 7s
          static_configs: &targets [{targets: [x:1]}]
        - <<: *base
          job_name: b
          honor_labels: true
        - job_name: c
          static_configs: *targets
      """
    ).configuration.scrapeConfigurations
    #expect(jobs.map(\.jobName) == ["a", "b", "c"])
    #expect(jobs.map(\.scrapeInterval) == [.seconds(7), .seconds(7), .seconds(60)])
    #expect(jobs.map(\.staticTargets.count) == [1, 1, 1])
  }

  @Test func ignoredFieldsAreWarnedAbout() throws {
    let warnings = try parse(
      """
      global:
        query_log_file: q.log
        rule_query_offset: 1m
      rule_files: [a.yml]
      storage:
        tsdb: {out_of_order_time_window: 30m, retention: {time: 15d}}
      remote_write:
        - url: http://localhost:1234/api
          queue_config: {capacity: 10}
      remote_read: []
      tracing: {endpoint: x}
      otlp: {translation_strategy: NoTranslation}
      runtime: {gogc: 75}
      """
    ).warnings
    #expect(
      warnings.map(\.description) == [
        "prometheus.yml:4:1: field \"rule_files\" has no effect yet",
        "prometheus.yml:5:1: field \"storage\" has no effect yet",
        "prometheus.yml:7:1: field \"remote_write\" has no effect yet",
        "prometheus.yml:11:1: field \"tracing\" has no effect yet",
        "prometheus.yml:12:1: field \"otlp\" has no effect yet",
        "prometheus.yml:13:1: field \"runtime\" has no effect yet",
      ])
  }

  @Test func secretsAreNotShown() throws {
    let configuration = try parse(
      """
      remote_write:
        - url: http://user:pässword@host:1/x # kept
          basic_auth: {username: u, password: 'geheim'}
          headers:
            X-Token: abc
      """
    ).configuration
    #expect(
      configuration.publicText == """
        remote_write:
          - url: http://user:xxxxx@host:1/x # kept
            basic_auth: {username: u, password: <secret>}
            headers:
              X-Token: <secret>
        """)
  }

  @Test func valuesThatAskForNothingAreNotRefused() throws {
    _ = try job(
      """
      relabel_configs: []
      file_sd_configs:
      scrape_native_histograms: false
      metric_name_validation_scheme: utf8
      metric_name_escaping_scheme: allow-utf-8
      proxy_from_environment: false
      enable_http2: true
      keep_dropped_targets: 5
      native_histogram_bucket_limit: 3
      """)
  }
}
