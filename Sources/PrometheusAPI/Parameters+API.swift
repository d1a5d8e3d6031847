import HTTPServer
import Numbers
import PromQLSyntax
import SeriesModel
import TSDB

/// Parameters as the Prometheus API writes them.
extension Request {
  /// The moment named by a parameter: Unix seconds with a fraction, or RFC 3339.
  ///
  /// - Returns: Nil when the parameter is absent or empty.
  func timestamp(_ name: String) throws(APIError) -> Timestamp? {
    guard let text = parameters.first(name), text.isEmpty == false else { return nil }
    guard let timestamp = Timestamp(apiText: text) else {
      throw .invalidParameter(
        name, "cannot parse \(text.quotedAsJSON) to a valid timestamp")
    }
    return timestamp
  }

  /// The moment named by a parameter that must be there.
  func requiredTimestamp(_ name: String) throws(APIError) -> Timestamp {
    guard let timestamp = try timestamp(name) else {
      throw .invalidParameter(name, "cannot parse \"\" to a valid timestamp")
    }
    return timestamp
  }

  /// The duration named by a parameter, in milliseconds: seconds with
  /// a fraction, or a Prometheus duration such as `5m`.
  ///
  /// - Returns: Nil when the parameter is absent or empty.
  func milliseconds(_ name: String) throws(APIError) -> Int64? {
    guard let text = parameters.first(name), text.isEmpty == false else { return nil }
    guard let milliseconds = durationMilliseconds(apiText: text) else {
      throw .invalidParameter(name, "cannot parse \(text.quotedAsJSON) to a valid duration")
    }
    return milliseconds
  }

  /// The number named by `limit`; nil when there is no limit.
  func limit(_ name: String = "limit") throws(APIError) -> Int? {
    guard let text = parameters.first(name), text.isEmpty == false else { return nil }
    guard let limit = Int(text) else {
      throw .invalidParameter(name, "cannot parse \(text.quotedAsJSON) to a number")
    }
    guard limit >= 0 else { throw .invalidParameter(name, "limit must be non-negative") }
    return limit == 0 ? nil : limit
  }

  /// The selections named by `match[]` in the time between `start` and `end`.
  func selections(_ database: Database) throws(APIError) -> [SeriesSelection] {
    let start = try timestamp("start") ?? .earliest
    let end = try timestamp("end") ?? .latest
    guard start <= end else {
      throw .invalidParameter("end", "end timestamp must not be before start time")
    }
    var selections: [SeriesSelection] = []
    for selector in parameters.all("match[]") {
      do {
        let matchers = try database.matchers(ofSelector: selector)
        selections.append(SeriesSelection(matchers: matchers, start: start, end: end))
      } catch {
        throw .invalidParameter("match[]", "\(error)")
      }
    }
    return selections
  }
}

extension Timestamp {
  /// Reads Unix seconds with a fraction, or an RFC 3339 date and time.
  package init?(apiText text: String) {
    if let seconds = parseFloat(text) {
      let milliseconds = (seconds * 1000).rounded(.toNearestOrAwayFromZero)
      guard milliseconds >= -0x1p63, milliseconds < 0x1p63 else { return nil }
      self.init(milliseconds: Int64(milliseconds))
    } else if let timestamp = TimeText.timestamp(rfc3339: text) {
      self = timestamp
    } else {
      return nil
    }
  }
}

/// Reads seconds with a fraction, or a Prometheus duration such as `1h30m`;
/// returns milliseconds, or nil when `text` is neither.
package func durationMilliseconds(apiText text: String) -> Int64? {
  if let seconds = parseFloat(text) {
    let milliseconds = seconds * 1000
    guard milliseconds > -0x1p63, milliseconds < 0x1p63 else { return nil }
    return Int64(milliseconds)
  }
  return parseDuration(text)
}
