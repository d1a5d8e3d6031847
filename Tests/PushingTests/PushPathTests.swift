import Pushing
import SeriesModel
import Testing

@Suite struct PushPathTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let path: String
    let labels: Labels
    var removed: [String] = []
    var testDescription: String { path }
  }

  static let rows: [Row] = [
    Row(path: "/metrics/job/J", labels: ["job": "J"]),
    Row(path: "/metrics/job/J/", labels: ["job": "J"]),
    Row(path: "/metrics/job/J/a/b", labels: ["job": "J", "a": "b"]),
    Row(path: "/metrics/job/J/b/2/a/1", labels: ["job": "J", "a": "1", "b": "2"]),
    Row(path: "/metrics/job/J/a/", labels: ["job": "J"], removed: ["a"]),
    Row(path: "/metrics/job/J/a@base64/=", labels: ["job": "J"], removed: ["a"]),
    Row(path: "/metrics/job/J/a/1/a/2", labels: ["job": "J", "a": "2"]),
    Row(path: "/metrics/job/J/a@base64/=/a/2", labels: ["job": "J", "a": "2"]),
    Row(path: "/metrics/job/x/job/zz", labels: ["job": "x"]),
    Row(path: "/metrics/job/x/job@base64/=", labels: ["job": "x"]),
    Row(path: "/metrics/job/some+job/a/b+c", labels: ["job": "some+job", "a": "b+c"]),
    Row(path: "/metrics/job/a%20b/c/%C3%BC%25", labels: ["job": "a b", "c": "ü%"]),
    Row(path: "/metrics/job/J/path/%2Fvar%2Ftmp", labels: ["job": "J", "path": "/var/tmp"]),
    Row(path: "/metrics/job/J/path/%2e%2E", labels: ["job": "J", "path": ".."]),
    Row(
      path: "/metrics/job/J/path@base64/L3Zhci90bXA=", labels: ["job": "J", "path": "/var/tmp"]),
    Row(path: "/metrics/job/J/path@base64/L3Zhci90bXA", labels: ["job": "J", "path": "/var/tmp"]),
    Row(
      path: "/metrics/job/J/path@base64/L3Zhci90bXA%3D", labels: ["job": "J", "path": "/var/tmp"]),
    Row(path: "/metrics/job/J/a@base64/w7_Dvj8-", labels: ["job": "J", "a": "ÿþ?>"]),
    Row(path: "/metrics/job@base64/YS9i/c/d", labels: ["job": "a/b", "c": "d"]),
    Row(path: "/metrics/job/J/instance/127.0.0.1", labels: ["job": "J", "instance": "127.0.0.1"]),
    Row(path: "/metrics/job/J/step/None", labels: ["job": "J", "step": "None"]),
  ]

  @Test(arguments: rows) func pathNamesAGroup(_ row: Row) throws {
    let path = try PushPath(rawPath: row.path)
    #expect(path.groupingLabels == row.labels)
    #expect(path.removedLabelNames == row.removed)
  }

  static let refused: [(String, PushPathError)] = [
    ("/metrics", .notFound),
    ("/metrics/", .notFound),
    ("/metrics/jobs/x", .notFound),
    ("/other/job/x", .notFound),
    ("metrics/job/x", .needsCleaning(path: "/metrics/job/x")),
    ("/metrics/job", .missingJob),
    ("/metrics/job/", .missingJob),
    ("/metrics/job@base64/=", .missingJob),
    ("/metrics/job/J/a", .oddComponents(labels: "/a")),
    ("/metrics/job/J/a/b/c", .oddComponents(labels: "/a/b/c")),
    ("/metrics/job/J/a/b/", .oddComponents(labels: "/a/b/")),
    ("//metrics/job/J", .needsCleaning(path: "/metrics/job/J")),
    ("/metrics/job/J/a//b/c", .needsCleaning(path: "/metrics/job/J/a/b/c")),
    ("/metrics/job/J/a/.", .needsCleaning(path: "/metrics/job/J/a")),
    ("/metrics/job/J/a/..", .needsCleaning(path: "/metrics/job/J")),
    ("/../../metrics/job/J/", .needsCleaning(path: "/metrics/job/J/")),
    ("/metrics/job/J/a-b/1", .improperLabelName("a-b")),
    ("/metrics/job/J/a%2Db/1", .improperLabelName("a-b")),
    ("/metrics/job/J/1a/1", .improperLabelName("1a")),
    ("/metrics/job/J/__x/1", .improperLabelName("__x")),
    ("/metrics/job/J/__name__/1", .improperLabelName("__name__")),
    ("/metrics/job/J/@base64/YQ", .improperLabelName("")),
    ("/metrics/job/J/a@base64/!!!", .invalidBase64(name: "a", value: "!!!")),
    ("/metrics/job/J/a@base64/Y", .invalidBase64(name: "a", value: "Y")),
    ("/metrics/job/J/a@base64/++++", .invalidBase64(name: "a", value: "++++")),
    ("/metrics/job/J/a@base64/Y=Q", .invalidBase64(name: "a", value: "Y=Q")),
    ("/metrics/job/J/a@base64/-_-_", .invalidText(component: "-_-_")),
    ("/metrics/job/J/a/%FF", .invalidText(component: "%FF")),
    ("/metrics/job/J/a/%G0", .invalidText(component: "%G0")),
    ("/metrics/job/J/a/%4", .invalidText(component: "%4")),
    ("/metrics/job/%/a/b", .invalidText(component: "%")),
  ]

  @Test(arguments: refused) func pathIsRefused(_ path: String, _ error: PushPathError) {
    #expect(throws: error) { try PushPath(rawPath: path) }
    #expect(error.description.isEmpty == false)
  }
}
