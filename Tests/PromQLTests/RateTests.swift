import Testing

@Suite struct RateTests {
  @Test(arguments: [
    QueryCase(
      "full coverage is extended to the edges", series: "a_total 0+60x10",
      query: "rate(a_total[5m])", at: .instant(10), gives: "{} 1"),
    QueryCase(
      "reset counts from zero", series: "a_total 5 10 3 4", query: "increase(a_total[5m])",
      at: .instant(3), gives: "{} 10.5"),
    QueryCase(
      "one sample is not enough", series: "a_total 1 2", query: "rate(a_total[1m])",
      at: .instant(1), gives: ""),
    QueryCase(
      "a counter is not extended to before zero", series: "a_total _ _ _ 1 11 21",
      query: "increase(a_total[10m])", at: .instant(5), gives: "{} 21"),
    QueryCase(
      "far edges are extended by half a sample distance", series: "a_total _ _ _ 100 110 120",
      query: "increase(a_total[10m])", at: .instant(5), gives: "{} 25"),
    QueryCase(
      "delta of a gauge may fall", series: "a 10 8 6", query: "delta(a[2m])", at: .instant(2),
      gives: "{} -4"),
    QueryCase(
      "irate takes the last two samples, and a reset from zero",
      series: """
        a_total{k="up"} 0 1 61
        a_total{k="reset"} 0 100 60
        """, query: "irate(a_total[5m])", at: .instant(2),
      gives: """
        {k="up"} 1
        {k="reset"} 1
        """),
    QueryCase(
      "idelta", series: "a 0 100 60", query: "idelta(a[5m])", at: .instant(2), gives: "{} -40"),
    QueryCase(
      "resets and changes", series: "a 1 2 2 1 NaN NaN 0",
      query: "resets(a[10m]) + 10 * changes(a[10m])", at: .instant(6), gives: "{} 41"),
    QueryCase(
      "slides over resets", series: "a_total 0 10 5 15 2 12",
      query: "increase(a_total[2m1ms])", at: .range(from: 2, through: 5, step: 1),
      gives: "{} 15 15.000125 12.0001 12.0001"),
    QueryCase(
      "name that is no counter's", series: "temperature 0+1x9", query: "rate(temperature[5m])",
      at: .instant(9),
      gives: """
        {} 0.016666666666666666
        PromQL info: metric might not be a counter, name does not end in \
        _total/_sum/_count/_bucket: "temperature" (1:6)
        """),
    QueryCase(
      "type label instead of the name", series: #"a{__type__="gauge"} 0+1x9"#,
      query: "increase(a[5m])", at: .instant(9),
      gives: """
        {} 5
        PromQL info: metric might not be a counter, __type__ label is not set to "counter" or \
        "histogram", got "gauge": "a" (1:10)
        """),
  ])
  func extrapolates(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "anchored takes the samples at or before the edges", series: "a_total 1 2 3 9",
      query: "increase(a_total[1m] anchored)", at: .instant(2.5), gives: "{} 1"),
    QueryCase(
      "anchored without a sample within", series: "a_total 1 2",
      query: "rate(a_total[1m] anchored)",
      at: .instant(4), gives: ""),
    QueryCase(
      "smoothed takes the line at the edges", series: "a_total 0 60 180",
      query: "increase(a_total[1m] smoothed)", at: .instant(1.5), gives: "{} 90"),
    QueryCase(
      "smoothed over a reset at the edge", series: "a_total 100 10",
      query: "increase(a_total[1m] smoothed)", at: .instant(0.5), gives: "{} 5"),
    QueryCase(
      "smoothed with all samples behind the window", series: "a_total _ _ 5 6",
      query: "increase(a_total[1m] smoothed)", at: .instant(1), gives: ""),
    QueryCase(
      "anchored changes count the step into the window", series: "a 1 2 3",
      query: "changes(a[1m] anchored)", at: .instant(2), gives: "{} 1"),
    QueryCase(
      "a smoothed window shows the edges", series: "a 0 60 180", query: "a[1m] smoothed",
      at: .instant(1.5), gives: "a 30@30000 60@60000 120@90000"),
    QueryCase(
      "only some functions take modifiers", query: "deriv(a[1m] smoothed)",
      gives: "error: smoothed modifier can only be used with: delta, increase, rate"
        + " - not with deriv"),
  ])
  func anchorsAndSmooths(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}

@Suite struct OverTimeTests {
  static let series = """
    a{k="numbers"} 3 1 2
    a{k="nan"} NaN 5 NaN
    a{k="only nan"} NaN NaN
    """

  @Test(arguments: [
    QueryCase(
      "max lets NaN give way", series: series, query: "max_over_time(a[5m])", at: .instant(2),
      gives: """
        {k="numbers"} 3
        {k="nan"} 5
        {k="only nan"} NaN
        """),
    QueryCase(
      "min", series: series, query: #"min_over_time(a{k!="only nan"}[5m])"#, at: .instant(2),
      gives: """
        {k="numbers"} 1
        {k="nan"} 5
        """),
    QueryCase(
      "extremes leave the window", series: "a 9 1 5 2 0", query: "max_over_time(a[2m])",
      at: .range(from: 0, through: 4, step: 1), gives: "{} 9 9 5 5 2"),
    QueryCase(
      "sum keeps what large values would swallow", series: "a 1 1e100 1 -1e100",
      query: "sum_over_time(a[5m])", at: .instant(3), gives: "{} 2"),
    QueryCase(
      "mean does not overflow", series: "a 1e308 1.5e308", query: "avg_over_time(a[5m])",
      at: .instant(1), gives: "{} 1.25e+308"),
    QueryCase(
      "sums of fractions", series: "a 0.1 0.2 0.3 0.4", query: "sum_over_time(a[2m])",
      at: .range(from: 0, through: 3, step: 1), gives: "{} 0.1 0.30000000000000004 0.5 0.7"),
    QueryCase(
      "first and last keep the name", series: "a 3 1 2",
      query:
        #"first_over_time(a[5m]) or label_replace(last_over_time(a[5m]), "k", "last", "", "")"#,
      at: .instant(2),
      gives: """
        a 3
        a{k="last"} 2
        """),
    QueryCase(
      "times of extremes are those of the last", series: "a 1 3 3 1",
      query: "ts_of_max_over_time(a[5m]) + ts_of_min_over_time(a[5m]) / 1000", at: .instant(3),
      gives: "{} 120.18"),
    QueryCase(
      "times of the ends", series: "a _ 3 3 1",
      query: "ts_of_last_over_time(a[5m]) - ts_of_first_over_time(a[5m])", at: .instant(3),
      gives: "{} 120"),
    QueryCase(
      "variance", series: "a 2 4 4 4 5 5 7 9",
      query: "stdvar_over_time(a[9m]) + stddev_over_time(a[9m])", at: .instant(7), gives: "{} 6"),
    QueryCase(
      "median absolute deviation", series: "a 4 6 2 1 999 1 2", query: "mad_over_time(a[9m])",
      at: .instant(6), gives: "{} 1"),
    QueryCase(
      "quantile outside its bounds", series: "a 1 2", query: "quantile_over_time(2, a[5m])",
      at: .instant(1),
      gives: """
        {} inf
        PromQL warning: quantile value should be between 0 and 1, got 2 (1:20)
        """),
    QueryCase(
      "present and count", series: "a 1 _ stale 2",
      query: "present_over_time(a[5m]) + count_over_time(a[5m])", at: .instant(3), gives: "{} 3"),
    QueryCase(
      "absent takes labels from matchers that stand alone", series: "b 1",
      query: #"absent_over_time(a{x="1",y="2",y="3",z!="4"}[5m])"#, gives: #"{x="1"} 1"#),
    QueryCase(
      "absent only where no series is",
      series: """
        a{k="1"} 1 _ _ _ _ _ _
        a{k="2"} _ _ 1
        """, query: "absent_over_time(a[1m])", at: .range(from: 0, through: 3, step: 1),
      gives: "{} _ 1 _ 1"),
    QueryCase(
      "line through the samples", series: "a 0+60x5",
      query: "deriv(a[5m]) + predict_linear(a[5m], 60)", at: .instant(5), gives: "{} 361"),
    QueryCase(
      "line from the evaluation time, though samples are pinned", series: "a 0+60x5",
      query: "predict_linear(a[5m] @ 300, 0)", at: .range(from: 5, through: 7, step: 1),
      gives: "{} 300 360 420"),
    QueryCase(
      "smoothing factor outside its bounds", series: "a 1 2",
      query: "double_exponential_smoothing(a[5m], 0, 0.5)", at: .instant(1),
      gives: "error: invalid smoothing factor. Expected: 0 < sf < 1, got: 0.000000"),
    QueryCase(
      "smoothing follows a straight line", series: "a 0+10x8",
      query: "double_exponential_smoothing(a[9m], 0.5, 0.5)", at: .instant(8), gives: "{} 80"),
  ])
  func reduces(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}
