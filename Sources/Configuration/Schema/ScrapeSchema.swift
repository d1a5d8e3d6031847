extension FieldSchema {
  /// The whole file.
  static let file = FieldSchema([
    FieldRow("global", .section(.global), .served),
    FieldRow("runtime", .section(FieldSchema([FieldRow("gogc", .count)])), .ignored),
    FieldRow("rule_files", .list(of: .text), .ignored),
    FieldRow("scrape_config_files", .list(of: .text), .refused()),
    FieldRow("scrape_configs", .list(of: .section(.scrape)), .served),
    FieldRow("alerting", .section(.alerting), .ignored),
    FieldRow("remote_write", .list(of: .section(.remoteWrite)), .ignored),
    FieldRow("remote_read", .list(of: .section(.remoteRead)), .ignored),
    FieldRow("otlp", .section(.otlp), .ignored),
    FieldRow("storage", .section(.storage), .ignored),
    FieldRow("tracing", .section(.tracing), .ignored),
  ])

  /// The section `global`.
  static let global = FieldSchema(
    [
      FieldRow("scrape_interval", .duration, .served),
      FieldRow("scrape_timeout", .duration, .served),
      FieldRow("evaluation_interval", .duration),
      FieldRow("rule_query_offset", .duration),
      FieldRow("query_log_file", .text, .served),
      FieldRow("external_labels", .dictionary(of: .text), .served),
    ] + scrapeLimits + scrapeFormats)

  /// One element of `scrape_configs`.
  static let scrape = FieldSchema(
    [
      FieldRow("job_name", .text, .served),
      FieldRow("honor_labels", .boolean, .served),
      FieldRow("honor_timestamps", .boolean, .served),
      FieldRow("track_timestamps_staleness", .boolean, .served),
      FieldRow("params", .dictionary(of: .list(of: .text)), .served),
      FieldRow("scrape_interval", .duration, .served),
      FieldRow("scrape_timeout", .duration, .served),
      FieldRow("fallback_scrape_protocol", .text, .served),
      FieldRow("metrics_path", .text, .served),
      FieldRow("scheme", .text, .served),
      FieldRow("enable_compression", .boolean, .served),
      FieldRow("native_histogram_bucket_limit", .count),
      FieldRow("native_histogram_min_bucket_factor", .number),
      FieldRow("static_configs", .list(of: .section(.staticTargets)), .served),
      FieldRow("relabel_configs", .list(of: .section(.relabelling)), .refused()),
      FieldRow("metric_relabel_configs", .list(of: .section(.relabelling)), .refused()),
    ] + scrapeLimits + scrapeFormats + httpClient(follow: .served, other: .refused())
      + discovery(.refused()))

  /// One element of `static_configs`.
  static let staticTargets = FieldSchema([
    FieldRow("targets", .list(of: .text), .served),
    FieldRow("labels", .dictionary(of: .text), .served),
  ])

  /// One relabelling rule.
  static let relabelling = FieldSchema([
    FieldRow("source_labels", .list(of: .text)),
    FieldRow("separator", .text),
    FieldRow("regex", .text),
    FieldRow("modulus", .count),
    FieldRow("target_label", .text),
    FieldRow("replacement", .text),
    FieldRow("action", .text),
  ])

  private static let scrapeLimits = [
    FieldRow("body_size_limit", .size, .served),
    FieldRow("sample_limit", .count, .served),
    FieldRow("target_limit", .count, .served),
    FieldRow("label_limit", .count, .served),
    FieldRow("label_name_length_limit", .count, .served),
    FieldRow("label_value_length_limit", .count, .served),
    FieldRow("keep_dropped_targets", .count),
  ]

  private static let scrapeFormats = [
    FieldRow("scrape_protocols", .list(of: .text), .served),
    FieldRow("scrape_failure_log_file", .text, .ignored),
    FieldRow("metric_name_validation_scheme", .text, .refused(unless: ["utf8"])),
    FieldRow(
      "metric_name_escaping_scheme", .text, .refused(unless: ["allow-utf-8", "underscores"])),
    FieldRow("scrape_native_histograms", .boolean, .refused(unless: ["false"])),
    FieldRow("convert_classic_histograms_to_nhcb", .boolean, .refused(unless: ["false"])),
    FieldRow("always_scrape_classic_histograms", .boolean),
    FieldRow("extra_scrape_metrics", .boolean, .refused(unless: ["false"])),
  ]
}
