import Testing

@Suite struct NativeHistogramTests {
  static let counter = """
    h{i="a"} {{count=2 sum=1 p=0:2}} {{count=5 sum=4 p=0:3,1:2}} {{count=9 sum=10 p=0:4,1:5}}
    """
  static let reset = """
    h {{count=5 sum=5 p=0:5}} {{count=3 sum=2 p=0:3}} {{count=4 sum=3 p=0:4}}
    """

  @Test(arguments: [
    QueryCase(
      "the newest histogram is the value", series: counter, query: "h", at: .instant(1),
      gives: #"h{i="a"} {{count=5 sum=4 p=0:3,1:2}}"#),
    QueryCase(
      "a stale marker ends a series of histograms", series: "h {{count=1 sum=1}} stale",
      query: "h", at: .range(from: 0, through: 1, step: 1), gives: "h {{count=1 sum=1}} _"),
    QueryCase(
      "a range of numbers and histograms", series: "m 1 {{count=1 sum=1}}", query: "m[2m]",
      at: .instant(1), gives: "m 1@0 {{count=1 sum=1}}@60000"),
    QueryCase(
      "count, sum and mean", series: counter,
      query: """
        label_replace(histogram_count(h), "of", "count", "", "")
          or label_replace(histogram_sum(h), "of", "sum", "", "")
          or label_replace(histogram_avg(h), "of", "avg", "", "")
        """, at: .instant(1),
      gives: """
        {i="a", of="count"} 5
        {i="a", of="sum"} 4
        {i="a", of="avg"} 0.8
        """),
    QueryCase(
      "variance from the middles of buckets",
      series: "h {{count=4 sum=3 zero=0.5:2 p=1:1 n=1:1}}", query: "histogram_stdvar(h)",
      gives: "{} 1.5624999999999998"),
    QueryCase(
      "number functions have no result for histograms", series: "m{i=\"a\"} {{count=1}}\nm 4",
      query: "sqrt(m) or clamp(m, 0, 9) or round(m) or minute(m)", gives: "{} 2"),
    QueryCase(
      "presence counts histograms", series: "h {{count=1}}",
      query: "absent(h) or vector(1) unless on() h", gives: ""),
    QueryCase(
      "times of histograms", series: "h _ {{count=1}}", query: "timestamp(h)", at: .instant(2),
      gives: "{} 60"),
    QueryCase(
      "sorting by value leaves histograms out", series: "m{i=\"a\"} {{count=1}}\nm{i=\"b\"} 1",
      query: "sort(m)", gives: #"m{i="b"} 1"#),
    QueryCase(
      "a scalar is a number", series: "m{i=\"a\"} {{count=1}}\nm{i=\"b\"} 3",
      query: "scalar(m)", gives: "3.0"),
    QueryCase(
      "negation", series: "h {{count=1 sum=2 p=1:1}}", query: "-h",
      gives: "{} {{count=-1 sum=-2 p=1:-1}}"),
    QueryCase(
      "the same at every step", series: counter, query: "h @ 60",
      at: .range(from: 1, through: 2, step: 1),
      gives: #"h{i="a"} {{count=5 sum=4 p=0:3,1:2}} {{count=5 sum=4 p=0:3,1:2}}"#),
  ])
  func values(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "exponential within a bucket", series: "h {{count=4 sum=6 p=1:4}}",
      query: "histogram_quantile(0.5, h)", gives: "{} 1.4142135623730951"),
    QueryCase(
      "mirrored for negative buckets", series: "h {{count=4 sum=-6 n=1:4}}",
      query: "histogram_quantile(0.25, h)", gives: "{} -1.681792830507429"),
    QueryCase(
      "zero bucket of positive observations begins at zero",
      series: "h {{count=4 sum=1 zero=0.5:2 p=1:2}}", query: "histogram_quantile(0.25, h)",
      gives: "{} 0.25"),
    QueryCase(
      "linear between bounds of one's own", series: "h {{count=4 sum=9 bounds=2,4 p=1:4}}",
      query: "histogram_quantile(0.5, h)", gives: "{} 3"),
    QueryCase(
      "beyond the last bound", series: "h {{count=4 sum=9 bounds=2,4 p=2:4}}",
      query: "histogram_quantile(0.5, h)", gives: "{} 4"),
    QueryCase(
      "observations that are no numbers decide", series: "h {{count=4 sum=nan p=1:2}}",
      query: "histogram_quantile(0.9, h)",
      gives: """
        {} NaN
        PromQL info: input to histogram_quantile has NaN observations, result is NaN for metric \
        name "h" (1:25)
        """),
    QueryCase(
      "observations that are no numbers skew", series: "h {{count=4 sum=nan p=1:2}}",
      query: "histogram_quantile(0.25, h)",
      gives: """
        {} 1.4142135623730951
        PromQL info: input to histogram_quantile has NaN observations, result is skewed higher \
        for metric name "h" (1:26)
        """),
    QueryCase(
      "observations that are no numbers are in no share",
      series: "h {{count=4 sum=nan p=1:2}}", query: "histogram_fraction(-Inf, +Inf, h)",
      gives: """
        {} 0.5
        PromQL info: input to histogram_fraction has NaN observations, which are excluded from \
        all fractions for metric name "h" (1:32)
        """),
    QueryCase(
      "shares", series: "h {{count=8 sum=20 p=1:4,2:4}}",
      query: "histogram_fraction(1, 2.8284271247461903, h)", gives: "{} 0.75"),
    QueryCase(
      "several quantiles", series: "h {{count=4 sum=9 bounds=2,4 p=1:4}}",
      query: #"histogram_quantiles(h, "q", 0.5, 1)"#,
      gives: """
        {q="0.5"} 3
        {q="1.0"} 4
        """),
    QueryCase(
      "classic and native histograms of one name",
      series: """
        h {{count=4 sum=6 p=1:4}}
        h{le="1"} 1
        h{le="+Inf"} 1
        """, query: "histogram_quantile(0.5, h)",
      gives: """
        PromQL warning: vector contains a mix of classic and native histograms for metric name \
        "h" (1:25)
        """),
  ])
  func estimates(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "increase, extended to the edges", series: counter, query: "increase(h[3m])",
      at: .instant(2),
      gives: #"{i="a"} {{count=9 sum=11.57142857142857 p=0:2.571428571428571"#
        + ",1:6.428571428571428}}"),
    QueryCase(
      "a fall is a reset", series: reset, query: "resets(h[5m])", at: .instant(2),
      gives: "{} 1"),
    QueryCase(
      "the last two", series: counter, query: "irate(h[5m])", at: .instant(1),
      gives: #"{i="a"} {{count=0.05 sum=0.05 p=0:0.016666666666666666,1:0.03333333333333333}}"#),
    QueryCase(
      "the last two of a counter are no gauge", series: counter, query: "idelta(h[5m])",
      at: .instant(1),
      gives: #"""
        {i="a"} {{count=3 sum=3 p=0:1,1:2}}
        PromQL warning: this native histogram metric is not a gauge: "h" (1:8)
        """#),
    QueryCase(
      "a gauge is no counter", series: "h {{count=1 hint=gauge}} {{count=3 hint=gauge}}",
      query: "rate(h[2m])", at: .instant(1),
      gives: """
        {} {{count=0.025 sum=0}}
        PromQL warning: this native histogram metric is not a counter: "h" (1:6)
        """),
    QueryCase(
      "numbers and histograms", series: "m 1 {{count=1}}", query: "rate(m[2m])",
      at: .instant(1),
      gives: """
        PromQL warning: encountered a mix of histograms and floats for metric name "m" (1:6)
        """),
    QueryCase(
      "exponential and custom buckets",
      series: "h {{count=1 p=1:1}} {{count=2 bounds=5 p=0:2}} {{count=3 p=1:3}}",
      query: "increase(h[3m])", at: .instant(2),
      gives: #"""
        PromQL warning: vector contains a mix of histograms with exponential and custom buckets \#
        schemas for metric name "h" (1:10)
        """#),
    QueryCase(
      "changes", series: "m 1 1 {{count=1}} {{count=1}} {{count=2}} 2", query: "changes(m[9m])",
      at: .instant(5), gives: "{} 3"),
    QueryCase(
      "anchored", series: counter, query: "histogram_count(increase(h[2m] anchored))",
      at: .instant(2), gives: #"{i="a"} 7"#),
    QueryCase(
      "smoothed", series: counter, query: "histogram_count(increase(h[1m] smoothed))",
      at: .instant(1.5), gives: #"{i="a"} 3.5"#),
    QueryCase(
      "smoothed selector", series: counter, query: "h smoothed", at: .instant(0.5),
      gives: #"h{i="a"} {{count=3.5 sum=2.5 p=0:2.5,1:1}}"#),
    QueryCase(
      "in a subquery", series: counter, query: "sum_over_time(h[2m:1m])", at: .instant(2),
      gives: #"{i="a"} {{count=14 sum=14 p=0:7,1:7}}"#),
  ])
  func changes(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "a counter that began within the window", series: "a_total _ 10@-30 15@-90",
      query: "increase(a_total[3m])", at: .instant(2), gives: "{} 15"),
    QueryCase(
      "one sample that began within the window", series: "a_total _ 10@-30",
      query: "increase(a_total[2m])", at: .instant(1), gives: "{} 10"),
    QueryCase(
      "deltas", series: "a_total _ _ 5@-60 5@-60 5@-60", query: "resets(a_total[5m])",
      at: .instant(4), gives: "{} 2"),
    QueryCase(
      "a start at the sample itself is not known", series: "a_total _ 5@0 5@-60",
      query: "resets(a_total[5m])", at: .instant(2), gives: "{} 0"),
    QueryCase(
      "starts that overlap", series: "a_total _ _ 5@-60 6@-90",
      query: "increase(a_total[2m])", at: .instant(3),
      gives: """
        {} 2
        PromQL warning: sample has start time that overlaps with previous sample timestamp for \
        metric "a_total" (1:10)
        """),
    QueryCase(
      "histograms", series: "h _ {{count=4 sum=1 p=1:4}}@-30 {{count=6 sum=2 p=1:6}}@-90",
      query: "increase(h[3m])", at: .instant(2), gives: "{} {{count=6 sum=2 p=1:6}}"),
    QueryCase(
      "the last two samples", series: "a_total _ 5@-60 6@-30", query: "irate(a_total[5m])",
      at: .instant(2), gives: "{} 0.1"),
  ])
  func startTimestamps(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "sum and mean", series: "h {{count=1 sum=1 p=1:1}} {{count=3 sum=5 p=1:2,2:1}}",
      query: """
        sum_over_time(h[5m]) or label_replace(avg_over_time(h[5m]), "i", "a", "", "")
        """, at: .instant(1),
      gives: """
        {} {{count=4 sum=6 p=1:3,2:1}}
        {i="a"} {{count=2 sum=3 p=1:1.5,2:0.5}}
        """),
    QueryCase(
      "first, last and count", series: "m {{count=1 sum=0}} 5",
      query: """
        label_replace(first_over_time(m[5m]), "of", "first", "", "") or
        label_replace(last_over_time(m[5m]), "of", "last", "", "") or
        label_replace(count_over_time(m[5m]), "of", "count", "", "")
        """, at: .instant(1),
      gives: """
        m{of="first"} {{count=1 sum=0}}
        m{of="last"} 5
        {of="count"} 2
        """),
    QueryCase(
      "functions of numbers leave histograms out", series: "m 1 {{count=1}} 5",
      query: "max_over_time(m[5m])", at: .instant(2),
      gives: """
        {} 5
        PromQL info: ignored histograms in a range containing both floats and histograms for \
        metric name "m" (1:15)
        """),
    QueryCase(
      "no numbers, no result", series: "h {{count=1}}", query: "max_over_time(h[5m])", gives: ""),
    QueryCase(
      "bounds that differ are reconciled",
      series: "h {{count=3 sum=3 bounds=1,2,4 p=0:1,2:2}} {{count=2 sum=2 bounds=2,3 p=0:1,2:1}}",
      query: "sum_over_time(h[5m])", at: .instant(1),
      gives: """
        {} {{count=5 sum=5 bounds=2 p=0:2,1:3}}
        PromQL info: mismatched custom buckets were reconciled during aggregation (1:15)
        """),
    QueryCase(
      "counters told apart for their counts alone",
      series: "h {{count=2 sum=0}} {{count=3 sum=0}} {{count=1 sum=0}}",
      query: "histogram_count(sum_over_time(h[2m]))", at: .instant(2),
      gives: """
        {} 4
        PromQL warning: conflicting counter resets during histogram aggregation (1:31)
        """),
  ])
  func overTime(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  static let mixed = """
    m{i="a",g="x"} {{count=1 sum=1 p=1:1}}
    m{i="b",g="x"} {{count=3 sum=2 schema=1 p=1:1,2:2}}
    m{i="c",g="y"} 4
    m{i="d",g="y"} {{count=1 sum=1}}
    """

  @Test(arguments: [
    QueryCase(
      "sums, of unlike kinds none", series: mixed, query: "sum by (g) (m)",
      gives: """
        {g="x"} {{count=4 sum=3 p=1:4}}
        PromQL warning: encountered a mix of histograms and floats for aggregation (1:13)
        """),
    QueryCase(
      "means", series: mixed, query: #"avg(m{g="x"})"#, gives: "{} {{count=2 sum=1.5 p=1:2}}"),
    QueryCase(
      "counts", series: mixed, query: "count by (g) (m) + group by (g) (m)",
      gives: """
        {g="x"} 3
        {g="y"} 3
        """),
    QueryCase(
      "extremes leave histograms out", series: mixed, query: #"max(m{g="y"})"#,
      gives: """
        {} 4
        PromQL info: ignored histogram in max aggregation (1:5)
        """),
    QueryCase(
      "the largest leave histograms out", series: mixed, query: "topk(3, m)",
      gives: """
        m{g="y", i="c"} 4
        PromQL info: ignored histogram in topk aggregation (1:1)
        """),
    QueryCase(
      "some of all", series: mixed, query: "limitk(1, m)",
      gives: #"m{g="x", i="a"} {{count=1 sum=1 p=1:1}}"#),
    QueryCase(
      "values counted", series: mixed, query: #"count_values("v", m{g="y"})"#,
      gives: """
        {v="4"} 1
        {v="{count:1, sum:1}"} 1
        """),
    QueryCase(
      "text of buckets", series: "h {{count=6 sum=1.5 zero=0.001:1 p=1:2 n=0:3}}",
      query: #"count_values("v", h)"#,
      gives: #"{v="{count:6, sum:1.5, [-1,-0.5):3, [-0.001,0.001]:1, (1,2]:2}"} 1"#),
    QueryCase(
      "exponential and custom buckets",
      series: "h{i=\"a\"} {{count=1 p=1:1}}\nh{i=\"b\"} {{count=2 bounds=5 p=0:2}}",
      query: "sum(h)",
      gives: """
        PromQL warning: vector contains a mix of histograms with exponential and custom buckets \
        schemas for metric name "h" (1:5)
        """),
  ])
  func aggregations(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  static let pair = """
    a {{count=4 sum=4 p=0:1,1:2,2:1}}
    b {{count=4 sum=4 p=0:1,1:2,2:1}}
    n 2
    """

  @Test(arguments: [
    QueryCase(
      "sum", series: pair, query: "a + b", gives: "{} {{count=8 sum=8 p=0:2,1:4,2:2}}"),
    QueryCase("difference", series: pair, query: "a - b", gives: "{} {{count=0 sum=0}}"),
    QueryCase(
      "scaled", series: pair, query: "2 * a / n / 2",
      gives: "{} {{count=2 sum=2 p=0:0.5,1:1,2:0.5}}"),
    QueryCase("equal", series: pair, query: "a == b", gives: "a {{count=4 sum=4 p=0:1,1:2,2:1}}"),
    QueryCase("not equal", series: pair, query: "a != b", gives: ""),
    QueryCase("equal as a number", series: pair, query: "a == bool b", gives: "{} 1"),
    QueryCase(
      "no product of two", series: pair, query: "a * b",
      gives: """
        PromQL info: incompatible sample types encountered for binary operator "*": \
        histogram * histogram (1:1)
        """),
    QueryCase(
      "no sum with a number", series: pair, query: "a + 1",
      gives: """
        PromQL info: incompatible sample types encountered for binary operator "+": \
        histogram + float (1:1)
        """),
    QueryCase(
      "no number by a histogram", series: pair, query: "1 / a",
      gives: """
        PromQL info: incompatible sample types encountered for binary operator "/": \
        float / histogram (1:1)
        """),
    QueryCase(
      "layouts that can't meet",
      series: "a {{count=1 p=1:1}}\nb {{count=2 bounds=5 p=0:2}}", query: "a + b",
      gives: """
        PromQL warning: incompatible bucket layout encountered for binary operator + (1:1)
        """),
    QueryCase(
      "the part below a bound", series: pair, query: "a </ 1",
      gives: "a {{count=1 sum=0.7071067811865476 p=0:1}}"),
    QueryCase(
      "the part above a bound", series: pair, query: "a >/ 2",
      gives: "a {{count=1 sum=2.8284271247461903 p=2:1}}"),
    QueryCase(
      "a bound within a bucket of a histogram's own bounds",
      series: "h {{count=4 sum=12 bounds=2,4 p=1:4}}", query: "h </ 3",
      gives: "h {{count=2 sum=5 bounds=2,4 p=1:2}}"),
    QueryCase(
      "a bound beyond everything changes nothing", series: pair, query: "a </ 100",
      gives: "a {{count=4 sum=4 p=0:1,1:2,2:1}}"),
    QueryCase(
      "set operators", series: pair, query: "a and on() n or b",
      gives: """
        a {{count=4 sum=4 p=0:1,1:2,2:1}}
        """),
    QueryCase(
      "a fill value is a number", series: pair, query: #"a * on(i) fill_right(2) n{x="y"}"#,
      gives: "{} {{count=8 sum=8 p=0:2,1:4,2:2}}"),
  ])
  func operators(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}
