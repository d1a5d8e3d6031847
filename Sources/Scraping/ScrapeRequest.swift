import Configuration
import Exposition
import HTTPClient

extension ScrapeTarget {
  /// What a scrape asks for.
  func fetchRequest(userAgent: String) -> FetchRequest {
    var request = FetchRequest(url: url)
    request.headers = [
      ("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1"),
      ("X-Prometheus-Scrape-Timeout-Seconds", timeoutText),
    ]
    if configuration.allowsCompression == false {
      request.headers.append(("Accept-Encoding", "identity"))
    }
    // A scrape that hangs is over before the next one is due.
    let interval = Int(interval / .milliseconds(1))
    request.timeoutMilliseconds = max(
      1, min(Int(timeout / .milliseconds(1)), interval - min(20, interval / 10)))
    request.maximumBodyBytes = bodyByteLimit
    request.acceptsGzip = configuration.allowsCompression
    request.keepsEncoding = true
    request.followsRedirects = configuration.followsRedirects
    request.userAgent = userAgent
    return request
  }

  /// The largest body, before and after decompression. Memory is bounded
  /// whatever a target sends, also where the configuration sets no limit.
  var bodyByteLimit: Int {
    min(
      configuration.limits.bodyByteCount ?? ScrapeTarget.defaultBodyByteLimit,
      ScrapeCache.textByteLimit)
  }

  private static let defaultBodyByteLimit = 64 << 20

  /// The timeout in seconds as a decimal number.
  private var timeoutText: String {
    let milliseconds = Int64(timeout / .milliseconds(1))
    let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
    guard rest > 0 else { return "\(seconds)" }
    var digits = String(String(1000 + rest).dropFirst())
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(seconds).\(digits)"
  }
}
