import Numbers
import PrometheusAPI
import SeriesModel

/// Rows and columns of text, written aligned or as CSV.
struct ResultTable {
  /// The columns' names.
  var header: [String]
  /// As many cells in each row as there are columns.
  var rows: [[String]] = []
  /// The columns whose cells are numbers, aligned to the right.
  var numericColumns: Set<Int> = []

  /// The columns padded to equal width, two blanks apart.
  ///
  /// The width of a text is its count of characters. Control characters, with
  /// which a label could take over the terminal or begin a row of its own, are
  /// shown as `\\n`, `\\u{1B}` and the like.
  var aligned: String {
    let shown = ([header] + rows).map { $0.map(ResultTable.printable) }
    let widths = header.indices.map { column in shown.map { $0[column].count }.max() ?? 0 }
    var text = ""
    for row in shown {
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += numericColumns.contains(column) ? padding + cell : cell + padding
        line += "  "
      }
      text += String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }
    return text
  }

  private static func printable(_ cell: String) -> String {
    let isControl = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory == .control }
    guard cell.unicodeScalars.contains(where: isControl) else { return cell }
    return cell.unicodeScalars.map { isControl($0) ? $0.escaped(asASCII: false) : String($0) }
      .joined()
  }

  /// RFC 4180, with LF line ends.
  var csv: String {
    ([header] + rows).map { row in
      row.map(ResultTable.csvField).joined(separator: ",") + "\n"
    }.joined()
  }

  private static func csvField(_ cell: String) -> String {
    let needsQuotes = cell.contains { $0 == "," || $0 == "\"" || $0.isNewline }
    guard needsQuotes else { return cell }
    return "\""
      + cell.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}

extension ResultTable {
  /// A table of label sets: a column for each label name, the metric first.
  init(labelSets: [[String: String]]) {
    let names = ResultTable.columns(of: labelSets)
    header = names.map { $0 == LabelName.metricName ? "metric" : $0 }
    rows = labelSets.map { labels in names.map { labels[$0] ?? "" } }
  }

  /// A table of a query's result: the labels, the time where there are several,
  /// and the value.
  init(_ data: QueryData) {
    switch data {
    case .scalar(let sample), .string(let sample):
      self.init(header: ["value"], rows: [[sample.value]])
    case .vector(let series):
      self.init(labelSets: series.map(\.metric))
      header.append("value")
      for index in series.indices { rows[index].append(series[index].samples.first?.value ?? "") }
      numericColumns = [header.count - 1]
    case .matrix(let series):
      let names = ResultTable.columns(of: series.map(\.metric))
      self.init(header: ResultTable(labelSets: series.map(\.metric)).header + ["time", "value"])
      for series in series {
        let cells = names.map { series.metric[$0] ?? "" }
        rows += series.samples.map { cells + [ResultTable.time($0.time), $0.value] }
      }
      numericColumns = [header.count - 1]
    }
  }

  /// The steps of a range query.
  struct Steps {
    var start: Timestamp
    var end: Timestamp
    /// Positive.
    var stepMilliseconds: Int64

    fileprivate var count: Int {
      let length = end.milliseconds.subtractingReportingOverflow(start.milliseconds)
      return length.overflow ? .max : Int(length.partialValue / stepMilliseconds) + 1
    }
  }

  /// A table of the course of each series: the labels, a line over the time,
  /// and the lowest, the highest and the last value.
  init(_ series: [QueryData.Series], over steps: Steps) {
    self.init(labelSets: series.map(\.metric))
    header += ["course", "lowest", "highest", "last"]
    for (row, series) in series.enumerated() {
      let samples = series.samples
      let numbers = samples.compactMap { sample in
        parseFloat(sample.value, as: .go).map { (time: sample.time, value: $0) }
      }
      let line = Sparkline(
        numbers, start: Double(steps.start.milliseconds) / 1000,
        step: Double(steps.stepMilliseconds) / 1000, stepCount: steps.count)
      let values = numbers.map(\.value).filter { $0.isNaN == false }
      rows[row] += [
        line.text, values.min().map(ResultTable.text) ?? "",
        values.max().map(ResultTable.text) ?? "", samples.last?.value ?? "",
      ]
    }
    numericColumns = Set(header.count - 3..<header.count)
  }

  private static func text(_ value: Double) -> String { floatText(value, as: .json) }

  private static func columns(of labelSets: [[String: String]]) -> [String] {
    var names = Set<String>()
    for labels in labelSets { names.formUnion(labels.keys) }
    let others = names.subtracting([LabelName.metricName]).sorted()
    return names.contains(LabelName.metricName) ? [LabelName.metricName] + others : others
  }

  private static func time(_ seconds: Double) -> String {
    guard let milliseconds = Int64(exactly: (seconds * 1000).rounded()) else { return "\(seconds)" }
    return Timestamp(milliseconds: milliseconds).rfc3339
  }
}
