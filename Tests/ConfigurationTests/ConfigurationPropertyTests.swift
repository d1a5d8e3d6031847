import Configuration
import SeriesModel
import TestSupport
import Testing

@Suite struct ConfigurationPropertyTests {
  @Test func randomMutationsAreReadOrRefusedWithAPlace() {
    var generator = SeededGenerator(seed: 3)
    let alphabet = Array("ab:-[]{}&*!|>'\"#%\t \n,?$<".unicodeScalars)
    var refusals = 0
    for _ in 0..<2_000 {
      var scalars = Array(stockText.unicodeScalars)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<scalars.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: scalars[place] = alphabet.randomElement(using: &generator)!
        case 1: scalars.remove(at: place)
        default: scalars.insert(alphabet.randomElement(using: &generator)!, at: place)
        }
      }
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars)
      do {
        _ = try parse(String(text))
      } catch {
        refusals += 1
        #expect(error.problems.allSatisfy { $0.position != nil })
      }
    }
    #expect(refusals > 200 && refusals < 2_000)
  }

  @Test func everyTruncationIsReadOrRefused() {
    let scalars = Array(stockText.unicodeScalars)
    var accepted = 0
    for end in scalars.indices {
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars[..<end])
      if (try? parse(String(text))) != nil { accepted += 1 }
    }
    #expect(accepted > 10)
  }
}

@Suite struct ByteSizeTests {
  @Test(arguments: [
    ("0", 0), ("1B", 1), ("1KB", 1024), ("1KiB", 1024), ("10MB", 10 << 20), ("1.5GB", 3 << 29),
    ("1MB512KB", 3 << 19), ("2T", 2 << 40), ("1PiB", 1 << 50), ("1EB", 1 << 60),
  ])
  func sizeIsReadInPowersOf1024(_ text: String, _ bytes: Int) {
    #expect(parseByteSize(text) == bytes)
  }

  @Test(arguments: [
    (0, "0B"), (1, "1B"), (1023, "1023B"), (1024, "1KiB"), (10 << 30, "10GiB"),
    (3 << 29, "1GiB512MiB"), (1 << 60, "1EiB"), ((1 << 40) + 1, "1TiB1B"),
  ])
  func sizeIsWrittenFromTheLargestUnitOn(_ bytes: Int, _ text: String) {
    #expect(byteSizeText(bytes) == text)
    #expect(parseByteSize(text) == bytes)
  }

  @Test(arguments: ["", "1", "MB", "-1MB", "1 MB", "1mb", "1XB", "1..5MB", "99EB", "1MB5", "٣MB"])
  func otherTextIsNoSize(_ text: String) {
    #expect(parseByteSize(text) == nil)
  }
}

@Suite struct CommandLineTargetTests {
  @Test func targetsFormJobsByName() throws {
    let configuration = try ServerConfiguration.scraping(
      ["localhost:8000", "app=localhost:9100", "[::1]:1", "app=localhost:9101", "localhost:8000"],
      every: .seconds(5))
    #expect(configuration.scrapeConfigurations.map(\.jobName) == ["scrape", "app"])
    #expect(
      configuration.scrapeConfigurations.map(\.staticTargets) == [
        [TargetGroup(addresses: ["localhost:8000", "[::1]:1"])],
        [TargetGroup(addresses: ["localhost:9100", "localhost:9101"])],
      ])
    #expect(configuration.scrapeConfigurations.map(\.scrapeInterval) == [.seconds(5), .seconds(5)])
    #expect(configuration.scrapeConfigurations.map(\.scrapeTimeout) == [.seconds(5), .seconds(5)])
  }

  @Test func textOfTheConfigurationSaysTheSame() throws {
    let configuration = try ServerConfiguration.scraping(
      ["a\"b=localhost:8000"], every: .milliseconds(1500))
    let read = try parse(configuration.publicText).configuration
    #expect(read.scrapeConfigurations == configuration.scrapeConfigurations)
  }

  @Test(arguments: [
    ("localhost", "targets: target \"localhost\" has no port, expected HOST:PORT"),
    ("[::1]", "targets: target \"[::1]\" has no port, expected HOST:PORT"),
    (":8000", "targets: target \":8000\" has no host before its port"),
    ("a:x", "targets: target \"a:x\" has no port from 1 to 65535 after the last colon"),
    ("a:70000", "targets: target \"a:70000\" has no port from 1 to 65535 after the last colon"),
    ("=a:1", "targets: target \"=a:1\" has an empty name before \"=\""),
    ("x=", "targets: a target is empty, expected HOST:PORT"),
    (
      "http://a:1/metrics",
      "targets: target \"http://a:1/metrics\" is a URL, expected HOST:PORT such as \"a:1\" "
        + "(the rest goes into scheme and metrics_path)"
    ),
  ])
  func malformedTargetIsRefused(_ target: String, _ message: String) {
    do {
      _ = try ServerConfiguration.scraping([target], every: .seconds(5))
      Issue.record("accepted")
    } catch {
      #expect(error.description == message)
    }
  }
}
