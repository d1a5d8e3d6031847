import HTTPServer
import SeriesModel
import TSDB
import TestSupport
import Testing

@testable import PrometheusAPI

/// The routes over a small database, without a socket.
@Suite struct QueryEndpointTests {
  private let directory = TemporaryDirectory()
  private let database: Database
  private let router: Router

  init() throws {
    database = try Database.open(at: directory.path("data"))
    var batch = SampleBatch()
    for (job, factor) in [("a", 1.0), ("b", 2.0)] {
      let id = try database.seriesID(for: ["__name__": "requests_total", "job": job])
      for step in 0..<10 {
        batch.add(id, timestampMilliseconds: Int64(step) * 60_000, value: factor * Double(step))
      }
    }
    batch.metadata["requests_total"] = MetricMetadata(type: .counter, help: "Requests \"made\".")
    let id = try database.seriesID(for: ["__name__": "requests_total", "job": "a"])
    batch.exemplars.append(
      BatchExemplar(
        seriesID: id,
        exemplar: Exemplar(
          labels: ["trace_id": "EpTxMJ40fUus7aGY"], value: 6,
          timestamp: Timestamp(milliseconds: 60_479))))
    _ = try database.append(batch)
    router = Router(
      Routes.queries(database: database, clock: { Timestamp(milliseconds: 540_000) }))
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let target: String
    var status = 200
    let json: String

    var testDescription: String { target }
  }

  private func answer(
    _ target: String, method: Method = .get, headers: Headers = Headers(), body: String = ""
  ) -> (status: Int, json: String) {
    let response = router.respond(
      to: Request(method: method, target: target, headers: headers, body: Array(body.utf8)))
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  private static func success(_ data: String) -> String {
    #"{"status":"success","data":\#(data)}"#
  }

  private static func error(_ type: String, _ text: String) -> String {
    #"{"status":"error","errorType":"\#(type)","error":"\#(text)"}"#
  }

  @Test(arguments: [
    Case(
      target: "/api/v1/query?query=1%2B1&time=1.5",
      json: success(#"{"resultType":"scalar","result":[1.500,"2"]}"#)),
    Case(
      target: "/api/v1/query?query=%22x%22&time=0",
      json: success(#"{"resultType":"string","result":[0,"x"]}"#)),
    Case(
      target: "/api/v1/query?query=sum(requests_total)",
      json: success(#"{"resultType":"vector","result":[{"metric":{},"value":[540,"27"]}]}"#)),
    Case(
      target: "/api/v1/query?query=requests_total%7Bjob='a'%7D%5B2m%5D&time=1970-01-01T00:02:00Z",
      json: success(
        #"{"resultType":"matrix","result":[{"metric":{"__name__":"requests_total","job":"a"},"#
          + #""values":[[60,"1"],[120,"2"]]}]}"#)),
    Case(
      target: "/api/v1/query_range?query=sum(requests_total)&start=0&end=120&step=1m",
      json: success(
        #"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"0"],[60,"3"],[120,"6"]]}]}"#
      )),
    Case(
      target: "/api/v1/query?query=requests_total&limit=1",
      json: #"{"status":"success","data":{"resultType":"vector","result":[{"metric":"#
        + #"{"__name__":"requests_total","job":"a"},"value":[540,"9"]}]},"#
        + #""warnings":["results truncated due to limit"]}"#),
    Case(
      target: "/api/v1/series?match[]=requests_total",
      json: success(
        #"[{"__name__":"requests_total","job":"a"},{"__name__":"requests_total","job":"b"}]"#)),
    Case(target: "/api/v1/labels", json: success(#"["__name__","job"]"#)),
    Case(target: "/api/v1/labels?match[]=absent", json: success("[]")),
    Case(target: "/api/v1/label/job/values", json: success(#"["a","b"]"#)),
    Case(
      target:
        "/api/v1/label/job/values?match[]=%7Bjob!%3D%22a%22,job%3D~%22.%2B%22%7D&match[]=absent",
      json: success(#"["b"]"#)),
    Case(target: "/api/v1/label/U__job/values", json: success(#"["a","b"]"#)),
    Case(
      target: "/api/v1/metadata",
      json: success(
        #"{"requests_total":[{"type":"counter","help":"Requests \"made\".","unit":""}]}"#)),
    Case(target: "/api/v1/metadata?metric=other", json: success("{}")),
    Case(
      target:
        "/api/v1/query_exemplars?query=rate(requests_total%5B1m%5D)%20%2B%20up&start=0&end=61",
      json: success(
        #"[{"seriesLabels":{"__name__":"requests_total","job":"a"},"exemplars":[{"labels":"#
          + #"{"trace_id":"EpTxMJ40fUus7aGY"},"value":"6","timestamp":60.479}]}]"#)),
    Case(target: "/api/v1/query_exemplars?query=requests_total&start=61", json: success("[]")),
    Case(target: "/api/v1/query_exemplars?query=1", json: success("[]")),
  ])
  func goodRequestsAreAnswered(_ row: Case) {
    let answer = answer(row.target)
    #expect(answer.status == row.status)
    #expect(answer.json == row.json)
  }

  @Test(arguments: [
    Case(
      target: "/api/v1/query?query=latency&time=0",
      json: success(
        #"{"resultType":"vector","result":[{"metric":{"__name__":"latency"},"histogram":[0,"#
          + #"{"count":"4.5","sum":"6","buckets":[[1,"-2","-1","0.5"],[3,"-0.25","0.25","1"],"#
          + #"[0,"1","2","3"]]}]}]}"#)),
    Case(
      target: "/api/v1/query_range?query=latency&start=0&end=120&step=1m",
      json: success(
        #"{"resultType":"matrix","result":[{"metric":{"__name__":"latency"},"values":"#
          + #"[[120,"7"]],"histograms":[[0,{"count":"4.5","sum":"6","buckets":"#
          + #"[[1,"-2","-1","0.5"],[3,"-0.25","0.25","1"],[0,"1","2","3"]]}],"#
          + #"[60,{"count":"2","sum":"NaN","buckets":[[3,"-Inf","5","2"]]}]]}]}"#)),
    Case(
      target: "/api/v1/query?query=latency*0&time=0",
      json: success(
        #"{"resultType":"vector","result":[{"metric":{},"histogram":[0,"#
          + #"{"count":"0","sum":"0"}]}]}"#)),
  ])
  func histogramsAreAnswered(_ row: Case) throws {
    var first = NativeHistogram(
      zeroThreshold: 0.25, zeroCount: 1, count: 4.5, sum: 6)
    first.positiveBuckets.append(index: 1, count: 3)
    first.negativeBuckets.append(index: 1, count: 0.5)
    var second = NativeHistogram(
      schema: NativeHistogram.customBoundsSchema, count: 2, sum: .nan, customBounds: [5])
    second.positiveBuckets.append(index: 0, count: 2)
    var batch = SampleBatch()
    let id = try database.seriesID(for: ["__name__": "latency"])
    batch.add(id, timestampMilliseconds: 0, histogram: first)
    batch.add(id, timestampMilliseconds: 60_000, histogram: second)
    batch.add(id, timestampMilliseconds: 120_000, value: 7)
    _ = try database.append(batch)
    let answer = answer(row.target)
    #expect(answer.status == row.status)
    #expect(answer.json == row.json)
  }

  @Test(arguments: [
    Case(
      target: "/api/v1/query?query=sum(", status: 400,
      json: error(
        "bad_data", #"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"#)),
    Case(
      target: "/api/v1/query_exemplars?query=up%7B", status: 400,
      json: error(
        "bad_data",
        #"invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces"#)),
    Case(
      target: "/api/v1/query_exemplars?query=up&start=2&end=1", status: 400,
      json: error(
        "bad_data", #"invalid parameter \"end\": end timestamp must not be before start time"#)),
    Case(
      target: "/api/v1/query?query=up&time=soon", status: 400,
      json: error(
        "bad_data", #"invalid parameter \"time\": cannot parse \"soon\" to a valid timestamp"#)),
    Case(
      target: "/api/v1/query_range?query=up&start=0&end=10", status: 400,
      json: error(
        "bad_data", #"invalid parameter \"step\": cannot parse \"\" to a valid duration"#)),
    Case(
      target: "/api/v1/query_range?query=up&start=0&end=10&step=0", status: 400,
      json: error(
        "bad_data",
        #"invalid parameter \"step\": zero or negative query resolution step widths are not"#
          + " accepted. Try a positive integer")),
    Case(
      target: "/api/v1/query_range?query=up&start=10&end=0&step=1", status: 400,
      json: error(
        "bad_data", #"invalid parameter \"end\": end timestamp must not be before start time"#)),
    Case(
      target: "/api/v1/query_range?query=up&start=0&end=11001&step=1", status: 400,
      json: error(
        "bad_data",
        "exceeded maximum resolution of 11,000 points per timeseries."
          + " Try decreasing the query resolution (?step=XX)")),
    Case(
      target: "/api/v1/query?query=requests_total%20%2B%20on()%20requests_total", status: 422,
      json: error(
        "execution",
        #"found duplicate series for the match group {} on the right hand-side of the operation: "#
          + #"[{__name__=\"requests_total\", job=\"b\"}, {__name__=\"requests_total\", job=\"a\"}]"#
          + ";many-to-many matching not allowed: matching labels must be unique on one side")),
    Case(
      target: "/api/v1/series", status: 400,
      json: error("bad_data", "no match[] parameter provided")),
    Case(
      target: "/api/v1/series?match[]=%7Bjob%3D~%22.*%22%7D", status: 400,
      json: error(
        "bad_data",
        #"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"#)),
    Case(
      target: "/api/v1/query?query=up&time=%zz", status: 400,
      json: error(
        "bad_data",
        #"error parsing form values: \"time=%zz\" is badly encoded, or one parameter too many"#)),
    Case(
      target: "/api/v1/labels?limit=-1", status: 400,
      json: error("bad_data", #"invalid parameter \"limit\": limit must be non-negative"#)),
  ])
  func badRequestsAreRefusedInPrometheusWords(_ row: Case) {
    let answer = answer(row.target)
    #expect(answer.status == row.status)
    #expect(answer.json == row.json)
  }

  @Test func parametersMayComeInTheBodyOrInTheTargetOfAPost() {
    let form = Headers([(name: "Content-Type", value: "application/x-www-form-urlencoded")])
    let expected = Self.success(#"{"resultType":"scalar","result":[7,"3"]}"#)
    #expect(
      answer("/api/v1/query", method: .post, headers: form, body: "query=1%2B2&time=7").json
        == expected)
    #expect(answer("/api/v1/query?query=1%2B2&time=7", method: .post).json == expected)
  }
}
