import Configuration
import Exposition
import SeriesModel

extension ScrapeTarget {
  /// The labels under which a scraped series is stored.
  ///
  /// A label that both the series and the target have is the target's, and
  /// the series' own is renamed `exported_...`; when the job honours labels it
  /// is the series' own, also when that is empty.
  func storedLabels(of series: ScrapedSeries) -> Labels {
    var builder = LabelsBuilder(series.labels)
    var renamed: [Label] = []
    for label in labels {
      let existing = series.labels[label.name]
      if configuration.honorsLabels {
        if existing == nil, series.emptyLabelNames.contains(label.name) == false {
          builder.set(label.name, to: label.value)
        }
      } else {
        if let existing { renamed.append(Label(label.name, existing)) }
        builder.set(label.name, to: label.value)
      }
    }
    // Shorter names first, so that of `a` and `exported_a` the former takes
    // the name that is free.
    let order = renamed.indices.sorted {
      (renamed[$0].name.utf8.count, $0) < (renamed[$1].name.utf8.count, $1)
    }
    for index in order {
      var name = "exported_" + renamed[index].name
      while builder[name] != nil { name = "exported_" + name }
      builder.set(name, to: renamed[index].value)
    }
    return builder.labels()
  }

  /// The labels of a series that reports on the scrape itself.
  func reportLabels(_ name: String) -> Labels {
    labels.setting(LabelName.metricName, to: name)
  }
}

extension ScrapeLimits {
  /// Which limit a label set exceeds, in Prometheus's words; nil for none.
  func excess(of labels: Labels) -> String? {
    guard labelCount != nil || labelNameByteCount != nil || labelValueByteCount != nil else {
      return nil
    }
    let name = (labels.metricName ?? "").prefix(50)
    let count = labels.count
    if let labelCount, count > labelCount {
      return "label_limit exceeded (metric: \(name), number of labels: \(count), "
        + "limit: \(labelCount))"
    }
    for label in labels {
      let nameLength = label.name.utf8.count
      if let limit = labelNameByteCount, nameLength > limit {
        return "label_name_length_limit exceeded (metric: \(name), label name: "
          + "\(label.name.prefix(50)), length: \(nameLength), limit: \(limit))"
      }
      let valueLength = label.value.utf8.count
      if let limit = labelValueByteCount, valueLength > limit {
        return "label_value_length_limit exceeded (metric: \(name), label name: "
          + "\(label.name.prefix(50)), value: \(String(label.value.prefix(50)).quotedForPromQL), "
          + "length: \(valueLength), limit: \(limit))"
      }
    }
    return nil
  }
}
