import FoundationEssentials
import PrometheusAPI
import SeriesModel
import TSDB

/// `tsdbctl info`: what a data directory holds.
enum InfoCommand {
  static let command = Command(
    words: ["info"], summary: "Tells what a data directory holds and what takes its space.",
    operands: "DIR",
    discussion: """
      Counts what is in the tables; the newest samples are in the journal alone, of which only
      the size is told. A server may be using the directory.
      """,
    flags: [
      .value("output", "format", default: "table", "How to print: table, json or csv."),
      .value("limit", "number", default: "10", "The length of each list of cardinalities."),
    ],
    run: run)

  private static func run(_ arguments: Arguments) throws -> ExitStatus {
    guard arguments.operands.count == 1, let path = arguments.operands.first else {
      throw UsageError("name one directory", hint: "tsdbctl info data")
    }
    let limitText = arguments["limit"] ?? ""
    guard let limit = Int(limitText), (0...100_000).contains(limit) else {
      throw UsageError("--limit=\(limitText) is no number from 0 to 100000")
    }
    let format = arguments["output"] ?? ""
    guard ["table", "json", "csv"].contains(format) else {
      throw UsageError("--output=\(format): choose table, json or csv")
    }
    let information = try Database.information(at: path, limit: limit)
    if format == "json" {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      StandardOutput.write(try [UInt8](encoder.encode(information)) + [UInt8(ascii: "\n")])
    } else if format == "csv" {
      StandardOutput.write(flattened(sections(of: information)).csv)
    } else {
      StandardOutput.write(sections(of: information).map(\.aligned).joined(separator: "\n"))
    }
    return .success
  }

  private static func sections(of information: DatabaseInformation) -> [ResultTable] {
    [
      totals(of: information), windows(of: information), tables(of: information),
      classes(of: information),
      counts(["label name", "values"], information.valuesOfLabelNames),
      counts(["metric", "series"], information.seriesOfMetrics),
      counts(["label", "series"], information.seriesOfLabels),
    ].filter { $0.rows.isEmpty == false }
  }

  /// One table of all sections: a row for each number, with what it is of.
  private static func flattened(_ sections: [ResultTable]) -> ResultTable {
    var table = ResultTable(header: ["section", "name", "measure", "value"])
    for section in sections {
      for row in section.rows {
        for (measure, value) in zip(section.header, row).dropFirst() {
          table.rows.append([section.header[0], row[0], measure, value])
        }
      }
    }
    return table
  }

  private static func totals(of information: DatabaseInformation) -> ResultTable {
    ResultTable(
      header: ["total", "number"],
      rows: [
        ["series", "\(information.series)"],
        ["chunks", "\(information.chunks)"],
        ["samples", "\(information.samples)"],
        ["bytes in tables", "\(information.tableBytes)"],
        ["bytes a sample", perSample(information.tableBytes, information.samples)],
        ["free bytes in file", "\(information.freeBytes)"],
        ["bytes of journal", "\(information.journalBytes)"],
        ["damaged segments", "\(information.damagedSegments)"],
        ["deletions", "\(information.deletions)"],
      ], numericColumns: [1])
  }

  private static func windows(of information: DatabaseInformation) -> ResultTable {
    ResultTable(
      header: ["window", "hours", "series", "chunks", "samples"],
      rows: information.windows.map { window in
        [
          Timestamp(milliseconds: window.startMilliseconds).rfc3339,
          decimal(Double(window.lengthMilliseconds) / 3_600_000), "\(window.series)",
          "\(window.chunks)", "\(window.samples)",
        ]
      }, numericColumns: [1, 2, 3, 4])
  }

  private static func tables(of information: DatabaseInformation) -> ResultTable {
    ResultTable(
      header: [
        "table", "entries", "branch pages", "leaf pages", "overflow pages", "bytes",
        "bytes a sample",
      ],
      rows: information.tables.map { table in
        [
          table.name, "\(table.entries)", "\(table.branchPages)", "\(table.leafPages)",
          "\(table.overflowPages)", "\(table.bytes)", perSample(table.bytes, information.samples),
        ]
      }, numericColumns: [1, 2, 3, 4, 5, 6])
  }

  private static func classes(of information: DatabaseInformation) -> ResultTable {
    ResultTable(
      header: ["chunk class", "chunks", "samples", "payload bytes", "bytes a sample"],
      rows: information.chunkClasses.map { share in
        [
          "\(share.classByte)", "\(share.chunks)", "\(share.samples)", "\(share.payloadBytes)",
          perSample(share.payloadBytes, share.samples),
        ]
      }, numericColumns: [0, 1, 2, 3, 4])
  }

  private static func counts(
    _ header: [String], _ counts: [DatabaseInformation.Count]
  ) -> ResultTable {
    ResultTable(
      header: header, rows: counts.map { [$0.name, "\($0.count)"] }, numericColumns: [1])
  }

  private static func perSample(_ byteCount: Int, _ sampleCount: Int) -> String {
    sampleCount == 0 ? "-" : decimal(Double(byteCount) / Double(sampleCount))
  }

  /// The number with two decimal places at most.
  private static func decimal(_ number: Double) -> String {
    let hundredths = (number * 100).rounded()
    return hundredths.truncatingRemainder(dividingBy: 100) == 0
      ? "\(Int(hundredths) / 100)" : "\(hundredths / 100)"
  }
}
