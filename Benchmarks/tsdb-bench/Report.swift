import Foundation

/// The figures of one run of the program, as they are stored.
struct Report: Codable {
  /// The name of the processor.
  var processor: String
  /// How many processors there are.
  var processorCount: Int
  /// What a reader should know of the circumstances; may be empty.
  var note: String
  /// The figures, in the order in which they were found.
  var measurements: [Measurement]

  /// Creates a report of this machine.
  init(note: String, measurements: [Measurement]) {
    processor = Report.processorName()
    processorCount = ProcessInfo.processInfo.activeProcessorCount
    self.note = note
    self.measurements = measurements
  }

  private static func processorName() -> String {
    // Only informs the reader, so that a machine without the file has no name.
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
  }

  /// Reads a report that ``write(to:)`` wrote.
  init(contentsOfFile path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    self = try JSONDecoder().decode(Report.self, from: data)
  }

  /// Writes the report as JSON, in a form that differs little when the figures
  /// do.
  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
  }
}
