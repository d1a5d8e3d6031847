import Testing

@Suite struct HistogramTests {
  static let buckets = """
    h_bucket{le="0.1"} 5
    h_bucket{le="0.2"} 7
    h_bucket{le="1"} 9
    h_bucket{le="+Inf"} 10
    """

  @Test(arguments: [
    QueryCase(
      "linear within a bucket", series: buckets, query: "histogram_quantile(0.6, h_bucket)",
      gives: "{} 0.15000000000000002"),
    QueryCase(
      "lowest bucket begins at zero", series: buckets, query: "histogram_quantile(0.25, h_bucket)",
      gives: "{} 0.05"),
    QueryCase(
      "highest bucket has no upper end", series: buckets,
      query: "histogram_quantile(0.99, h_bucket)", gives: "{} 1"),
    QueryCase(
      "without a bucket for everything", series: #"h_bucket{le="1"} 1"#,
      query: "histogram_quantile(0.5, h_bucket)", gives: "{} NaN"),
    QueryCase(
      "rank outside its bounds", series: buckets, query: "histogram_quantile(1.5, h_bucket)",
      gives: """
        {} inf
        PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:20)
        """),
    QueryCase(
      "bucket without a bound", series: "h 1", query: "histogram_quantile(0.5, h)",
      gives: """
        PromQL warning: bucket label "le" is missing or has a malformed value of "" for metric \
        name "h" (1:25)
        """),
    QueryCase(
      "counts that fall are raised",
      series: """
        h_bucket{le="1"} 4
        h_bucket{le="2"} 3
        h_bucket{le="+Inf"} 8
        """, query: "histogram_quantile(0.25, h_bucket)",
      gives: """
        {} 0.5
        PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
        https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for \
        metric name "h_bucket", from buckets 2 to 2, with a max diff of 1, over 1 samples from \
        1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z (1:26)
        """),
    QueryCase(
      "counts that fall by less than a normal number",
      series: """
        h_bucket{le="1"} 1e-310
        h_bucket{le="+Inf"} 0
        """, query: "histogram_quantile(0.25, h_bucket)",
      gives: """
        {} 0.2500000000000124
        PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
        https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for \
        metric name "h_bucket", from buckets +Inf to +Inf, with a max diff of 1e-310, over 1 \
        samples from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z (1:26)
        """),
    QueryCase(
      "differences of rounding are no fall",
      series: """
        h_bucket{le="1"} 4.000000000000001
        h_bucket{le="2"} 4
        h_bucket{le="+Inf"} 8
        """, query: "histogram_quantile(0.25, h_bucket)", gives: "{} 0.4999999999999999"),
    QueryCase(
      "several quantiles", series: buckets, query: #"histogram_quantiles(h_bucket, "q", 0.25, 1)"#,
      gives: """
        {q="0.25"} 0.05
        {q="1.0"} 1
        """),
    QueryCase(
      "fraction", series: buckets, query: "histogram_fraction(0.1, 0.6, h_bucket)",
      gives: "{} 0.3"),
    QueryCase(
      "fraction of an empty range", series: buckets, query: "histogram_fraction(1, 0, h_bucket)",
      gives: "{} 0"),
    QueryCase(
      "from rates",
      series: """
        h_bucket{le="1"} 0+60x5
        h_bucket{le="+Inf"} 0+120x5
        """, query: "histogram_quantile(0.25, sum by (le) (rate(h_bucket[5m])))",
      at: .range(from: 4, through: 5, step: 1), gives: "{} 0.5 0.5"),
  ])
  func estimates(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}

@Suite struct InfoTests {
  static let series = """
    a{instance="i",job="j",k="1"} 1 2
    target_info{instance="i",job="j",version="1",k="x"} 1 stale
    target_info{instance="i",job="j",version="2",k="x"} _ 1
    build_info{instance="i",job="j",revision="r"} 1 1
    """

  @Test(arguments: [
    QueryCase(
      "labels of the info series at each step", series: series, query: "info(a)",
      at: .range(from: 0, through: 1, step: 1),
      gives: """
        a{instance="i", job="j", k="1", version="1"} 1 _
        a{instance="i", job="j", k="1", version="2"} _ 2
        """),
    QueryCase(
      "only the labels asked for", series: series, query: #"info(a, {revision=~".*"})"#,
      gives: #"a{instance="i", job="j", k="1"} 1"#),
    QueryCase(
      "info metrics of other names", series: series,
      query: #"info(a, {__name__="build_info", revision=~".+"})"#,
      gives: #"a{instance="i", job="j", k="1", revision="r"} 1"#),
    QueryCase(
      "names that are excluded", series: series, query: #"info(a, {__name__!="target_info"})"#,
      gives: #"a{instance="i", job="j", k="1", revision="r"} 1"#),
    QueryCase(
      "a label that is demanded and missing", series: series, query: #"info(a, {x=~".+"})"#,
      gives: ""),
    QueryCase(
      "info series are not enriched", series: series, query: "info(target_info)",
      gives: #"target_info{instance="i", job="j", k="x", version="1"} 1"#),
    QueryCase(
      "no info series for other instances", series: "a{instance=\"x\"} 1", query: "info(a)",
      gives: #"a{instance="x"} 1"#),
    QueryCase(
      "pinned with the series", series: series, query: "info(a @ 0)", at: .instant(1),
      gives: #"a{instance="i", job="j", k="1", version="1"} 1"#),
    QueryCase(
      "two info series of the same time",
      series: """
        a{instance="i"} 1
        target_info{instance="i",v="1"} 1
        target_info{instance="i",v="2"} 1
        """, query: "info(a)",
      gives: #"error: found duplicate series for info metric: existing"#
        + #" {__name__="target_info", instance="i", v="1"} @ 0,"#
        + #" new {__name__="target_info", instance="i", v="2"} @ 0"#),
  ])
  func enriches(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}
