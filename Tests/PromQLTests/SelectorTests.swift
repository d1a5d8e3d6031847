import Testing

@Suite struct SelectorTests {
  @Test(arguments: [
    QueryCase(
      "newest sample within the lookback", series: "a 1 2 3", query: "a", at: .instant(1.5),
      gives: "a 2"),
    QueryCase(
      "lookback is left-open", series: "a 1", query: "a",
      at: .range(from: 4, through: 6, step: 1), gives: "a 1 _ _"),
    QueryCase(
      "stale marker ends a series until its next sample", series: "a 1 stale 3", query: "a",
      at: .range(from: 0, through: 3, step: 0.5), gives: "a 1 1 _ _ 3 3 3"),
    QueryCase(
      "NaN is a value", series: "a NaN", query: "a", gives: "a NaN"),
    QueryCase(
      "offset looks back and forth", series: "a 0+1x9",
      query: "a offset 2m + (a offset -2m)", at: .instant(5), gives: "{} 10"),
    QueryCase(
      "@ pins every step", series: "a 0+1x9", query: "a @ 120",
      at: .range(from: 3, through: 5, step: 1), gives: "a 2 2 2"),
    QueryCase(
      "@ and offset together", series: "a 0+1x9", query: "a @ end() offset 1m",
      at: .range(from: 3, through: 5, step: 1), gives: "a 4 4 4"),
    QueryCase(
      "@ start", series: "a 0+1x9", query: "a @ start()",
      at: .range(from: 3, through: 5, step: 1), gives: "a 3 3 3"),
    QueryCase(
      "range selector is a query of its own", series: "a 1 stale 3 4", query: "a[3m]",
      at: .instant(3), gives: "a 3@120000 4@180000"),
    QueryCase(
      "windows are left-open", series: "a 0+1x9", query: "count_over_time(a[2m])", at: .instant(4),
      gives: "{} 2"),
    QueryCase(
      "matchers select by every label",
      series: #"""
        a{x="1",y="2"} 1
        a{x="1"} 2
        """#, query: #"{__name__=~"a|b", y=""}"#, gives: #"a{x="1"} 2"#),
    QueryCase(
      "smoothed lies on the line between samples", series: "a 0 10 _ 40", query: "a smoothed",
      at: .range(from: 0, through: 4, step: 0.5), gives: "a 0 5 10 17.5 25 32.5 40 40 40"),
    QueryCase(
      "no series", query: "a", gives: ""),
  ])
  func selects(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}

@Suite struct SubqueryTests {
  @Test(arguments: [
    QueryCase(
      "steps are multiples of the step, whenever evaluated", series: "a 0+1x9",
      query: "a[4m:2m]", at: .instant(5.5), gives: "a 2@120000 4@240000"),
    QueryCase(
      "windows are left-open", series: "a 0+1x9", query: "count_over_time(a[4m:1m])",
      at: .instant(5), gives: "{} 4"),
    QueryCase(
      "default step is a minute", series: "a 0+1x9", query: "count_over_time(a[3m:])",
      at: .instant(5), gives: "{} 3"),
    QueryCase(
      "times before 1970", series: "a 1", query: "sum_over_time(vector(time())[2m:1m])",
      at: .instant(-3), gives: "{} -420"),
    QueryCase(
      "slides in a range query", series: "a 0+1x9", query: "max_over_time(a[2m:1m])",
      at: .range(from: 0, through: 4, step: 2), gives: "{} 0 2 4"),
    QueryCase(
      "offset of a subquery", series: "a 0+1x9",
      query: "sum_over_time(a[2m:1m] offset 3m)", at: .instant(6), gives: "{} 5"),
    QueryCase(
      "@ of a subquery", series: "a 0+1x9", query: "sum_over_time(a[2m:1m] @ 180)",
      at: .range(from: 5, through: 7, step: 1), gives: "{} 5 5 5"),
    QueryCase(
      "nested", series: "a 0+1x9",
      query: "max_over_time(sum_over_time(a[2m:1m])[2m:1m])", at: .instant(6), gives: "{} 11"),
    QueryCase(
      "no step of its own lies in the window", series: "a 3+0x9",
      query: "min_over_time(topk(1, a)[1m:5m])", at: .instant(7), gives: ""),
    QueryCase(
      "scalar in a subquery", query: "sum_over_time(vector(2)[3m:1m])", at: .instant(9),
      gives: "{} 6"),
    QueryCase(
      "scalars vary in a window that does not",
      series: """
        a 1 2 3 4 5
        q 0 0.5 1
        """, query: "quantile_over_time(scalar(q), a[5m] @ 240)",
      at: .range(from: 0, through: 2, step: 1), gives: "{} 1 3 5"),
    QueryCase(
      "more steps than samples may be held", query: "count_over_time(vector(1)[100y:1s])",
      gives:
        "error: query processing would load too many samples into memory in query execution"),
  ])
  func evaluates(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}
