import Testing

@Suite struct AggregationTests {
  static let series = """
    a{job="x",instance="1"} 1 2 3
    a{job="x",instance="2"} 10 _ 30
    a{job="y",instance="1"} 100 200 300
    """

  @Test(arguments: [
    QueryCase(
      "sum by", series: series, query: "sum by (job) (a)",
      at: .range(from: 0, through: 2, step: 1),
      gives: """
        {job="x"} 11 12 33
        {job="y"} 100 200 300
        """),
    QueryCase(
      "without drops the name", series: series, query: "sum without (instance) (a)",
      gives: """
        {job="x"} 11
        {job="y"} 100
        """),
    QueryCase(
      "by keeps the name it is asked for", series: series, query: "max by (__name__) (a)",
      gives: "a 100"),
    QueryCase("no grouping", series: series, query: "avg(a)", gives: "{} 37"),
    QueryCase(
      "min, count and group", series: series, query: "min(a) + count(a) * group(a)",
      gives: "{} 4"),
    QueryCase(
      "min and max let NaN give way",
      series: """
        a{k="1"} NaN
        a{k="2"} 1
        """, query: "min(a) + max(a)", gives: "{} 2"),
    QueryCase(
      "deviation",
      series: """
        a{k="1"} 2
        a{k="2"} 4
        """, query: "stddev(a) + stdvar(a)", gives: "{} 2"),
    QueryCase(
      "sum keeps what large values would swallow",
      series: """
        a{k="1"} 1
        a{k="2"} 1e100
        a{k="3"} 1
        a{k="4"} -1e100
        """, query: "sum(a)", gives: "{} 2"),
    QueryCase(
      "mean does not overflow",
      series: """
        a{k="1"} 1e308
        a{k="2"} 1.5e308
        """, query: "avg(a)", gives: "{} 1.25e+308"),
    QueryCase(
      "quantile with a parameter for each step",
      series: """
        a{k="1"} 0 0 0
        a{k="2"} 1 1 1
        q 0 0.5 1
        """, query: "quantile(scalar(q), a)", at: .range(from: 0, through: 2, step: 1),
      gives: "{} 0 0.5 1"),
    QueryCase(
      "quantile outside its bounds", series: "a 1", query: "quantile(-1, a)",
      gives: """
        {} -inf
        PromQL warning: quantile value should be between 0 and 1, got -1 (1:10)
        """),
    QueryCase(
      "aggregation of nothing", query: "sum(a)", gives: ""),
    QueryCase(
      "count_values",
      series: """
        a{k="1"} 0.5
        a{k="2"} 0.5
        a{k="3"} 1e21
        """, query: #"count_values("v", a)"#,
      gives: """
        {v="0.5"} 2
        {v="1000000000000000000000"} 1
        """),
    QueryCase(
      "count_values over steps", series: "a{k=\"1\"} 1 2 1",
      query: #"count_values by (k) ("v", a)"#,
      at: .range(from: 0, through: 2, step: 1),
      gives: """
        {k="1", v="1"} 1 _ 1
        {k="1", v="2"} _ 1 _
        """),
  ])
  func aggregates(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "topk comes sorted, NaN last",
      series: """
        a{k="1"} 1
        a{k="2"} NaN
        a{k="3"} 3
        a{k="4"} 2
        """, query: "topk(9, a)",
      gives: """
        a{k="3"} 3
        a{k="4"} 2
        a{k="1"} 1
        a{k="2"} NaN
        """, isOrdered: true),
    QueryCase(
      "bottomk of groups", series: series, query: "bottomk by (job) (1, a)",
      gives: """
        a{instance="1", job="x"} 1
        a{instance="1", job="y"} 100
        """),
    QueryCase(
      "topk chooses anew at each step",
      series: """
        a{k="1"} 1 5 1
        a{k="2"} 2 2 2
        """, query: "topk(1, a)", at: .range(from: 0, through: 2, step: 1),
      gives: """
        a{k="1"} _ 5 _
        a{k="2"} 2 _ 2
        """),
    QueryCase("less than one", series: series, query: "topk(0.5, a)", gives: ""),
    QueryCase(
      "less than one, of what fails", series: series,
      query: #"topk(0, label_replace(a, "instance", "", "", ""))"#,
      gives: "error: vector cannot contain metrics with the same labelset"),
    QueryCase(
      "not a number", query: "topk(NaN, a)", gives: "error: Parameter value is NaN"),
    QueryCase(
      "too large", query: "limitk(1e30, a)", gives: "error: Scalar value 1e+30 overflows int64"),
    QueryCase(
      "limitk takes the first", series: series, query: "limitk by (job) (1, a)",
      gives: """
        a{instance="1", job="x"} 1
        a{instance="1", job="y"} 100
        """),
    QueryCase(
      "a ratio and its complement take every series once", series: series,
      query: "count(limit_ratio(0.4, a) or limit_ratio(-0.6, a))"
        + " + count(limit_ratio(0.4, a) and limit_ratio(-0.6, a) or vector(0)) * 10",
      gives: "{} 13"),
    QueryCase(
      "ratio beyond one", series: series, query: "count(limit_ratio(1.5, a))",
      gives: """
        {} 3
        PromQL warning: ratio value should be between -1 and 1, got 1.5, capping to 1 (1:19)
        """),
  ])
  func chooses(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}
