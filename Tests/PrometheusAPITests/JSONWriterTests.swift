import PromQL
import SeriesModel
import TestSupport
import Testing

@testable import PrometheusAPI

@Suite struct JSONWriterTests {
  private func text(_ write: (inout JSONWriter) -> Void) -> String {
    var json = JSONWriter()
    write(&json)
    return String(decoding: json.bytes, as: UTF8.self)
  }

  @Test func commasStandBetweenElementsOnly() {
    let json = text { json in
      json.object { json in
        json.member("a", [String]())
        json.member("b", ["x", "y"])
        json.name("c")
        json.array { json in
          json.object { _ in }
          json.object { json in json.member("d", true) }
        }
        json.member("e", 7)
      }
    }
    #expect(json == #"{"a":[],"b":["x","y"],"c":[{},{"d":true}],"e":7}"#)
  }

  @Test func stringsAreEscapedAsJSONDemands() {
    #expect(
      text { $0.string("a\"b\\c\nd\te\u{1}\u{7F}é") } == "\"a\\\"b\\\\c\\nd\\te\\u0001\u{7F}é\"")
  }

  @Test func everyByteIsEscapedWhereverItStands() {
    for code in UInt8(0)..<128 {
      let character = String(UnicodeScalar(code))
      let escaped =
        switch character {
        case "\"", "\\": "\\" + character
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case _ where code < 0x20:
          "\\u00" + (code < 0x10 ? "0" : "") + String(code, radix: 16)
        default: character
        }
      for place in [0, 1, 7, 8, 15, 16, 17, 40] {
        let before =
          String(repeating: "é", count: place / 2) + String(repeating: "b", count: place % 2)
        let after = String(repeating: "c", count: 40 - place)
        let wanted = "\"\(before)\(escaped)\(after)\""
        #expect(text { $0.string(before + character + after) } == wanted)
        let labels: Labels = ["a": before + character + after, "z": "1"]
        #expect(text { $0.write(labels) } == "{\"a\":\(wanted),\"z\":\"1\"}")
      }
    }
  }

  struct SampleCase: Sendable {
    let milliseconds: Int64
    let value: Double
    let json: String
  }

  @Test(arguments: [
    SampleCase(milliseconds: 1_435_781_430_781, value: 1, json: #"[1435781430.781,"1"]"#),
    SampleCase(milliseconds: 1000, value: 0.1, json: #"[1,"0.1"]"#),
    SampleCase(milliseconds: -1500, value: -0.0, json: #"[-1.500,"-0"]"#),
    SampleCase(milliseconds: 0, value: .nan, json: #"[0,"NaN"]"#),
    SampleCase(milliseconds: 10, value: .infinity, json: #"[0.010,"+Inf"]"#),
    SampleCase(milliseconds: 100, value: 1e21, json: #"[0.100,"1e+21"]"#),
    SampleCase(milliseconds: 0, value: 1e-7, json: #"[0,"1e-07"]"#),
    SampleCase(milliseconds: 0, value: 123_456_789, json: #"[0,"123456789"]"#),
  ])
  func samplesAreWrittenAsPrometheusWritesThem(_ row: SampleCase) {
    let json = text { $0.sample(timestampMilliseconds: row.milliseconds, value: row.value) }
    #expect(json == row.json)
    let sample = Sample(milliseconds: row.milliseconds, value: row.value)
    for times in [[], [row.milliseconds], [row.milliseconds + 1]] {
      #expect(text { $0.sample(sample, SampleOpenings(times)) } == row.json)
    }
  }

  @Test func samplesAtKnownAndOtherTimesAreWrittenAlike() {
    let known = (0..<40).map { Int64($0) * 777 - 9_000_000_000_000 } + [0, 1_435_781_430_781]
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<50 {
      var samples = SampleColumns()
      for time in known where Bool.random(using: &generator) {
        samples.append(
          timestampMilliseconds: time + Int64.random(in: 0...1, using: &generator),
          value: Double.random(in: -1...1, using: &generator))
      }
      guard samples.isEmpty == false else { continue }
      let together = text { json in
        json.array { $0.samples(samples, SampleOpenings(known)) }
      }
      let oneByOne = text { json in
        json.array { json in
          for (time, value) in zip(samples.timestamps, samples.values) {
            json.sample(timestampMilliseconds: time, value: value)
          }
        }
      }
      #expect(together == oneByOne)
    }
  }

  /// Series with every sample, with some, and with histograms between.
  @Test func aMatrixIsTheSameHoweverItsSeriesLie() throws {
    func series(_ name: String, _ steps: [Int], histogramAt histogram: Int? = nil) -> MatrixSeries {
      var samples = SampleColumns()
      for step in steps {
        let time = Int64(step) * 15_000
        if step == histogram {
          samples.append(timestampMilliseconds: time, histogram: NativeHistogram(count: 1, sum: 2))
        } else {
          samples.append(timestampMilliseconds: time, value: Double(step) / 4)
        }
      }
      return MatrixSeries(labels: ["n": name], samples: samples)
    }
    let matrix = [
      series("a", [1, 2]), series("b", [0, 1, 2, 3]), series("c", [0, 3], histogramAt: 3),
      series("d", [7]),
    ]
    let json = text { json in json.object { $0.write(.matrix(matrix)) } }
    #expect(
      json == """
        {"resultType":"matrix","result":[\
        {"metric":{"n":"a"},"values":[[15,"0.25"],[30,"0.5"]]},\
        {"metric":{"n":"b"},"values":[[0,"0"],[15,"0.25"],[30,"0.5"],[45,"0.75"]]},\
        {"metric":{"n":"c"},"values":[[0,"0"]],"histograms":[[45,{"count":"1","sum":"2"}]]},\
        {"metric":{"n":"d"},"values":[[105,"1.75"]]}]}
        """)
  }

  @Test func roomIsMadeForTheWholeTextAtOnce() {
    var json = JSONWriter()
    json.array { json in
      for element in 0..<10_000 {
        if element > 0 { json.makeRoom(for: 100, writtenShare: Double(element) / 10_000) }
        json.string("0123456789")
      }
    }
    #expect(json.bytes.count == 130_001)
    // The buffer was foreseen from the first elements, not doubled.
    #expect(json.bytes.capacity < 150_000)
  }

  /// One long label set, or histogram, before many short series.
  @Test func littleMoreRoomIsMadeThanIsNeeded() {
    let long = Labels([Label("a", String(repeating: "x", count: 100_000))])
    let short = (0..<5000).map { number in Labels([Label("a", "\(number)")]) }
    let sample = Sample(milliseconds: 1000, value: 0.5)
    func check(_ value: QueryValue, _ location: SourceLocation = #_sourceLocation) {
      var json = JSONWriter()
      json.object { $0.write(value) }
      #expect(json.bytes.capacity < 10 * json.bytes.count, sourceLocation: location)
    }
    check(.vector(([long] + short).map { VectorElement(labels: $0, sample: sample) }))
    var samples = SampleColumns()
    samples.append(timestampMilliseconds: 1000, value: 0.5)
    let matrix = short.map { MatrixSeries(labels: $0, samples: samples) }
    check(.matrix([MatrixSeries(labels: long, samples: samples)] + matrix))
    var histograms = SampleColumns()
    var histogram = NativeHistogram(count: 1000, sum: 2)
    histogram.positiveBuckets = HistogramBuckets(
      checkedIndices: Array(0..<1000), counts: Array(repeating: 1, count: 1000))
    histograms.append(timestampMilliseconds: 1000, histogram: histogram)
    check(.matrix([MatrixSeries(labels: Labels(), samples: histograms)] + matrix))
  }

  @Test func labelsAreAnObjectInNameOrder() {
    let labels = Labels([Label("job", "a\"b"), Label("__name__", "up")])
    #expect(text { $0.write(labels) } == #"{"__name__":"up","job":"a\"b"}"#)
  }
}
