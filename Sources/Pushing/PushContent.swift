import Compression
import Exposition
import PushProtocols
import SeriesModel

/// The body of a push, read and found sound.
struct PushContent {
  /// The families, with the grouping labels written over those of the body.
  private(set) var families: [String: PushedFamily] = [:]

  /// Why a body is refused.
  enum Refusal: Error {
    /// It can't be read; the group does not notice.
    case unreadable(PushAnswer)
    /// It can be read, and contradicts itself or the group.
    case inconsistent(String)
  }

  /// The content of an empty body.
  init() {}

  /// Reads `body` as sent by a client.
  init(
    _ body: [UInt8], contentType: String?, contentEncoding: String?, path: PushPath,
    limits: PushGateway.Limits
  ) throws(Refusal) {
    let text = try PushContent.decoded(
      body, contentType: contentType, contentEncoding: contentEncoding, limits: limits)
    let parsed: PushText
    do {
      parsed = try PushText(text, maximumSampleCount: limits.maximumSampleCount)
    } catch {
      switch error {
      case .syntax(let error):
        throw .unreadable(
          PushAnswer(
            status: 400,
            text: "text format parsing error in line \(error.line): column \(error.column): "
              + "\(error.problem) in \(error.excerpt.quotedForPromQL)"))
      case .tooManySamples:
        throw .unreadable(
          PushAnswer(
            status: 413,
            text: "the body has more than the \(limits.maximumSampleCount) samples allowed"))
      }
    }
    try take(parsed, path: path, limits: limits.labels)
  }

  private mutating func take(
    _ parsed: PushText, path: PushPath, limits: LabelLimits
  ) throws(Refusal) {
    var seen: Set<Labels> = []
    for (name, family) in parsed.families where PushGroup.timeMetadata[name] == nil {
      guard family.timestampMilliseconds == nil else {
        throw .inconsistent("pushed metrics must not have timestamps")
      }
      var pushed = PushedFamily(metadata: family.metadata)
      for sample in family.samples {
        let labels = path.grouped(sample.labels)
        if let problem = limits.problem(of: labels) {
          throw .inconsistent(
            "a series of \(name.quotedForPromQL) is refused: \(problem.description(under: limits))")
        }
        guard seen.insert(labels).inserted else {
          throw .inconsistent("series \(labels) was collected before with the same labels")
        }
        pushed.samples.append(PushedSample(labels: labels, value: sample.value))
      }
      families[name] = pushed
    }
  }

  /// The text within `body`.
  private static func decoded(
    _ body: [UInt8], contentType: String?, contentEncoding: String?, limits: PushGateway.Limits
  ) throws(Refusal) -> [UInt8] {
    let mediaType = contentType?.prefix { $0 != ";" }.trimmingBlanks().lowercased()
    if mediaType == "application/vnd.google.protobuf" {
      throw .unreadable(
        PushAnswer(
          status: 415,
          text: "pushes in protobuf are not supported; push the text format, version 0.0.4"))
    }
    guard body.count <= limits.maximumBodyBytes else {
      throw .unreadable(
        PushAnswer(
          status: 413,
          text: "the body has \(body.count) bytes, more than the \(limits.maximumBodyBytes) "
            + "allowed"))
    }
    switch contentEncoding?.trimmingBlanks().lowercased() ?? "" {
    case "", "identity":
      return body
    case "gzip":
      var text: [UInt8] = []
      do {
        // Safety: a UInt8 has no padding, so that each byte is set.
        try unsafe Gzip.decompress(body.span.bytes, limit: limits.maximumBodyBytes, into: &text)
      } catch .limitExceeded {
        throw .unreadable(
          PushAnswer(
            status: 413,
            text: "the decompressed body has more than the \(limits.maximumBodyBytes) bytes "
              + "allowed"))
      } catch {
        throw .unreadable(PushAnswer(status: 400, text: "\(error)"))
      }
      return text
    case let other:
      throw .unreadable(
        PushAnswer(
          status: 415,
          text: "content encoding \(other.quotedForPromQL) is not supported; send gzip or none"))
    }
  }
}

extension PushPath {
  /// The labels that a pushed series has in the group.
  fileprivate func grouped(_ labels: Labels) -> Labels {
    var builder = LabelsBuilder(labels)
    for name in removedLabelNames { builder.remove(name) }
    for label in groupingLabels { builder.set(label.name, to: label.value) }
    return builder.labels()
  }
}
