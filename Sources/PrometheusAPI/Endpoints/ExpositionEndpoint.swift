import HTTPServer
import Instrumentation

/// `/metrics`: the server's own metrics.
struct ExpositionEndpoint: Sendable {
  let registry: Registry

  func metrics(_ request: Request) -> Response {
    var text: [UInt8] = []
    registry.writeText(into: &text)
    return Response(status: 200, contentType: Registry.textContentType, body: text)
  }
}
