extension FieldSchema {
  private static let client = httpClient(follow: .silent, other: .silent)

  /// The section `alerting`.
  static let alerting = FieldSchema([
    FieldRow("alert_relabel_configs", .list(of: .section(.relabelling))),
    FieldRow("alertmanagers", .list(of: .section(alertmanager))),
  ])

  private static let alertmanager = FieldSchema(
    [
      FieldRow("scheme", .text),
      FieldRow("path_prefix", .text),
      FieldRow("timeout", .duration),
      FieldRow("api_version", .text),
      FieldRow("static_configs", .list(of: .section(.staticTargets))),
      FieldRow("relabel_configs", .list(of: .section(.relabelling))),
      FieldRow("alert_relabel_configs", .list(of: .section(.relabelling))),
      FieldRow("sigv4", .section(signature)),
    ] + client + discovery(.silent))

  /// One element of `remote_write`.
  static let remoteWrite = FieldSchema(
    [
      FieldRow("url", .url),
      FieldRow("remote_timeout", .duration),
      FieldRow("headers", .dictionary(of: .secret)),
      FieldRow("write_relabel_configs", .list(of: .section(.relabelling))),
      FieldRow("name", .text),
      FieldRow("send_exemplars", .boolean),
      FieldRow("send_native_histograms", .boolean),
      FieldRow("round_robin_dns", .boolean),
      FieldRow("protobuf_message", .text),
      FieldRow("failed_request_logging", .anything),
      FieldRow("queue_config", .section(queue)),
      FieldRow("metadata_config", .section(metadata)),
      FieldRow("sigv4", .section(signature)),
      FieldRow("azuread", .anything),
      FieldRow("google_iam", .anything),
    ] + client)

  private static let queue = FieldSchema([
    FieldRow("capacity", .count),
    FieldRow("max_shards", .count),
    FieldRow("min_shards", .count),
    FieldRow("max_samples_per_send", .count),
    FieldRow("batch_send_deadline", .duration),
    FieldRow("min_backoff", .duration),
    FieldRow("max_backoff", .duration),
    FieldRow("retry_on_http_429", .boolean),
    FieldRow("sample_age_limit", .duration),
  ])

  private static let metadata = FieldSchema([
    FieldRow("send", .boolean),
    FieldRow("send_interval", .duration),
    FieldRow("max_samples_per_send", .count),
  ])

  private static let signature = FieldSchema([
    FieldRow("region", .text),
    FieldRow("access_key", .text),
    FieldRow("secret_key", .secret),
    FieldRow("profile", .text),
    FieldRow("role_arn", .text),
    FieldRow("external_id", .text),
    FieldRow("service_name", .text),
    FieldRow("use_fips_sts_endpoint", .boolean),
  ])

  /// One element of `remote_read`.
  static let remoteRead = FieldSchema(
    [
      FieldRow("url", .url),
      FieldRow("remote_timeout", .duration),
      FieldRow("chunked_read_limit", .count),
      FieldRow("headers", .dictionary(of: .secret)),
      FieldRow("read_recent", .boolean),
      FieldRow("name", .text),
      FieldRow("required_matchers", .dictionary(of: .text)),
      FieldRow("filter_external_labels", .boolean),
    ] + client)

  /// The section `otlp`.
  static let otlp = FieldSchema([
    FieldRow("promote_all_resource_attributes", .boolean),
    FieldRow("promote_resource_attributes", .list(of: .text)),
    FieldRow("ignore_resource_attributes", .list(of: .text)),
    FieldRow("translation_strategy", .text),
    FieldRow("keep_identifying_resource_attributes", .boolean),
    FieldRow("convert_histograms_to_nhcb", .boolean),
    FieldRow("promote_scope_metadata", .boolean),
    FieldRow("label_name_underscore_sanitization", .boolean),
    FieldRow("label_name_preserve_multiple_underscores", .boolean),
  ])

  /// The section `storage`.
  static let storage = FieldSchema([
    FieldRow(
      "tsdb",
      .section(
        FieldSchema([
          FieldRow("out_of_order_time_window", .duration),
          FieldRow(
            "retention",
            .section(
              FieldSchema([
                FieldRow("time", .duration), FieldRow("size", .size),
                FieldRow("percentage", .number),
              ]))),
          FieldRow("stale_series_compaction_threshold", .number),
          FieldRow("chunk_encoding", .section(FieldSchema([FieldRow("floats", .text)]))),
        ]))),
    FieldRow(
      "exemplars", .section(FieldSchema([FieldRow("max_exemplars", .number)]))),
  ])

  /// The section `tracing`.
  static let tracing = FieldSchema([
    FieldRow("client_type", .text),
    FieldRow("endpoint", .url),
    FieldRow("sampling_fraction", .number),
    FieldRow("insecure", .boolean),
    FieldRow("tls_config", .section(.tls)),
    FieldRow("headers", .dictionary(of: .secret)),
    FieldRow("compression", .text),
    FieldRow("timeout", .duration),
  ])
}
