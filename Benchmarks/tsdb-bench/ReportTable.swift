import Foundation

/// Lays a report out as a table.
struct ReportTable {
  private var rows: [[String]]

  /// Creates the table of `report`; beside the figures of `baseline`, when
  /// there is one.
  init(_ report: Report, comparedWith baseline: Report? = nil) {
    var header = [
      "benchmark", "unit", "minimum", "median", "maximum", "count", "allocations", "goal",
    ]
    if baseline != nil { header += ["baseline", "ratio", "allocation ratio"] }
    rows = [header]
    for measurement in report.measurements {
      var row = ReportTable.row(of: measurement)
      if let baseline {
        let before = baseline.measurements.first { $0.name == measurement.name }
        row += ReportTable.comparison(of: measurement, with: before)
      }
      rows.append(row)
    }
  }

  private static func row(of measurement: Measurement) -> [String] {
    let hasSpread = measurement.minimum < measurement.maximum
    return [
      measurement.name, measurement.unit,
      hasSpread ? number(measurement.minimum) : "",
      number(measurement.median),
      hasSpread ? number(measurement.maximum) : "",
      "\(measurement.repetitionCount)",
      measurement.allocationsPerOperation.map(number) ?? "",
      measurement.goal.map { "\(number($0)) \(measurement.missesGoal ? "MISSED" : "met")" } ?? "",
    ]
  }

  private static func comparison(
    of measurement: Measurement, with baseline: Measurement?
  ) -> [String] {
    guard let baseline, baseline.unit == measurement.unit else { return ["none", "", ""] }
    var allocations = ""
    if let now = measurement.allocationsPerOperation, let before = baseline.allocationsPerOperation
    {
      allocations = ratio(now, before)
    }
    return [number(baseline.median), ratio(measurement.median, baseline.median), allocations]
  }

  /// How many times as much as before; 1 for two zeros.
  private static func ratio(_ now: Double, _ before: Double) -> String {
    now == before ? "1.00" : String(format: "%.2f", now / before)
  }

  /// A number with some three digits that matter.
  private static func number(_ value: Double) -> String {
    switch abs(value) {
    case 0: "0"
    case 100...: String(format: "%.0f", value)
    case 10...: String(format: "%.1f", value)
    case 0.1...: String(format: "%.2f", value)
    default: String(format: "%.2g", value)
    }
  }

  /// The table as text: the first two columns to the left, numbers to the
  /// right.
  var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var text = ""
    for row in rows {
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + (column < 2 ? cell + padding : padding + cell)
      }
      while line.last == " " { line.removeLast() }
      text += line + "\n"
    }
    return text
  }
}
