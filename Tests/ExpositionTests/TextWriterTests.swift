import Exposition
import SeriesModel
import Testing

@Suite struct TextWriterTests {
  private func written(_ body: (inout TextWriter) -> Void) -> String {
    var writer = TextWriter()
    body(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test func familyAndSamplesAreWrittenAsPrometheusDoes() {
    let text = written { writer in
      writer.writeFamily(
        "requests_total", MetricMetadata(type: .counter, help: "A \"b\" \\ c\nd"))
      writer.writeSample(["__name__": "requests_total"], value: 1)
      writer.writeSample(
        ["__name__": "requests_total", "code": "200", "path": "a\"\\\n"], value: 1e6)
      writer.writeSample(
        ["__name__": "requests_total", "code": "500"], value: .infinity,
        timestampMilliseconds: -12)
    }
    #expect(
      text == """
        # HELP requests_total A "b" \\\\ c\\nd
        # TYPE requests_total counter
        requests_total 1
        requests_total{code="200",path="a\\"\\\\\\n"} 1e+06
        requests_total{code="500"} +Inf -12

        """)
  }

  @Test func namesOutsideTheLegacySetAreQuoted() {
    let text = written { writer in
      writer.writeFamily("my.metric", MetricMetadata(type: .gauge, help: "x"))
      writer.writeSample(["__name__": "my.metric"], value: .nan)
      writer.writeSample(["__name__": "my.metric", "a": "b", "c.d": "e"], value: 0.5)
      writer.writeSample(["__name__": "plain", "c.d": "e"], value: -0.0)
    }
    #expect(
      text == """
        # HELP "my.metric" x
        # TYPE "my.metric" gauge
        {"my.metric"} NaN
        {"my.metric",a="b","c.d"="e"} 0.5
        plain{"c.d"="e"} -0

        """)
  }

  @Test(arguments: [
    (MetricType.unknown, "untyped"), (.info, "gauge"), (.stateSet, "gauge"),
    (.gaugeHistogram, "histogram"), (.summary, "summary"), (.histogram, "histogram"),
  ])
  func typeIsOneTheFormatKnows(_ type: MetricType, _ name: String) {
    #expect(written { $0.writeFamily("a", MetricMetadata(type: type)) } == "# TYPE a \(name)\n")
  }

  @Test func writerIsReusable() {
    var writer = TextWriter()
    writer.writeSample(["__name__": "a"], value: 1)
    writer.removeAll()
    writer.writeSample(["__name__": "b"], value: 2)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "b 2\n")
  }
}
