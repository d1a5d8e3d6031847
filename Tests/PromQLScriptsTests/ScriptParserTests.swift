import PromQLScripts
import SeriesModel
import Testing

@Suite struct ScriptParserTests {
  /// The values of the only series of a `load`, as text.
  private func values(_ notation: String) throws -> [String] {
    let script = try ScriptParser.parse("load 1m\n  a \(notation)")
    guard case .load(let load) = try #require(script.commands.first) else { return [] }
    return try #require(load.series.first).values.map { value in
      switch value {
      case nil: "_"
      case .number(let number): number.isStaleMarker ? "stale" : number.isNaN ? "NaN" : "\(number)"
      case .histogram(let histogram, let tellsHint):
        "\(histogram.count)/\(histogram.sum)/\(histogram.positiveBuckets.counts)"
          + (tellsHint ? "!" : "")
      }
    }
  }

  @Test(arguments: [
    ("1 -2 +3 .5 1e3", ["1.0", "-2.0", "3.0", "0.5", "1000.0"]),
    ("1x2", ["1.0", "1.0", "1.0"]),
    ("1+2x2", ["1.0", "3.0", "5.0"]),
    ("10-2.5x2", ["10.0", "7.5", "5.0"]),
    ("1e-1+1e-1x1", ["0.1", "0.2"]),
    ("-1-1x1", ["-1.0", "-2.0"]),
    ("1 _ 3 _x2 stale", ["1.0", "_", "3.0", "_", "_", "stale"]),
    ("Inf -Inf NaN", ["inf", "-inf", "NaN"]),
    ("{{count:3 sum:4 buckets:[1 2]}}", ["3.0/4.0/[1.0, 2.0]"]),
    ("{{count:1 sum:2}}x1", ["1.0/2.0/[]", "1.0/2.0/[]"]),
    (
      "{{count:3 sum:4 buckets:[1 2]}}+{{count:1 sum:1 buckets:[1]}}x2",
      ["3.0/4.0/[1.0, 2.0]", "4.0/5.0/[2.0, 2.0]", "5.0/6.0/[3.0, 2.0]"]
    ),
    (
      "{{count:3 sum:4 buckets:[1 2]}}-{{count:1 sum:1 buckets:[1]}}x1",
      ["3.0/4.0/[1.0, 2.0]", "2.0/3.0/[2.0]"]
    ),
    ("{{count:1 counter_reset_hint:gauge}}", ["1.0/0.0/[]!"]),
  ])
  func seriesNotation(_ notation: String, _ expected: [String]) throws {
    #expect(try values(notation) == expected)
  }

  @Test func histogramFields() throws {
    let script = try ScriptParser.parse(
      """
      load 1m
        h {{schema:1 sum:7 count:9 z_bucket:2 z_bucket_w:0.5 offset:-1 buckets:[1 0 2] n_offset:3 n_buckets:[4]}}
        c {{schema:-53 sum:7 count:9 custom_values:[1 2.5] buckets:[4 5]}}
      """)
    guard case .load(let load) = try #require(script.commands.first) else { return }
    var positive = HistogramBuckets()
    positive.append(index: -1, count: 1)
    positive.append(index: 1, count: 2)
    var negative = HistogramBuckets()
    negative.append(index: 3, count: 4)
    let expected = NativeHistogram(
      schema: 1, zeroThreshold: 0.5, zeroCount: 2, count: 9, sum: 7, positiveBuckets: positive,
      negativeBuckets: negative)
    guard case .histogram(let first, _) = load.series[0].values[0],
      case .histogram(let second, _) = load.series[1].values[0]
    else {
      Issue.record("no histograms were read")
      return
    }
    #expect(first == expected)
    #expect(second.customBounds == [1, 2.5])
    #expect(second.positiveBuckets.indices == [0, 1])
  }

  @Test func startTimestampsBelongToTheNextLine() throws {
    let script = try ScriptParser.parse(
      "load 1m\n  a{l=\"x y\"}@st -1m _ 30s-10sx1\n  a{l=\"x y\"} 1 2 3 4\n  b 1")
    guard case .load(let load) = try #require(script.commands.first) else { return }
    #expect(load.series[0].startOffsets == [-60_000, nil, 30_000, 20_000])
    #expect(load.series[1].startOffsets.isEmpty)
  }

  @Test func commandsAndTimes() throws {
    let script = try ScriptParser.parse(
      """
      # A comment.
      clear
      eval range from 0 to 1h30m step 15s sum by (a) (b)
        {a="1"} 1 2

      eval instant at 5m c
        5

      EVAL instant at 0 d
      """)
    let evaluations = script.evaluations
    #expect(evaluations.map(\.line) == [3, 6, 9])
    #expect(evaluations[0].time == .range(from: 0, through: 5_400_000, step: 15_000))
    #expect(evaluations[0].expression == "sum by (a) (b)")
  }

  @Test(arguments: [
    ("lod 5m", 1, "no command"),
    ("load 5q", 1, "unknown unit"),
    ("\nload 5m\n  a 1 2x", 3, "how often"),
    ("load 5m\n  a 1+2", 2, "\"1+2\" is no value"),
    ("load 5m\n  a 1x99999999", 2, "more than 1000000"),
    ("load 5m\n  a{b=~\"c\"} 1", 2, "names no series"),
    ("load 5m\n  a{b=\"c 1", 2, "names no series"),
    ("load 5m\n  a {{sum:1", 2, "not closed"),
    ("load 5m\n  a {{total:1}}", 2, "no field \"total\""),
    ("load 5m\n  a {{sum:1 sum:2}}", 2, "twice"),
    ("load 5m\n  a {{schema:77}}", 2, "no histogram schema 77"),
    ("load 5m\n  a {{offset:2147483647 buckets:[1 2]}}", 2, "out of range"),
    ("load 5m\n  a@st -1m\n  b 1", 3, "another series"),
    ("load 5m\n  a@st -1m -1m\n  a 1", 3, "another number of values"),
    ("load 5m\n  a@st -1m", 2, "no line with values"),
    ("load_with_nhcb 5m\n  a_bucket{le=\"1\"} 2\n  a_bucket{le=\"2\"} 1\n  a_count 1", 1, "fall"),
    ("eval instant at 5m", 1, "no expression"),
    ("eval never a", 1, "neither instant nor range"),
    ("eval range from 0 to 5m step 0 a", 1, "positive"),
    ("eval_maybe instant at 0 a", 1, "no command"),
    ("eval instant at 0 a\n  a 1 2", 2, "one value at one moment, not 2"),
    ("eval instant at 0 a\n  a 1\n  a 2", 3, "expected twice"),
    ("eval instant at 0 a\n  expect joy", 2, "nothing is known"),
    ("eval instant at 0 a\n  expect warn regex:(", 2, "regular expression"),
    ("eval instant at 0 a\n  expect string 5", 2, "no string"),
  ])
  func faultsNameTheirLine(_ text: String, _ line: Int, _ words: String) {
    do {
      _ = try ScriptParser.parse(text)
      Issue.record("no error")
    } catch {
      #expect(error.line == line)
      #expect(error.message.contains(words), "\(error.message)")
    }
  }
}
