import HTTPServer
import SeriesModel
import TSDB

/// `status/tsdb`: what makes the database have many series.
struct StatisticsEndpoint: Sendable {
  let database: Database

  private static let defaultLimit = 10
  private static let maximumLimit = 10_000

  func statistics(_ request: Request) throws -> Response {
    let cardinality = try database.cardinality(limit: limit(of: request))
    return successResponse { json in
      json.object { json in
        json.name("headStats")
        json.object { json in
          json.member("numSeries", cardinality.seriesCount)
          json.member("numLabelPairs", cardinality.labelCount)
          json.member("chunkCount", cardinality.chunkCount)
          json.member("minTime", Int(cardinality.oldest?.milliseconds ?? .max))
          json.member("maxTime", Int(cardinality.newest?.milliseconds ?? .min))
        }
        json.member("seriesCountByMetricName", cardinality.seriesOfMetrics)
        json.member("labelValueCountByLabelName", cardinality.valuesOfNames)
        json.member("memoryInBytesByLabelName", cardinality.valueBytesOfNames)
        json.member("seriesCountByLabelValuePair", cardinality.seriesOfLabels)
      }
    }
  }

  private func limit(of request: Request) throws(APIError) -> Int {
    guard let text = request.parameters.first("limit"), text.isEmpty == false else {
      return StatisticsEndpoint.defaultLimit
    }
    guard let limit = Int(text), limit > 0 else {
      throw APIError(.badData, "limit must be a positive number")
    }
    guard limit <= StatisticsEndpoint.maximumLimit else {
      throw APIError(.badData, "limit must not exceed \(StatisticsEndpoint.maximumLimit)")
    }
    return limit
  }
}

extension JSONWriter {
  fileprivate mutating func member(_ name: String, _ entries: [DatabaseCardinality.Entry]) {
    self.name(name)
    array { json in
      for entry in entries {
        json.object { json in
          json.member("name", entry.name)
          json.member("value", entry.count)
        }
      }
    }
  }
}
