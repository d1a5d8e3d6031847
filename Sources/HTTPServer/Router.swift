/// Answers one request.
package typealias Handler = @Sendable (Request) -> Response

/// One entry of the route table.
package struct Route: Sendable {
  /// How long a handler takes, which decides what it waits for.
  package enum Work: Sendable {
    /// Not long, though it may block: so many at a time.
    case brief
    /// Maybe long: so many at a time, and however many wait for their turn,
    /// ``brief`` routes are served meanwhile.
    case long
    /// Microseconds, and it never blocks: runs at once, however busy the server
    /// is.
    case immediate
  }

  /// The methods it answers; `GET` includes `HEAD`.
  package let methods: [Method]
  /// The path pattern, see ``Router``.
  package let pattern: String
  /// How long the handler takes.
  package let work: Work
  /// The handler.
  package let handler: Handler

  /// Creates an entry.
  package init(
    _ methods: [Method], _ pattern: String, work: Work = .brief,
    handler: @escaping Handler
  ) {
    self.methods = methods
    self.pattern = pattern
    self.work = work
    self.handler = handler
  }

  func answers(_ method: Method) -> Bool {
    methods.contains(method) || (method == .head && methods.contains(.get))
  }
}

/// Finds the route of a request.
///
/// A pattern is a path of segments, compared with the path as sent:
///
/// | segment | matches | captured |
/// |---|---|---|
/// | `text` | the same text | |
/// | `{name}` | one segment that is not empty | percent-decoded |
/// | `{name...}` (last only) | all that is left, also nothing | as sent |
///
/// The more literal pattern wins, whatever the order of the table.
package struct Router: Sendable {
  private enum Segment {
    case literal(String)
    case capture(String)
    case rest(String)

    /// Smaller is more literal.
    var rank: Int {
      switch self {
      case .literal: 0
      case .capture: 1
      case .rest: 2
      }
    }
  }

  private struct PatternRoute {
    let segments: [Segment]
    let route: Route
  }

  /// What to do for a request.
  struct Resolution {
    var request: Request
    let work: Route.Work
    let handler: Handler
  }

  private let literalRoutes: [String: [Route]]
  private let patternRoutes: [PatternRoute]
  private let fallback: Handler

  /// Creates a router.
  ///
  /// - Parameters:
  ///   - routes: The table.
  ///   - fallback: Answers paths that no pattern matches, as immediate work; a
  ///     404 when `nil`.
  /// - Precondition: Patterns start with `/`, and no two routes have both
  ///   pattern and method in common.
  package init(_ routes: [Route], fallback: Handler? = nil) {
    var literalRoutes: [String: [Route]] = [:]
    var patternRoutes: [PatternRoute] = []
    var seen: Set<String> = []
    for route in routes {
      precondition(route.pattern.hasPrefix("/"), "the pattern \(route.pattern) has no leading /")
      for method in route.methods {
        precondition(
          seen.insert("\(method) \(route.pattern)").inserted,
          "two routes for \(method) \(route.pattern)")
      }
      let segments = Self.segments(of: route.pattern)
      if segments.allSatisfy({ $0.rank == 0 }) {
        literalRoutes[route.pattern, default: []].append(route)
      } else {
        patternRoutes.append(PatternRoute(segments: segments, route: route))
      }
    }
    patternRoutes.sort { left, right in
      left.segments.lazy.map(\.rank).lexicographicallyPrecedes(right.segments.lazy.map(\.rank))
    }
    self.literalRoutes = literalRoutes
    self.patternRoutes = patternRoutes
    self.fallback = fallback ?? { _ in .notFound }
  }

  /// Answers a request on the calling thread.
  package func respond(to request: Request) -> Response {
    let resolution = resolve(request)
    return resolution.handler(resolution.request)
  }

  /// Finds the handler, and fills the request's captures.
  ///
  /// - Complexity: One look-up for patterns without captures, else linear in
  ///   the number of patterns that have some.
  func resolve(_ request: Request) -> Resolution {
    var allowed: [Method] = []
    for route in literalRoutes[request.rawPath] ?? [] {
      if route.answers(request.method) {
        return Resolution(request: request, work: route.work, handler: route.handler)
      }
      allowed += route.methods
    }
    let path = request.rawPath.utf8.dropFirst().split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
    ).map { Substring($0) }
    for candidate in patternRoutes {
      guard let captures = Self.match(candidate.segments, path) else { continue }
      guard candidate.route.answers(request.method) else {
        allowed += candidate.route.methods
        continue
      }
      return resolution(of: request, by: candidate.route, captures: captures)
    }
    if allowed.isEmpty {
      return Resolution(request: request, work: .immediate, handler: fallback)
    }
    if allowed.contains(.get) { allowed.append(.head) }
    let names = Set(allowed).sorted { $0.name < $1.name }
    return Resolution(request: request, work: .immediate) { _ in
      .methodNotAllowed(names)
    }
  }

  private func resolution(
    of request: Request, by route: Route, captures: [(Segment, Substring)]
  ) -> Resolution {
    var request = request
    for (segment, text) in captures {
      switch segment {
      case .literal:
        break
      case .rest(let name):
        request.captures[name] = String(text)
      case .capture(let name):
        guard let decoded = PercentDecoding.text(text, plusIsSpace: false) else {
          return Resolution(request: request, work: .immediate) { _ in .malformedPath }
        }
        request.captures[name] = decoded
      }
    }
    return Resolution(request: request, work: route.work, handler: route.handler)
  }

  private static func segments(of pattern: String) -> [Segment] {
    let parts = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    return parts.enumerated().map { index, part in
      guard part.hasPrefix("{"), part.hasSuffix("}") else { return .literal(String(part)) }
      let name = part.dropFirst().dropLast()
      guard name.hasSuffix("...") else { return .capture(String(name)) }
      precondition(index == parts.count - 1, "only the last segment of \(pattern) may be a rest")
      return .rest(String(name.dropLast(3)))
    }
  }

  /// The captured texts, or `nil` when the path doesn't match.
  private static func match(
    _ pattern: [Segment], _ path: [Substring]
  ) -> [(Segment, Substring)]? {
    var captures: [(Segment, Substring)] = []
    for (index, segment) in pattern.enumerated() {
      guard index < path.count else { return nil }
      switch segment {
      case .literal(let text):
        guard path[index] == text else { return nil }
      case .capture:
        guard !path[index].isEmpty else { return nil }
        captures.append((segment, path[index]))
      case .rest:
        captures.append((segment, path[index...].joined(separator: "/")[...]))
        return captures
      }
    }
    return pattern.count == path.count ? captures : nil
  }
}
