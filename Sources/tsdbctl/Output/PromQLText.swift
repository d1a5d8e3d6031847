import Numbers
import PromQLSyntax
import SeriesModel

/// Results as `promtool query` writes them.
enum PromQLText {
  /// A query's result: `name{label="value"} => 1 @[1435781451.781]`, and the
  /// samples of a range on lines of their own.
  static func text(of data: QueryData) -> String {
    switch data {
    case .scalar(let sample): "scalar: \(text(of: sample))\n"
    case .string(let sample): sample.value + "\n"
    case .vector(let series):
      series.map { series in
        "\(Labels(series.metric)) => " + series.samples.map(text(of:)).joined() + "\n"
      }.joined()
    case .matrix(let series):
      series.map { series in
        "\(Labels(series.metric)) =>\n" + series.samples.map { text(of: $0) + "\n" }.joined()
      }.joined()
    }
  }

  /// Label sets, one a line.
  static func text(of labelSets: [[String: String]]) -> String {
    labelSets.map { Labels($0).bracedDescription + "\n" }.joined()
  }

  private static func text(of sample: QueryData.SampleText) -> String {
    // A histogram is a text already.
    let value = parseFloat(sample.value, as: .go).map { floatText($0, as: .decimal) }
    return "\(value ?? sample.value) @[\(floatText(sample.time, as: .decimal))]"
  }
}

extension Labels {
  fileprivate init(_ labels: [String: String]) {
    self.init(labels.map { Label($0.key, $0.value) })
  }
}
