import HTTPServer
import Testing

struct ParametersTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let query: String
    let pairs: [String]
    var malformed: String?
    var testDescription: String { query.isEmpty ? "empty" : query }
  }

  @Test(arguments: [
    Row(query: "", pairs: []),
    Row(query: "a=1&b=2&a=3", pairs: ["a=1", "b=2", "a=3"]),
    Row(query: "a", pairs: ["a="]),
    Row(query: "a=&=b&&", pairs: ["a=", "=b"]),
    Row(query: "a=b=c", pairs: ["a=b=c"]),
    Row(query: "q=up+1", pairs: ["q=up 1"]),
    Row(query: "q=up%2B1%20%26", pairs: ["q=up+1 &"]),
    Row(query: "match%5B%5D=%7Ba%3D%22b%22%7D", pairs: ["match[]={a=\"b\"}"]),
    Row(query: "s=%C3%A9&t=%e2%82%ac", pairs: ["s=é", "t=€"]),
    Row(query: "a=%&b=2", pairs: ["b=2"], malformed: "a=%"),
    Row(query: "a=%4&b=%zz", pairs: [], malformed: "a=%4"),
    Row(query: "a=1;b=2&c=3", pairs: ["c=3"], malformed: "a=1;b=2"),
  ])
  func queryIsDecoded(row: Row) {
    let parameters = Parameters(query: row.query)
    #expect(parameters.pairs.map { "\($0.name)=\($0.value)" } == row.pairs)
    #expect(parameters.firstMalformedPart == row.malformed)
  }

  @Test func parametersBeyondTheLimitAreLeftOut() {
    let limit = Parameters.maximumPairCount
    let full = String(repeating: "a&", count: limit)
    #expect(Parameters(query: full).firstMalformedPart == nil)
    let beyond = Parameters(form: full, query: "b=1&c=2")
    #expect(beyond.pairs.count == limit)
    #expect(beyond.firstMalformedPart == "b=1")
  }

  struct Form: Sendable, CustomTestStringConvertible {
    let method: Method
    let contentType: String?
    let values: [String]
    var testDescription: String { "\(method) \(contentType ?? "-")" }
  }

  @Test(arguments: [
    Form(method: .post, contentType: "application/x-www-form-urlencoded", values: ["body", "url"]),
    Form(
      method: .post, contentType: "Application/X-WWW-Form-Urlencoded; charset=utf-8",
      values: ["body", "url"]),
    Form(method: .put, contentType: "application/x-www-form-urlencoded", values: ["body", "url"]),
    Form(method: .get, contentType: "application/x-www-form-urlencoded", values: ["url"]),
    Form(method: .post, contentType: nil, values: ["url"]),
    Form(method: .post, contentType: "text/plain", values: ["url"]),
  ])
  func formBodyComesBeforeTheQuery(form: Form) {
    var headers = Headers()
    headers["content-type"] = form.contentType
    let request = Request(
      method: form.method, target: "/x?q=url", headers: headers, body: Array("q=body".utf8))
    #expect(request.parameters.all("q") == form.values)
    #expect(request.parameters.first("q") == form.values.first)
    #expect(request.parameters.first("Q") == nil)
  }

  @Test(arguments: [
    ("/a/b?c=d?e", "/a/b", "c=d?e"),
    ("/", "/", ""),
    ("http://host:1/a?b", "/a", "b"),
    ("http://host", "/", ""),
    ("/a%2Fb/+", "/a%2Fb/+", ""),
    ("*", "*", ""),
  ])
  func targetIsSplit(target: String, path: String, query: String) {
    let request = Request(target: target)
    #expect(request.rawPath == path)
    #expect(request.rawQuery == query)
  }

  @Test func plusIsDecodedInQueriesOnly() {
    #expect(PercentDecoding.text("a+b%41", plusIsSpace: true) == "a bA")
    #expect(PercentDecoding.text("a+b%41", plusIsSpace: false) == "a+bA")
    #expect(PercentDecoding.text("plain", plusIsSpace: true) == "plain")
    #expect(PercentDecoding.bytes("%ff%00", plusIsSpace: false) == [0xFF, 0])
    #expect(Request(target: "/a%2").path == nil)
    #expect(Request(target: "/a%20b").path == "/a b")
  }

  @Test func headerNamesIgnoreCase() {
    var headers = Headers([(name: "Accept", value: "a"), (name: "ACCEPT", value: "b")])
    #expect(headers["accept"] == "a")
    #expect(headers.all("Accept") == ["a", "b"])
    headers["accept"] = "c"
    #expect(headers.fields == [Headers.Field(name: "accept", value: "c")])
    headers["Accept"] = nil
    #expect(headers.fields.isEmpty)
    // Only letters have case: "[" and "{" differ by the same bit.
    #expect(Headers([(name: "a[", value: "1")])["a{"] == nil)
  }
}
