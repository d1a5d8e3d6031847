import Numbers
import SeriesModel

/// Writes the Prometheus text format, version 0.0.4.
///
/// A name that needs quotes is written as version 1.0.0 does:
/// `{"my.metric",a="b"} 1`. The caller keeps the samples of a family together
/// and writes the family's head before them.
package struct TextWriter {
  /// The media type of what is written.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// What was written so far.
  package private(set) var bytes: [UInt8] = []

  /// Creates a writer with nothing written.
  package init() {}

  /// Removes what was written and keeps the memory.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
  }

  /// Writes the `HELP` and `TYPE` lines of the family `name`.
  ///
  /// `HELP` is left out when there is no help. Types that the format does not
  /// have are written as the nearest one it has.
  package mutating func writeFamily(_ name: String, _ metadata: MetricMetadata) {
    if metadata.help.isEmpty == false {
      append("# HELP ")
      appendFamilyName(name)
      append(" ")
      appendEscaped(metadata.help, escapesQuotes: false)
      append("\n")
    }
    append("# TYPE ")
    appendFamilyName(name)
    append(" ")
    append(metadata.type.textFormatName)
    append("\n")
  }

  /// Writes one sample; the metric name is the label `__name__`.
  ///
  /// A series without a metric name is written with empty braces or its labels
  /// alone, which no parser accepts: give every series a name.
  ///
  /// - Parameter timestampMilliseconds: Written when it is not nil.
  package mutating func writeSample(
    _ labels: Labels, value: Double, timestampMilliseconds: Int64? = nil
  ) {
    appendSeries(labels)
    append(" ")
    appendFloat(value, as: .compact, to: &bytes)
    if let timestampMilliseconds {
      append(" ")
      appendInteger(timestampMilliseconds, to: &bytes)
    }
    append("\n")
  }

  private mutating func appendSeries(_ labels: Labels) {
    let name = labels.metricName ?? ""
    let isPlainName = MetricName.isLegacy(name)
    if isPlainName { append(name) }
    var needsComma = false
    if isPlainName == false {
      append("{")
      if name.isEmpty == false {
        appendQuoted(name)
        needsComma = true
      }
    }
    var isOpen = isPlainName == false
    for label in labels where label.name != LabelName.metricName {
      if isOpen == false {
        append("{")
        isOpen = true
      }
      if needsComma { append(",") }
      needsComma = true
      if LabelName.isLegacy(label.name) { append(label.name) } else { appendQuoted(label.name) }
      append("=")
      appendQuoted(label.value)
    }
    if isOpen { append("}") }
  }

  private mutating func appendFamilyName(_ name: String) {
    if MetricName.isLegacy(name) { append(name) } else { appendQuoted(name) }
  }

  private mutating func appendQuoted(_ text: String) {
    append("\"")
    appendEscaped(text, escapesQuotes: true)
    append("\"")
  }

  private mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func appendEscaped(_ text: String, escapesQuotes: Bool) {
    for byte in text.utf8 {
      switch byte {
      case .backslash: append("\\\\")
      case .lineFeed: append("\\n")
      case .doubleQuote where escapesQuotes: append("\\\"")
      default: bytes.append(byte)
      }
    }
  }
}

extension MetricType {
  /// The type's name in the text format 0.0.4, which knows five of them.
  fileprivate var textFormatName: String {
    switch self {
    case .counter: "counter"
    case .gauge, .info, .stateSet: "gauge"
    case .histogram, .gaugeHistogram: "histogram"
    case .summary: "summary"
    case .unknown: "untyped"
    }
  }
}
