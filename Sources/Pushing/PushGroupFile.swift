import Exposition
import SeriesModel

/// The content of the file in which a group outlives a restart.
///
/// Form: a first line with format number and checksum, then the group as an
/// ordinary text exposition that can be read by eye or pushed again:
///
///     # swift-tsdb push group, format 1, checksum 8d5e957f297893487
///     push_time_seconds{job="backup"} 1.7e+09
///     push_failure_time_seconds{job="backup"} 0
///     # TYPE backup_bytes gauge
///     backup_bytes{job="backup"} 42 1700000000000
///
/// The labels of the first two samples are the grouping labels and their
/// values the times of the last push, 0 for none. The timestamp of each further
/// sample is the time when its family was pushed. The checksum is FNV-1a, 64
/// bits as 16 hexadecimal digits, of all bytes after the first line; it tells a
/// damaged file, not a forged one.
struct PushGroupFile {
  /// The group.
  let group: PushGroup

  /// Why a file holds no group that can be used.
  enum Problem: Error, Equatable {
    case wrongHeader
    case wrongChecksum
    case wrongContent(String)
  }

  private static let headerStart = "# swift-tsdb push group, format 1, checksum "

  /// Creates the content for `group`.
  init(_ group: PushGroup) {
    self.group = group
  }

  /// Reads the bytes of a file.
  init(parsing bytes: [UInt8]) throws(Problem) {
    let lineEnd = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
    let header = String(decoding: bytes[..<lineEnd], as: UTF8.self)
    guard header.hasPrefix(PushGroupFile.headerStart), lineEnd < bytes.endIndex else {
      throw .wrongHeader
    }
    let content = bytes[(lineEnd + 1)...]
    guard header.dropFirst(PushGroupFile.headerStart.count) == PushGroupFile.checksum(content)
    else { throw .wrongChecksum }
    let text: PushText
    do {
      text = try PushText(Array(content), maximumSampleCount: .max)
    } catch {
      throw .wrongContent("\(error)")
    }
    group = try PushGroupFile.group(of: text)
  }

  private static func group(of text: PushText) throws(Problem) -> PushGroup {
    guard let success = text.families[PushGroup.successName]?.samples.first,
      let failure = text.families[PushGroup.failureName]?.samples.first,
      success.labels[LabelName.job] != nil
    else { throw .wrongContent("the times of the last push are missing") }
    var group = PushGroup(labels: success.labels.withoutMetricName)
    group.lastSuccess = timestamp(ofSeconds: success.value)
    group.lastFailure = timestamp(ofSeconds: failure.value)
    for (name, family) in text.families where PushGroup.timeMetadata[name] == nil {
      group.families[name] = PushedFamily(
        metadata: family.metadata, samples: family.samples,
        pushedAt: Timestamp(milliseconds: family.timestampMilliseconds ?? 0))
    }
    return group
  }

  /// The bytes of the file.
  var bytes: [UInt8] {
    var writer = TextWriter()
    for sample in group.timeSamples { writer.writeSample(sample.labels, value: sample.value) }
    for (name, family) in group.families.sorted(by: { $0.key < $1.key }) {
      writer.writeFamily(name, family.metadata)
      for sample in family.samples {
        writer.writeSample(
          sample.labels, value: sample.value,
          timestampMilliseconds: family.pushedAt.milliseconds)
      }
    }
    let header = PushGroupFile.headerStart + PushGroupFile.checksum(writer.bytes[...]) + "\n"
    return Array(header.utf8) + writer.bytes
  }

  private static func timestamp(ofSeconds seconds: Double) -> Timestamp? {
    guard seconds != 0, let milliseconds = Int64(exactly: (seconds * 1000).rounded()) else {
      return nil
    }
    return Timestamp(milliseconds: milliseconds)
  }

  /// Source: Fowler, Noll and Vo, "The FNV Non-Cryptographic Hash Algorithm",
  /// RFC 9923.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
