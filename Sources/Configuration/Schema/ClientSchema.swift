extension FieldSchema {
  /// The fields of every HTTP client, without `follow_redirects` when it is
  /// given a treatment of its own.
  static func httpClient(
    follow: FieldTreatment, other: FieldTreatment
  ) -> [FieldRow] {
    [
      FieldRow("basic_auth", .section(basicAuthentication), other),
      FieldRow("authorization", .section(authorization), other),
      FieldRow("oauth2", .section(oauth2), other),
      FieldRow("bearer_token", .secret, other),
      FieldRow("bearer_token_file", .text, other),
      FieldRow("tls_config", .section(tls), other),
      FieldRow("follow_redirects", .boolean, follow),
      FieldRow("enable_http2", .boolean),
      FieldRow(
        "http_headers",
        .dictionary(
          of: .section(
            FieldSchema([
              FieldRow("values", .list(of: .secret)),
              FieldRow("secrets", .list(of: .secret)),
              FieldRow("files", .list(of: .text)),
            ]))), other),
    ] + proxy(other)
  }

  private static func proxy(_ treatment: FieldTreatment) -> [FieldRow] {
    [
      FieldRow("proxy_url", .url, treatment),
      FieldRow("no_proxy", .text, treatment),
      FieldRow("proxy_from_environment", .boolean, treatment.unless("false")),
      FieldRow("proxy_connect_header", .dictionary(of: .list(of: .secret)), treatment),
    ]
  }

  private static let basicAuthentication = FieldSchema([
    FieldRow("username", .text),
    FieldRow("username_file", .text),
    FieldRow("password", .secret),
    FieldRow("password_file", .text),
    FieldRow("username_ref", .text),
    FieldRow("password_ref", .text),
  ])

  private static let authorization = FieldSchema([
    FieldRow("type", .text),
    FieldRow("credentials", .secret),
    FieldRow("credentials_file", .text),
    FieldRow("credentials_ref", .text),
  ])

  private static let oauth2 = FieldSchema(
    [
      FieldRow("client_id", .text),
      FieldRow("client_secret", .secret),
      FieldRow("client_secret_file", .text),
      FieldRow("client_secret_ref", .text),
      FieldRow("client_certificate_key_id", .text),
      FieldRow("client_certificate_key", .secret),
      FieldRow("client_certificate_key_file", .text),
      FieldRow("client_certificate_key_ref", .text),
      FieldRow("signature_algorithm", .text),
      FieldRow("iss", .text),
      FieldRow("audience", .text),
      FieldRow("claims", .anything),
      FieldRow("grant_type", .text),
      FieldRow("token_url", .url),
      FieldRow("scopes", .list(of: .text)),
      FieldRow("endpoint_params", .dictionary(of: .secret)),
      FieldRow("tls_config", .section(tls)),
    ] + proxy(.silent))

  /// A client's side of TLS.
  static let tls = FieldSchema([
    FieldRow("ca", .text),
    FieldRow("ca_file", .text),
    FieldRow("ca_ref", .text),
    FieldRow("cert", .text),
    FieldRow("cert_file", .text),
    FieldRow("cert_ref", .text),
    FieldRow("key", .secret),
    FieldRow("key_file", .text),
    FieldRow("key_ref", .text),
    FieldRow("server_name", .text),
    FieldRow("insecure_skip_verify", .boolean),
    FieldRow("min_version", .text),
    FieldRow("max_version", .text),
  ])

  /// The fields that find targets, but for `static_configs`. What they hold is
  /// the matter of each kind.
  static func discovery(_ treatment: FieldTreatment) -> [FieldRow] {
    discoveryKinds.map {
      FieldRow("\($0)_sd_configs", .list(of: .anything), treatment)
    }
  }

  private static let discoveryKinds = [
    "aws", "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "ecs",
    "elasticache", "eureka", "file", "gce", "hetzner", "http", "ionos", "kubernetes", "kuma",
    "lightsail", "linode", "marathon", "msk", "nerve", "nomad", "openstack", "outscale", "ovhcloud",
    "puppetdb", "rds", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
  ]
}

extension FieldTreatment {
  /// The same treatment, which a value that asks for nothing escapes.
  fileprivate func unless(_ harmlessValue: String) -> FieldTreatment {
    if case .refused(let values) = self { .refused(unless: values + [harmlessValue]) } else { self }
  }
}
