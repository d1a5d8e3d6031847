import Foundation
import HTTPServer
import SeriesModel
import TSDB
import TestSupport
import Testing

@testable import PrometheusAPI

/// What a server knows of its queries: which run, what they cost, where they
/// are written down.
@Suite struct QuerySupervisionTests {
  private let database: Database
  private let supervision = QuerySupervision()
  private let router: Router

  init() throws {
    database = try Database.inMemory()
    var batch = SampleBatch()
    for job in ["a", "b"] {
      let id = try database.seriesID(for: ["__name__": "up", "job": job])
      for step in 0..<10 { batch.add(id, timestampMilliseconds: Int64(step) * 60_000, value: 1) }
    }
    _ = try database.append(batch)
    router = Router(
      Routes.queries(
        database: database, clock: { Timestamp(milliseconds: 540_000) }, supervision: supervision))
  }

  private func answer(_ target: String) -> (status: Int, json: String) {
    let response = router.respond(to: Request(target: target))
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  // MARK: Formatting and parsing

  @Test func queriesAreFormatted() {
    #expect(
      answer("/api/v1/format_query?query=sum(up)by(job)").json
        == #"{"status":"success","data":"sum by (job) (up)"}"#)
    let failure = answer("/api/v1/format_query?query=sum(")
    #expect(failure.status == 400)
    #expect(failure.json.contains(#""errorType":"bad_data""#))
  }

  struct SyntaxCase: Sendable, CustomTestStringConvertible {
    let query: String
    let json: String

    var testDescription: String { query }
  }

  static let syntaxCases = [
    SyntaxCase(query: "1", json: #"{"type":"numberLiteral","val":"1"}"#),
    SyntaxCase(query: "'x'", json: #"{"type":"stringLiteral","val":"x"}"#),
    SyntaxCase(
      query: "-up%7Bjob=~'a'%7D%20offset%205m",
      json: #"""
        {"expr":{"anchored":false,"matchers":[{"name":"job","type":"=~","value":"a"},\#
        {"name":"__name__","type":"=","value":"up"}],"name":"up","offset":300000,\#
        "smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"},\#
        "op":"-","type":"unaryExpr"}
        """#),
    SyntaxCase(
      query: "rate(up%5B5m%5D%20@%2060)",
      json: #"""
        {"args":[{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"up"}],\#
        "name":"up","offset":0,"range":300000,"smoothed":false,"startOrEnd":null,\#
        "timestamp":60000,"type":"matrixSelector"}],"func":{"argTypes":["matrix"],\#
        "name":"rate","returnType":"vector","variadic":0},"type":"call"}
        """#),
    SyntaxCase(
      query: "(topk%20without%20(a)%20(2,vector(1)))",
      json: #"""
        {"expr":{"expr":{"args":[{"type":"numberLiteral","val":"1"}],"func":{"argTypes":\#
        ["scalar"],"name":"vector","returnType":"vector","variadic":0},"type":"call"},\#
        "grouping":["a"],"op":"topk","param":{"type":"numberLiteral","val":"2"},\#
        "type":"aggregation","without":true},"type":"parenExpr"}
        """#),
    SyntaxCase(
      query: "max_over_time((up)%5B1h:5m%5D%20@%20end()%20offset%20-1m)",
      json: #"""
        {"args":[{"expr":{"expr":{"anchored":false,"matchers":[{"name":"__name__","type":"=",\#
        "value":"up"}],"name":"up","offset":0,"smoothed":false,"startOrEnd":null,\#
        "timestamp":null,"type":"vectorSelector"},"type":"parenExpr"},"offset":-60000,"range":3600000,"startOrEnd":"end","step":300000,"timestamp":null,\#
        "type":"subquery"}],"func":{"argTypes":["matrix"],"name":"max_over_time",\#
        "returnType":"vector","variadic":0},"type":"call"}
        """#),
    SyntaxCase(
      query: "1%20%2B%20bool_",
      json: #"""
        {"bool":false,"lhs":{"type":"numberLiteral","val":"1"},"matching":null,"op":"+","rhs":\#
        {"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"bool_"}],\#
        "name":"bool_","offset":0,"smoothed":false,"startOrEnd":null,"timestamp":null,\#
        "type":"vectorSelector"},"type":"binaryExpr"}
        """#),
  ]

  @Test(arguments: syntaxCases)
  func syntaxTreesAreAnswered(_ row: SyntaxCase) {
    #expect(
      answer("/api/v1/parse_query?query=\(row.query)").json
        == #"{"status":"success","data":\#(row.json)}"#)
  }

  @Test func matchingIsInTheTree() {
    let answer = answer(
      "/api/v1/parse_query?query=up%20%3E%20bool%20on(a)%20group_left(b)%20fill_right(0)%20up")
    #expect(
      answer.json.contains(
        #""matching":{"card":"many-to-one","fillValues":{"lhs":null,"rhs":0},"include":["b"],"#
          + #""labels":["a"],"on":true},"op":">","#), "\(answer.json)")
    #expect(answer.json.contains(#"{"bool":true,"lhs":"#))
  }

  // MARK: Limits

  @Test(arguments: ["query", "format_query", "parse_query", "query_exemplars"])
  func longQueriesAreRefused(_ endpoint: String) {
    var short = supervision
    short.maximumByteCount = 5
    let router = Router(
      Routes.queries(database: database, clock: { .now }, supervision: short))
    let longest = router.respond(to: Request(target: "/api/v1/\(endpoint)?query=1%2B1%2B1"))
    #expect(longest.status == 200)
    let longer = router.respond(to: Request(target: "/api/v1/\(endpoint)?query=1%2B1%2B11"))
    #expect(longer.status == 400)
    let json = String(decoding: longer.body, as: UTF8.self)
    #expect(json.contains("the text has 6 bytes, and 5 are allowed"))
    #expect(json.contains("--query.max-length"))
  }

  // MARK: Statistics

  @Test func statisticsTellTheSamplesOfEachStep() {
    let plain = answer("/api/v1/query_range?query=up&start=0&end=120&step=60&stats=1").json
    #expect(plain.contains(#""totalQueryableSamples":6,"#))
    #expect(plain.contains("PerStep") == false)
    for name in [
      "evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime",
      "execQueueTime", "execTotalTime",
    ] {
      #expect(plain.contains("\"\(name)\":"))
    }
    let all = answer("/api/v1/query_range?query=up&start=0&end=120&step=60&stats=all").json
    #expect(all.contains(#""totalQueryableSamplesPerStep":[[0,2],[60,2],[120,2]],"#), "\(all)")
  }

  @Test func windowsCountAtTheirStep() {
    let all = answer(
      "/api/v1/query_range?query=sum_over_time(up%7Bjob='a'%7D%5B2m%5D)"
        + "&start=0&end=120&step=60&stats=all"
    ).json
    #expect(all.contains(#""totalQueryableSamplesPerStep":[[0,1],[60,2],[120,2]],"#), "\(all)")
    #expect(all.contains(#""totalQueryableSamples":5,"#))
  }

  // MARK: Running queries

  @Test func runningQueriesAreListedAndCancelled() throws {
    let active = ActiveQueries()
    let endpoints = ActiveQueryEndpoints(active: active, isCancellingEnabled: true)
    let router = Router([Route([.delete], "/{id}", handler: answering(endpoints.cancel))])
    func delete(_ id: Int) -> Int {
      router.respond(to: Request(method: .delete, target: "/\(id)")).status
    }
    #expect(active.all.isEmpty)
    let cancellation = QueryCancellation()
    var options = QueryOptions()
    options.cancellation = cancellation
    active.running(
      "up", .instant(Timestamp(milliseconds: 1500)), client: "here:1", start: .now,
      options: options
    ) { query, options in
      #expect(active.all.map(\.text) == ["up"])
      let list = String(
        decoding: endpoints.list(Request(target: "/")).body, as: UTF8.self)
      #expect(
        list.hasPrefix(
          #"{"status":"success","data":[{"id":1,"query":"up","time":"1970-01-01T00:00:01.500Z","#),
        "\(list)")
      #expect(list.contains(#""client":"here:1""#))
      #expect(delete(2) == 404)
      #expect(options.cancellation?.isCancelled == false)
      #expect(delete(1) == 204)
      #expect(options.cancellation?.isCancelled == true)
    }
    #expect(active.all.isEmpty)
    #expect(delete(1) == 404)
  }

  @Test func cancellingNeedsTheAdminInterface() {
    let endpoints = ActiveQueryEndpoints(active: ActiveQueries(), isCancellingEnabled: false)
    let response = answering(endpoints.cancel)(Request(method: .delete, target: "/"))
    #expect(String(decoding: response.body, as: UTF8.self).contains("admin APIs disabled"))
  }

  // MARK: Log

  private struct LogLine: Decodable {
    struct Parameters: Decodable {
      let query: String
      let start: String
      let end: String
      let step: Int
    }
    struct Request: Decodable {
      let method: String
      let path: String
    }
    let level: String
    let msg: String
    let params: Parameters
    let httpRequest: Request
    let error: String?
  }

  private func lines(of path: String) throws -> [LogLine] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try JSONDecoder().decode(LogLine.self, from: Data(line.utf8))
    }
  }

  @Test func queriesAreLogged() throws {
    let directory = TemporaryDirectory()
    let path = directory.path("queries.log")
    try supervision.log.use(path: path)
    _ = answer("/api/v1/query?query=up&time=1.5")
    _ = answer("/api/v1/query_range?query=up*2&start=0&end=60&step=15")
    _ = answer("/api/v1/query?query=up%20%2B%20on()%20up&time=60")
    let lines = try lines(of: path)
    #expect(lines.map(\.params.query) == ["up", "up*2", "up + on() up"])
    #expect(lines.map(\.params.step) == [0, 15, 0])
    #expect(lines[0].params.start == "1970-01-01T00:00:01.500Z")
    #expect(lines[1].params.end == "1970-01-01T00:01:00Z")
    #expect(
      lines.map(\.httpRequest.path) == ["query", "query_range", "query"].map { "/api/v1/\($0)" })
    #expect(lines[1].error == nil)
    #expect(lines[2].error?.contains("duplicate series") == true)
    #expect(lines.allSatisfy { $0.msg == "promql query logged" && $0.level == "INFO" })
  }

  /// The log is moved away, and begun anew under its name.
  @Test func logIsOpenedAnew() throws {
    let directory = TemporaryDirectory()
    let path = directory.path("queries.log")
    try supervision.log.use(path: path)
    _ = answer("/api/v1/query?query=1")
    try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
    _ = answer("/api/v1/query?query=2")
    try supervision.log.use(path: path)
    _ = answer("/api/v1/query?query=3")
    #expect(try lines(of: path + ".old").map(\.params.query) == ["1", "2"])
    #expect(try lines(of: path).map(\.params.query) == ["3"])
    try supervision.log.use(path: nil)
    #expect(supervision.log.isOpen == false)
    #expect(throws: QueryLog.Failure.self) {
      try supervision.log.use(path: directory.path("none/queries.log"))
    }
  }

  // MARK: Cardinality

  private func statistics(_ query: String = "") -> (status: Int, json: String) {
    let endpoint = StatisticsEndpoint(database: database)
    let response = answering(endpoint.statistics)(Request(target: "/?\(query)"))
    return (response.status, String(decoding: response.body, as: UTF8.self))
  }

  @Test func cardinalityIsCounted() throws {
    try database.append(
      1, to: ["__name__": "load", "job": "a", "cpu": "10"], at: Timestamp(milliseconds: 700_000))
    let expected = #"""
      {"status":"success","data":{"headStats":{"numSeries":3,"numLabelPairs":5,\#
      "chunkCount":3,"minTime":0,"maxTime":700000},"seriesCountByMetricName":\#
      [{"name":"up","value":2},{"name":"load","value":1}],"labelValueCountByLabelName":\#
      [{"name":"__name__","value":2},{"name":"job","value":2},{"name":"cpu","value":1}],\#
      "memoryInBytesByLabelName":[{"name":"__name__","value":8},{"name":"job","value":3},\#
      {"name":"cpu","value":2}],"seriesCountByLabelValuePair":[{"name":"__name__=up",\#
      "value":2},{"name":"job=a","value":2},{"name":"__name__=load","value":1},\#
      {"name":"cpu=10","value":1},{"name":"job=b","value":1}]}}
      """#
    #expect(statistics().json == expected)
    let limited = statistics("limit=1").json
    #expect(limited.contains(#""seriesCountByMetricName":[{"name":"up","value":2}],"#))
  }

  @Test(arguments: ["0", "-1", "x", "10001"])
  func badLimitsAreRefused(_ limit: String) {
    #expect(statistics("limit=\(limit)").status == 400)
  }
}
