import HTTPServer
import SeriesModel
import TSDB

/// `series`, `labels`, `label/NAME/values` and `metadata`.
struct SeriesEndpoints: Sendable {
  let database: Database

  func series(_ request: Request) throws -> Response {
    let selections = try request.selections(database)
    guard selections.isEmpty == false else {
      throw APIError(.badData, "no match[] parameter provided")
    }
    let limit = try request.limit()
    let series = try database.series(of: selections)
    return list(series, limit: limit) { json, labels in json.write(labels) }
  }

  func labelNames(_ request: Request) throws -> Response {
    let limit = try request.limit()
    let names = try database.labelNames(of: request.selectionsOrTimeRange(database))
    return list(names, limit: limit) { json, name in json.string(name) }
  }

  func labelValues(_ request: Request) throws -> Response {
    let name = SeriesEndpoints.unescaped(request.captures["name"] ?? "")
    guard name.isEmpty == false else {
      throw APIError(.badData, "invalid label name: \(name.quotedAsJSON)")
    }
    let limit = try request.limit()
    let values = try database.labelValues(
      of: name, in: request.selectionsOrTimeRange(database))
    return list(values, limit: limit) { json, value in json.string(value) }
  }

  func metadata(_ request: Request) throws -> Response {
    let limit = try request.limit()
    let perMetric = try request.limit("limit_per_metric")
    let metric = request.parameters.first("metric").flatMap { $0.isEmpty ? nil : $0 }
    var families = database.metadata.sorted { $0.key < $1.key }
    if let metric { families.removeAll { $0.key != metric } }
    if let limit { families = Array(families.prefix(limit)) }
    return successResponse { json in
      json.object { json in
        for (family, metadata) in families {
          json.name(family)
          json.array { json in
            // One description is kept of each family: the newest.
            for metadata in [metadata].prefix(perMetric ?? 1) {
              json.object { json in
                json.member("type", metadata.type.rawValue)
                json.member("help", metadata.help)
                json.member("unit", metadata.unit)
              }
            }
          }
        }
      }
    }
  }

  private func list<Element>(
    _ elements: [Element], limit: Int?, _ write: (inout JSONWriter, Element) -> Void
  ) -> Response {
    let shown = elements.prefix(limit ?? elements.count)
    return successResponse(
      warnings: shown.count < elements.count ? [truncationWarning] : []
    ) { json in
      json.array { json in
        for element in shown { write(&json, element) }
      }
    }
  }

  /// Undoes the escaping of names that are no identifiers: `U__a_2e_b` is
  /// `a.b`, and `__` is one underscore.
  ///
  /// Anything malformed is taken as it is.
  static func unescaped(_ name: String) -> String {
    guard name.hasPrefix("U__") else { return name }
    var text = ""
    var rest = name.dropFirst(3)
    while let character = rest.popFirst() {
      guard character == "_" else {
        text.append(character)
        continue
      }
      if rest.first == "_" {
        rest.removeFirst()
        text.append("_")
        continue
      }
      guard let end = rest.firstIndex(of: "_"), let code = UInt32(rest[..<end], radix: 16),
        let scalar = Unicode.Scalar(code)
      else { return name }
      text.unicodeScalars.append(scalar)
      rest = rest[rest.index(after: end)...]
    }
    return text
  }
}

extension Request {
  /// The selections of `match[]`; without any, one of every series in the time
  /// range, or none at all when there is no time range either.
  fileprivate func selectionsOrTimeRange(
    _ database: Database
  ) throws(APIError) -> [SeriesSelection] {
    let selections = try selections(database)
    guard selections.isEmpty else { return selections }
    let start = try timestamp("start")
    let end = try timestamp("end")
    guard start != nil || end != nil else { return [] }
    return [
      SeriesSelection(matchers: [], start: start ?? .earliest, end: end ?? .latest)
    ]
  }
}
