import Numbers
import PromQL
import SeriesModel

extension JSONWriter {
  /// Writes a label set as an object.
  mutating func write(_ labels: Labels) {
    object { json in
      labels.forEachBytes { name, value in
        json.string(utf8: name)
        json.beginMemberValue()
        json.string(utf8: value)
      }
    }
  }

  /// Writes the members `resultType` and `result`.
  mutating func write(_ value: QueryValue) {
    switch value {
    case .scalar(let sample):
      member("resultType", "scalar")
      name("result")
      self.sample(timestampMilliseconds: sample.timestamp.milliseconds, value: sample.value)
    case .string(let text, let timestamp):
      member("resultType", "string")
      name("result")
      array { json in
        json.timestamp(timestamp)
        json.string(text)
      }
    case .vector(let elements):
      member("resultType", "vector")
      name("result")
      array { json in
        for element in elements { json.write(element) }
      }
    case .matrix(let series):
      member("resultType", "matrix")
      name("result")
      array { json in
        for series in series { json.write(series) }
      }
    }
  }

  private mutating func write(_ element: VectorElement) {
    object { json in
      json.name("metric")
      json.write(element.labels)
      json.name("value")
      json.sample(
        timestampMilliseconds: element.sample.timestamp.milliseconds, value: element.sample.value)
    }
  }

  private mutating func write(_ series: MatrixSeries) {
    object { json in
      json.name("metric")
      json.write(series.labels)
      json.name("values")
      json.array { json in
        for index in 0..<series.samples.count {
          json.sample(
            timestampMilliseconds: series.samples.timestamps[index],
            value: series.samples.values[index])
        }
      }
    }
  }

  /// Writes the exemplars of a series as an object.
  mutating func write(_ series: SeriesExemplars) {
    object { json in
      json.name("seriesLabels")
      json.write(series.seriesLabels)
      json.name("exemplars")
      json.array { json in
        for exemplar in series.exemplars { json.write(exemplar) }
      }
    }
  }

  private mutating func write(_ exemplar: Exemplar) {
    object { json in
      json.name("labels")
      json.write(exemplar.labels)
      var value: [UInt8] = []
      appendFloat(exemplar.value, as: .json, to: &value)
      json.name("value")
      json.string(utf8: value.span)
      json.name("timestamp")
      json.timestamp(exemplar.timestamp)
    }
  }

  /// Writes the member `stats`.
  mutating func write(_ statistics: QueryStatistics) {
    name("stats")
    let seconds = Double(statistics.elapsedNanoseconds) / 1e9
    object { json in
      json.name("timings")
      json.object { json in
        json.member("evalTotalTime", number: seconds)
        json.member("execTotalTime", number: seconds)
      }
      json.name("samples")
      json.object { json in
        json.member("totalQueryableSamples", statistics.samplesQueried)
        json.member("peakSamples", statistics.peakSamples)
        json.member("samplesRead", statistics.samplesRead)
      }
    }
  }
}
