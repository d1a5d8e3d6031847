import Configuration
import HTTPServer
import Scraping
import SeriesModel

/// `targets` and `scrape_pools`.
struct TargetEndpoints: Sendable {
  let scraping: ScrapeManager

  func targets(_ request: Request) throws -> Response {
    let state = request.parameters.first("state") ?? ""
    let pool = request.parameters.first("scrapePool") ?? ""
    let showsActive = state != "dropped"
    let active = scraping.targets
      .filter { showsActive && (pool.isEmpty || $0.scrapePool == pool) }
      .sorted { ($0.scrapePool, $0.target.url) < ($1.scrapePool, $1.target.url) }
    return successResponse { json in
      json.object { json in
        json.name("activeTargets")
        json.array { json in
          for target in active { json.write(target) }
        }
        // Without relabelling no target is ever dropped.
        json.name("droppedTargets")
        json.array { _ in }
        json.name("droppedTargetCounts")
        json.object { json in
          for pool in Set(scraping.targets.map(\.scrapePool)).sorted() { json.member(pool, 0) }
        }
      }
    }
  }

  func scrapePools(_ request: Request) throws -> Response {
    let pools = Set(scraping.targets.map(\.scrapePool)).sorted()
    return successResponse { json in
      json.object { json in json.member("scrapePools", pools) }
    }
  }
}

extension JSONWriter {
  fileprivate mutating func write(_ status: TargetStatus) {
    let target = status.target
    object { json in
      json.name("discoveredLabels")
      json.write(target.discoveredLabels)
      json.name("labels")
      json.write(target.labels)
      json.member("scrapePool", status.scrapePool)
      json.member("scrapeUrl", target.url)
      json.member("globalUrl", target.url)
      json.member("lastError", status.lastError)
      json.member(
        "lastScrape", status.lastScrape?.rfc3339 ?? "0001-01-01T00:00:00Z")
      json.member("lastScrapeDuration", number: status.lastScrapeDuration / .seconds(1))
      json.member("health", status.health.rawValue)
      json.member("scrapeInterval", configuredDurationText(target.interval))
      json.member("scrapeTimeout", configuredDurationText(target.timeout))
    }
  }
}
