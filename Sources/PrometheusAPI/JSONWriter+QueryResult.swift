import Numbers
import PromQL
import SeriesModel

extension JSONWriter {
  /// Writes a label set as an object.
  mutating func write(_ labels: Labels) {
    object { json in
      labels.forEachBytes { name, value in json.member(utf8: name, value) }
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
      // The elements are of one moment.
      let openings = SampleOpenings(
        elements.first.map { [$0.sample.timestamp.milliseconds] } ?? [])
      let weights = elements.map { JSONWriter.weight($0.labels) + JSONWriter.weight($0.histogram) }
      array(of: elements, weights) { json, element in json.write(element, openings) }
    case .matrix(let series):
      member("resultType", "matrix")
      name("result")
      // The steps of the query, if any series has a sample at each.
      let longest = series.max { $0.samples.count < $1.samples.count }
      let openings = SampleOpenings(
        series.count > 1 ? longest?.samples.timestamps.prefix(SampleOpenings.limit) ?? [] : [])
      let weights = series.map { JSONWriter.weight($0.labels) + JSONWriter.weight($0.samples) }
      array(of: series, weights) { json, series in json.write(series, openings) }
    }
  }

  /// Writes the elements of an array, in a buffer that is foreseen to hold them
  /// all.
  ///
  /// - Parameter weights: How much text each element makes, as against the others.
  private mutating func array<Element>(
    of elements: [Element], _ weights: [Int], write: (inout JSONWriter, Element) -> Void
  ) {
    let total = weights.reduce(0, +)
    array { json in
      var written = 0
      for (element, weight) in zip(elements, weights) {
        if written > 0 {
          json.makeRoom(for: 2 * weight, writtenShare: Double(written) / Double(total))
        }
        write(&json, element)
        written += weight
      }
    }
  }

  // Weights are about as many bytes as a thing takes, some times more or less: if
  // they were counts of samples, one long label set or histogram at the beginning
  // would foresee any number of bytes for many short ones.

  private static func weight(_ labels: Labels) -> Int {
    JSONWriter.sampleCapacity + labels.encodedBytes.count
  }

  private static func weight(_ samples: SampleColumns) -> Int {
    samples.histograms.reduce(samples.count * JSONWriter.sampleCapacity / 2) { $0 + weight($1) }
  }

  private static func weight(_ histogram: NativeHistogram?) -> Int {
    (histogram?.bucketAndBoundCount ?? 0) * JSONWriter.sampleCapacity
  }

  private mutating func write(_ element: VectorElement, _ openings: SampleOpenings) {
    object { json in
      json.name("metric")
      json.write(element.labels)
      if let histogram = element.histogram {
        json.name("histogram")
        json.sample(
          timestampMilliseconds: element.sample.timestamp.milliseconds, histogram: histogram)
      } else {
        json.name("value")
        json.sample(element.sample, openings)
      }
    }
  }

  private mutating func write(_ series: MatrixSeries, _ openings: SampleOpenings) {
    let samples = series.samples
    let histograms = samples.histograms.indices.filter { samples.histograms[$0] != nil }
    object { json in
      json.name("metric")
      json.write(series.labels)
      if histograms.count < samples.count {
        json.name("values")
        json.array { json in
          guard histograms.isEmpty == false else {
            json.samples(samples, openings)
            return
          }
          for index in 0..<samples.count where samples.histogram(at: index) == nil {
            json.sample(
              timestampMilliseconds: samples.timestamps[index], value: samples.values[index])
          }
        }
      }
      guard histograms.isEmpty == false else { return }
      json.name("histograms")
      json.array { json in
        for index in histograms {
          guard let histogram = samples.histograms[index] else { continue }
          json.sample(timestampMilliseconds: samples.timestamps[index], histogram: histogram)
        }
      }
    }
  }

  /// Writes a moment and a histogram as an array of two.
  private mutating func sample(timestampMilliseconds: Int64, histogram: NativeHistogram) {
    array { json in
      json.timestamp(Timestamp(milliseconds: timestampMilliseconds))
      json.write(histogram)
    }
  }

  /// Writes a histogram as an object.
  private mutating func write(_ histogram: NativeHistogram) {
    object { json in
      json.member("count", float: histogram.count)
      json.member("sum", float: histogram.sum)
      let buckets = histogram.ascendingBuckets
      guard buckets.isEmpty == false else { return }
      json.name("buckets")
      json.array { json in
        for bucket in buckets { json.write(bucket) }
      }
    }
  }

  private mutating func write(_ bucket: HistogramBucket) {
    array { json in
      // 0: the upper bound belongs to the bucket, 1: the lower, 2: neither, 3: both.
      let code =
        bucket.includesLower ? (bucket.includesUpper ? 3 : 1) : (bucket.includesUpper ? 0 : 2)
      json.number(code)
      for number in [bucket.lower, bucket.upper, bucket.count] { json.string(float: number) }
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
  ///
  /// - Parameter waitingTime: How long the query waited before it began.
  mutating func write(_ statistics: QueryStatistics, waitingTime: Duration) {
    name("stats")
    let total = Double(statistics.elapsedNanoseconds) / 1e9
    let preparation = Double(statistics.preparationNanoseconds) / 1e9
    let waiting = waitingTime / .seconds(1)
    object { json in
      json.name("timings")
      json.object { json in
        json.member("evalTotalTime", number: total)
        // Sorting is a part of evaluation.
        json.member("resultSortTime", 0)
        json.member("queryPreparationTime", number: preparation)
        json.member("innerEvalTime", number: total - preparation)
        json.member("execQueueTime", number: waiting)
        json.member("execTotalTime", number: waiting + total)
      }
      json.name("samples")
      json.object { json in
        if statistics.samplesPerStep.isEmpty == false {
          json.name("totalQueryableSamplesPerStep")
          json.array { json in
            for step in statistics.samplesPerStep {
              json.array { json in
                json.timestamp(step.time)
                json.number(step.count)
              }
            }
          }
        }
        json.member("totalQueryableSamples", statistics.samplesQueried)
        json.member("peakSamples", statistics.peakSamples)
        json.member("samplesRead", statistics.samplesRead)
      }
    }
  }

  /// Writes an operator with what it cost.
  mutating func write(_ operation: ExplainedOperator) {
    object { json in
      json.member("operator", operation.text)
      json.member("series", operation.seriesCount)
      json.member("values", operation.valueCount)
      json.member("seconds", number: Double(operation.nanoseconds) / 1e9)
      json.name("operands")
      json.array { json in
        for operand in operation.operands { json.write(operand) }
      }
    }
  }
}
