import HTTPServer
import Testing

struct RouterTests {
  private static let router = Router([
    named([.get, .post], "/api/v1/query"),
    named([.get], "/api/v1/label/{name}/values"),
    named([.get], "/api/v1/label/special/values"),
    named([.put, .post, .delete], "/metrics/job/{labels...}"),
    named([.get], "/metrics"),
    named([.delete], "/metrics"),
    named([.get], "/"),
    named([.get], "/{page}"),
  ])

  private static func named(_ methods: [Method], _ pattern: String) -> Route {
    Route(methods, pattern) { request in
      let captures = request.captures.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      return .text(200, ([pattern] + captures).joined(separator: " "))
    }
  }

  @Test(arguments: [
    (Method.get, "/api/v1/query?query=up", "/api/v1/query"),
    (.head, "/api/v1/query", "/api/v1/query"),
    (.post, "/api/v1/query", "/api/v1/query"),
    (.get, "/api/v1/label/job/values", "/api/v1/label/{name}/values name=job"),
    (.get, "/api/v1/label/a%2Fb+c/values", "/api/v1/label/{name}/values name=a/b+c"),
    (.get, "/api/v1/label/special/values", "/api/v1/label/special/values"),
    (.put, "/metrics/job/a%2Fb/c/", "/metrics/job/{labels...} labels=a%2Fb/c/"),
    (.put, "/metrics/job/", "/metrics/job/{labels...} labels="),
    (.delete, "/metrics", "/metrics"),
    (.get, "/", "/"),
    (.get, "/graph", "/{page} page=graph"),
  ])
  func mostLiteralPatternAnswers(method: Method, target: String, text: String) {
    let response = Self.router.respond(to: Request(method: method, target: target))
    #expect(response.status == 200)
    #expect(String(decoding: response.body, as: UTF8.self) == text + "\n")
  }

  @Test(arguments: [
    "/api/v1", "/api/v1/query/", "//api/v1/query", "/api/v1/label//values",
    "/api/v1/label/a/b/values", "/API/v1/query", "*", "/metrics/job",
  ])
  func unknownPathIsNotFound(target: String) {
    #expect(Self.router.respond(to: Request(target: target)).status == 404)
  }

  @Test(arguments: [
    (Method.delete, "/api/v1/query", "GET, HEAD, POST"),
    (.put, "/metrics", "DELETE, GET, HEAD"),
    (.get, "/metrics/job/x", "DELETE, POST, PUT"),
    (.options, "/api/v1/label/a/values", "GET, HEAD"),
  ])
  func wrongMethodIsToldTheRightOnes(method: Method, target: String, allowed: String) {
    let response = Self.router.respond(to: Request(method: method, target: target))
    #expect(response.status == 405)
    #expect(response.headers["Allow"] == allowed)
  }

  @Test func capturedSegmentMustBeDecodable() {
    let request = Request(target: "/api/v1/label/a%zz/values")
    #expect(Self.router.respond(to: request).status == 400)
  }

  @Test func fallbackAnswersUnknownPaths() {
    let router = Router([]) { .text(301, $0.rawPath) }
    #expect(router.respond(to: Request(target: "//x")).status == 301)
  }
}
