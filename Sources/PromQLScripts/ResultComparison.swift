import PromQL
import SeriesModel

/// Compares the series of a result with those that a script expects.
struct ResultComparison {
  let grid: ResultGrid
  let expected: [ResultRow]
  let found: [ResultRow]
  /// Whether the order of the series counts.
  let isOrdered: Bool

  /// - Throws: The first difference, with all series.
  func check() throws(Mismatch) {
    guard let message = firstDifference() else { return }
    throw Mismatch(message, lines: lines())
  }

  private func firstDifference() -> String? {
    let foundByLabels = Dictionary(found.map { ($0.labels, $0) }) { first, _ in first }
    let expectedLabels = Set(expected.map(\.labels))
    if foundByLabels.count < found.count { return "a series is in the result twice" }
    for row in found where expectedLabels.contains(row.labels) == false {
      return "\(row.labels) was not expected"
    }
    for row in expected {
      if row.values.count > grid.count {
        return "\(row.labels) is expected to have \(row.values.count) values, "
          + "and there are \(grid.count) steps"
      }
      guard let found = foundByLabels[row.labels] else { return "\(row.labels) is missing" }
      if let difference = firstDifference(in: row, found) { return difference }
    }
    for (position, rows) in zip(expected, found).enumerated()
    where isOrdered && rows.0.labels != rows.1.labels {
      return "\(rows.0.labels) was expected at position \(position + 1), not \(rows.1.labels)"
    }
    return nil
  }

  private func firstDifference(in expected: ResultRow, _ found: ResultRow) -> String? {
    for step in 0..<max(expected.values.count, found.values.count) {
      let wanted = step < expected.values.count ? expected.values[step] : nil
      let got = step < found.values.count ? found.values[step] : nil
      if ValueComparison.areClose(wanted, got) == false {
        return "\(expected.labels) at \(timeText(grid.time(of: step))): "
          + "expected \(text(of: wanted)), found \(text(of: got))"
      }
    }
    return nil
  }

  private func text(of value: NotedValue?) -> String {
    switch value {
    case nil: "nothing"
    case .number(let number): numberText(number)
    case .histogram(let histogram, _): HistogramNotation.text(of: histogram)
    }
  }

  /// All series; what differs is there as it should be and as it is.
  private func lines() -> [Mismatch.Line] {
    if isOrdered {
      return expected.map { .missing($0.text) } + found.map { .unexpected($0.text) }
    }
    var lines: [Mismatch.Line] = []
    var rest = found
    for row in expected {
      guard let index = rest.firstIndex(where: { $0.labels == row.labels }) else {
        lines.append(.missing(row.text))
        continue
      }
      let found = rest.remove(at: index)
      if firstDifference(in: row, found) == nil {
        lines.append(.same(found.text))
      } else {
        lines += [.missing(row.text), .unexpected(found.text)]
      }
    }
    return lines + rest.map { .unexpected($0.text) }
  }
}
