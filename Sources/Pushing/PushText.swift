import Exposition
import SeriesModel

/// A text exposition taken apart into metric families.
struct PushText {
  /// The families that have samples, by name.
  private(set) var families: [String: Family] = [:]

  /// A family as the text has it.
  struct Family {
    var metadata = MetricMetadata()
    var samples: [PushedSample] = []
    /// The time of the last sample that has one, in milliseconds.
    var timestampMilliseconds: Int64?
  }

  /// Why a text can't be taken apart.
  enum Failure: Error {
    case syntax(ExpositionError)
    case tooManySamples
  }

  private var metadata: [String: MetricMetadata] = [:]

  /// Reads `text`, which holds at most `maximumSampleCount` samples.
  init(_ text: [UInt8], maximumSampleCount: Int) throws(Failure) {
    do {
      try read(text, maximumSampleCount: maximumSampleCount)
    } catch let error as ExpositionError {
      throw .syntax(error)
    } catch {
      throw .tooManySamples
    }
    for (name, entry) in metadata where families[name] != nil {
      families[name]?.metadata = entry
    }
  }

  private mutating func read(_ text: [UInt8], maximumSampleCount: Int) throws {
    var parser = TextParser(text.span, requiresFinalLineFeed: true)
    var count = 0
    while let entry = try parser.next() {
      switch entry {
      case .comment: continue
      case .help(let family, let help): metadata[family, default: MetricMetadata()].help = help
      case .type(let family, let type): metadata[family, default: MetricMetadata()].type = type
      case .sample(let sample):
        let labels = try parser.labels()
        count += 1
        guard count <= maximumSampleCount else { throw Failure.tooManySamples }
        let name = familyName(of: labels.metricName ?? "")
        families[name, default: Family()].samples.append(
          PushedSample(labels: labels, value: sample.value))
        if let timestamp = sample.timestampMilliseconds {
          families[name]?.timestampMilliseconds = timestamp
        }
      }
      // What is said of families takes memory as samples do.
      guard metadata.count <= maximumSampleCount else { throw Failure.tooManySamples }
    }
  }

  /// The family that a sample of this name belongs to: `h` for `h_bucket` when
  /// `h` is a histogram, and so on.
  private func familyName(of sampleName: String) -> String {
    guard metadata[sampleName] == nil else { return sampleName }
    for suffix in ["_bucket", "_count", "_sum"] where sampleName.hasSuffix(suffix) {
      let base = String(sampleName.dropLast(suffix.count))
      switch metadata[base]?.type {
      case .histogram: return base
      case .summary where suffix != "_bucket": return base
      default: continue
      }
    }
    return sampleName
  }
}
