extension SampleColumns {
  /// True when no sample has more than a value.
  package var isPlain: Bool { histograms.isEmpty && startTimestamps.isEmpty }

  /// Appends the samples of `other` at `range`.
  package mutating func append(_ other: SampleColumns, at range: Range<Int>) {
    if isPlain == false || other.isPlain == false { appendOptionalColumns(of: other, at: range) }
    timestamps.append(contentsOf: other.timestamps[range])
    values.append(contentsOf: other.values[range])
  }

  private mutating func appendOptionalColumns(of other: SampleColumns, at range: Range<Int>) {
    if other.histograms.isEmpty == false {
      histograms.pad(with: nil, to: count)
      histograms.append(contentsOf: other.histograms[range])
    } else if histograms.isEmpty == false {
      histograms.pad(with: nil, to: count + range.count)
    }
    if other.startTimestamps.isEmpty == false {
      startTimestamps.pad(with: 0, to: count)
      startTimestamps.append(contentsOf: other.startTimestamps[range])
    } else if startTimestamps.isEmpty == false {
      startTimestamps.pad(with: 0, to: count + range.count)
    }
  }

  /// Appends one sample that is a number or a histogram.
  ///
  /// - Parameter value: Of a histogram its sum.
  package mutating func append(
    timestampMilliseconds: Int64, value: Double, histogram: NativeHistogram?,
    startTimestampMilliseconds: Int64
  ) {
    if let histogram {
      append(
        timestampMilliseconds: timestampMilliseconds, histogram: histogram,
        startTimestampMilliseconds: startTimestampMilliseconds)
    } else {
      append(
        timestampMilliseconds: timestampMilliseconds, value: value,
        startTimestampMilliseconds: startTimestampMilliseconds)
    }
  }

  /// Gives the sample at `index` another value at the same time.
  package mutating func replaceSample(
    at index: Int, value: Double, histogram: NativeHistogram?, startTimestampMilliseconds: Int64
  ) {
    values[index] = value
    if histogram != nil { histograms.pad(with: nil, to: count) }
    if histograms.isEmpty == false { histograms[index] = histogram }
    if startTimestampMilliseconds != 0 { startTimestamps.pad(with: 0, to: count) }
    if startTimestamps.isEmpty == false { startTimestamps[index] = startTimestampMilliseconds }
  }

  /// Moves the sample at `index` to the place `target` before it.
  package mutating func moveSample(from index: Int, to target: Int) {
    timestamps[target] = timestamps[index]
    values[target] = values[index]
    if histograms.isEmpty == false { histograms[target] = histograms[index] }
    if startTimestamps.isEmpty == false { startTimestamps[target] = startTimestamps[index] }
  }

  /// Empties the optional columns that have nothing for any sample, as they are
  /// in columns that were stored and read again.
  package mutating func removeEmptyOptionalColumns() {
    if histograms.allSatisfy({ $0 == nil }) { histograms = [] }
    if startTimestamps.allSatisfy({ $0 == 0 }) { startTimestamps = [] }
  }

  /// Removes the samples from `start` on.
  package mutating func removeSamples(from start: Int) {
    timestamps.removeSubrange(start...)
    values.removeSubrange(start...)
    if histograms.isEmpty == false { histograms.removeSubrange(start...) }
    if startTimestamps.isEmpty == false { startTimestamps.removeSubrange(start...) }
  }

  /// Removes the samples at `range`.
  package mutating func removeSamples(at range: Range<Int>) {
    timestamps.removeSubrange(range)
    values.removeSubrange(range)
    if histograms.isEmpty == false { histograms.removeSubrange(range) }
    if startTimestamps.isEmpty == false { startTimestamps.removeSubrange(range) }
  }

  /// Removes the sample at `index`.
  package mutating func removeSample(at index: Int) {
    timestamps.remove(at: index)
    values.remove(at: index)
    if histograms.isEmpty == false { histograms.remove(at: index) }
    if startTimestamps.isEmpty == false { startTimestamps.remove(at: index) }
  }

  /// Fills up the optional columns that are there, behind samples that were put
  /// into the others alone.
  package mutating func padOptionalColumns() {
    if histograms.isEmpty == false { histograms.pad(with: nil, to: count) }
    if startTimestamps.isEmpty == false { startTimestamps.pad(with: 0, to: count) }
  }

  /// Appends the histograms of the last samples; those before have none where
  /// the column was empty.
  package mutating func setHistograms(ofLast added: [NativeHistogram?]) {
    histograms.pad(with: nil, to: count - added.count)
    histograms.append(contentsOf: added)
  }

  /// Appends the start timestamps of the last samples, likewise.
  package mutating func setStartTimestamps(ofLast added: [Int64]) {
    startTimestamps.pad(with: 0, to: count - added.count)
    startTimestamps.append(contentsOf: added)
  }
}
