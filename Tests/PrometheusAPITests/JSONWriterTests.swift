import SeriesModel
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
  }

  @Test func labelsAreAnObjectInNameOrder() {
    let labels = Labels([Label("job", "a\"b"), Label("__name__", "up")])
    #expect(text { $0.write(labels) } == #"{"__name__":"up","job":"a\"b"}"#)
  }
}
