import Testing

@Suite struct BinaryOperatorTests {
  static let sides = """
    left{k="1"} 1
    left{k="2"} 2
    right{k="1"} 10
    right{k="3"} 30
    """

  @Test(arguments: [
    QueryCase("between scalars", query: "2 ^ 3 ^ 0 - -7 % 4 + (1 > bool 2)", gives: "5.0"),
    QueryCase("division by zero", query: "0 / 0 == bool 0 / 0", gives: "0.0"),
    QueryCase("atan2", query: "0 atan2 -1 - pi()", gives: "0.0"),
    QueryCase(
      "arithmetic drops the name", series: "a{k=\"1\"} 3", query: "2 * a", gives: #"{k="1"} 6"#),
    QueryCase(
      "comparison filters and keeps name and value", series: sides, query: "1 < left",
      gives: #"left{k="2"} 2"#),
    QueryCase(
      "bool keeps every series", series: sides, query: "left > bool 1",
      gives: """
        {k="1"} 0
        {k="2"} 1
        """),
    QueryCase(
      "comparison of vectors keeps the left value", series: sides, query: "right > left",
      gives: #"right{k="1"} 10"#),
    QueryCase(
      "comparison after a function still drops the name",
      series: """
        x_total{k="1"} 0+60x5
        y_total{k="1"} 0+6x5
        """, query: "rate(x_total[5m]) > rate(y_total[5m])", at: .instant(5), gives: #"{k="1"} 1"#),
    QueryCase("one to one", series: sides, query: "left + right", gives: #"{k="1"} 11"#),
    QueryCase(
      "series that are there at different steps",
      series: """
        left{k="1"} 1 _ stale 4
        right{k="1"} 10 20 30 40
        """, query: "left + right", at: .range(from: 0, through: 3, step: 1),
      gives: #"{k="1"} 11 21 _ 44"#),
    QueryCase(
      "operators of native histograms", series: "a 1", query: "a </ 2",
      gives: """
        PromQL info: incompatible sample types encountered for binary operator "</": float </ float \
        (1:1)
        """),
    QueryCase(
      "unary minus", series: "a{k=\"1\"} 3", query: "-a + --2", gives: #"{k="1"} -1"#),
  ])
  func combines(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "on",
      series: """
        a{k="1",x="1"} 1
        b{k="1",y="2"} 10
        """, query: "a + on(k) b", gives: #"{k="1"} 11"#),
    QueryCase(
      "ignoring",
      series: """
        a{k="1",x="1"} 1
        b{k="1"} 10
        """, query: "a + ignoring(x) b", gives: #"{k="1"} 11"#),
    QueryCase(
      "group_left copies labels",
      series: """
        a{k="1",x="1"} 1
        a{k="1",x="2"} 2
        b{k="1",owner="me"} 10
        """, query: "a * on(k) group_left(owner) b",
      gives: """
        {k="1", owner="me", x="1"} 10
        {k="1", owner="me", x="2"} 20
        """),
    QueryCase(
      "group_right compares with the left value",
      series: """
        a{k="1"} 5
        b{k="1",x="1"} 1
        b{k="1",x="2"} 9
        """, query: "a > on(k) group_right b", gives: #"b{k="1", x="1"} 5"#),
    QueryCase(
      "several on the left",
      series: """
        a{k="1",x="1"} 1
        a{k="1",x="2"} 2
        b{k="1"} 10
        """, query: "a > on(k) b",
      gives: "error: multiple matches for labels: many-to-one matching must be explicit"
        + " (group_left/group_right)"),
    QueryCase(
      "several on the right",
      series: """
        a{k="1"} 1
        b{k="1",x="1"} 10
        b{k="1",x="2"} 20
        """, query: "a + on(k) b",
      gives: #"error: found duplicate series for the match group {k="1"} on the right hand-side"#
        + #" of the operation: [{__name__="b", k="1", x="2"}, {__name__="b", k="1", x="1"}]"#
        + ";many-to-many matching not allowed: matching labels must be unique on one side"),
    QueryCase(
      "several on the right at different times",
      series: """
        a{k="1"} 1 1
        b{k="1",x="1"} 10 stale
        b{k="1",x="2"} _ 20
        """, query: "a + on(k) group_left(x) b", at: .range(from: 0, through: 1, step: 1),
      gives: """
        {k="1", x="1"} 11 _
        {k="1", x="2"} _ 21
        """),
    QueryCase(
      "results that are not told apart",
      series: """
        a{k="1",x="1"} 1
        a{k="1",x="2"} 2
        b{k="1",x="3"} 10
        """, query: "a + on(k) group_left(x) b",
      gives: "error: multiple matches for labels: grouping labels must ensure unique matches"),
    QueryCase(
      "results that are not told apart, though the comparison leaves them out",
      series: """
        a{k="1",x="1"} 1
        a{k="1",x="2"} 2
        b{k="1",x="3"} 10
        """, query: "a > on(k) group_left(x) b",
      gives: "error: multiple matches for labels: grouping labels must ensure unique matches"),
    QueryCase(
      "nothing to match is no error",
      series: """
        b{k="1",x="1"} 10
        b{k="1",x="2"} 20
        """, query: "a + on(k) b", gives: ""),
  ])
  func matches(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase(
      "both sides", series: sides, query: "left + fill(0) right",
      gives: """
        {k="1"} 11
        {k="2"} 2
        {k="3"} 30
        """),
    QueryCase(
      "left", series: sides, query: "left + fill_left(5) right",
      gives: """
        {k="1"} 11
        {k="3"} 35
        """),
    QueryCase(
      "right, in a comparison", series: sides, query: "left > fill_right(1) right",
      gives: #"left{k="2"} 2"#),
    QueryCase(
      "step by step",
      series: """
        left{k="1"} 1 stale 3
        right{k="1"} _ 20 30
        """, query: "left + fill(0) right", at: .range(from: 0, through: 2, step: 1),
      gives: #"{k="1"} 1 20 33"#),
    QueryCase(
      "fill_left always fills the side of many",
      series: """
        a{k="1"} 1
        a{k="2"} 2
        b{k="1",x="1"} 10
        b{k="3",x="1"} 30
        """, query: "a + on(k) group_right fill_left(0) b",
      gives: """
        {k="1", x="1"} 11
        {k="2"} 2
        """),
  ])
  func fills(_ testCase: QueryCase) throws {
    try testCase.check()
  }

  @Test(arguments: [
    QueryCase("and", series: sides, query: "left and right", gives: #"left{k="1"} 1"#),
    QueryCase("unless", series: sides, query: "left unless right", gives: #"left{k="2"} 2"#),
    QueryCase(
      "or", series: sides, query: "left or right",
      gives: """
        left{k="1"} 1
        left{k="2"} 2
        right{k="3"} 30
        """),
    QueryCase(
      "or joins series over time", series: "a 1 2 3 4", query: "a > 3 or a <= 2",
      at: .range(from: 0, through: 3, step: 1), gives: "a 1 2 _ 4"),
    QueryCase(
      "and step by step",
      series: """
        a 1 2 3
        b 0 5 0
        """, query: "a and b > 1", at: .range(from: 0, through: 2, step: 1), gives: "a _ 2 _"),
    QueryCase(
      "on nothing", series: sides, query: "left and on() vector(1)",
      gives: """
        left{k="1"} 1
        left{k="2"} 2
        """),
  ])
  func joins(_ testCase: QueryCase) throws {
    try testCase.check()
  }
}
