import HTTPServer
import Pushing

/// `POST /api/v1/write` and the Pushgateway's `/metrics/job/...`.
struct PushEndpoints: Sendable {
  let remoteWrite: RemoteWriteReceiver
  let pushGateway: PushGateway

  func remoteWrite(_ request: Request) -> Response {
    Response(
      remoteWrite.receive(
        body: request.body, contentType: request.headers["Content-Type"],
        contentEncoding: request.headers["Content-Encoding"]))
  }

  func group(_ request: Request) -> Response {
    guard let method = PushMethod(rawValue: request.method.name) else {
      return .text(405, "method not allowed")
    }
    return Response(
      pushGateway.handle(
        method, rawPath: request.rawPath, body: request.body,
        contentType: request.headers["Content-Type"],
        contentEncoding: request.headers["Content-Encoding"]))
  }
}

extension Response {
  /// What a push is answered, as the pushing layer decided.
  fileprivate init(_ answer: PushAnswer) {
    if answer.text.isEmpty {
      self.init(status: answer.status)
    } else {
      self = .text(answer.status, answer.text)
    }
    for (name, value) in answer.headers { headers[name] = value }
  }
}
