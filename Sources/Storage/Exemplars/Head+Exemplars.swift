import SeriesModel

extension Exemplar {
  /// The most characters of the names and values of the labels together.
  private static let labelCharacterLimit = 128

  var hasTooLongLabels: Bool {
    guard labels.encodedBytes.count > Exemplar.labelCharacterLimit else { return false }
    var count = 0
    labels.forEachBytes { name, value in
      for text in [String(decodingUTF8: name), String(decodingUTF8: value)] {
        count += text.unicodeScalars.count
      }
    }
    return count > Exemplar.labelCharacterLimit
  }

  /// Whether both are the same bit for bit.
  func isIdentical(to other: Exemplar) -> Bool {
    timestamp == other.timestamp && value.bitPattern == other.value.bitPattern
      && labels == other.labels
  }

  /// Whether the exemplar may follow `newest`: ascending in time, and of one
  /// time by value and labels, so that what was sent before is known again.
  func mayFollow(_ newest: Exemplar) -> Bool {
    if timestamp != newest.timestamp { return timestamp > newest.timestamp }
    if value != newest.value { return value > newest.value }
    return newest.labels < labels
  }
}

extension Head {
  /// Checks the exemplars of a batch whose samples are staged already, and
  /// stages what is accepted.
  ///
  /// - Parameter oldestAccepted: The first moment accepted.
  mutating func stageExemplars(
    of batch: SampleBatch, rules: StagingRules, oldestAccepted: Int64,
    outcome: inout StagedBatch
  ) {
    guard batch.exemplars.isEmpty == false, exemplars.capacity > 0 else { return }
    let options = rules.options
    for entry in batch.exemplars {
      if rules.knowsForgottenSeries == false, slots.slot(of: entry.seriesID) == nil {
        outcome.forgottenIDs.append(entry.seriesID)
      }
      guard
        let newest = staged.newestExemplars[entry.seriesID] ?? exemplars.last(of: entry.seriesID)
      else {
        stage(
          entry, refusal: refusal(of: entry, options, oldestAccepted), outcome: &outcome)
        continue
      }
      // What is sent again is neither stored again nor refused.
      if entry.exemplar.isIdentical(to: newest) {
        outcome.result.acceptedExemplarCount += 1
        continue
      }
      let isInOrder = entry.exemplar.mayFollow(newest)
      stage(
        entry, refusal: isInOrder ? refusal(of: entry, options, oldestAccepted) : .outOfOrder,
        outcome: &outcome)
    }
  }

  private func refusal(
    of entry: BatchExemplar, _ options: AppendOptions, _ oldestAccepted: Int64
  ) -> ExemplarRefusal? {
    guard let slot = slots.slot(of: entry.seriesID), slots.flags[slot].contains(.isRecorded)
    else { return .unknownSeries }
    let timestamp = entry.exemplar.timestamp
    if timestamp > options.latestAccepted || timestamp.milliseconds < oldestAccepted {
      return .outsideOfTimeLimits
    }
    return entry.exemplar.hasTooLongLabels ? .labelsTooLong : nil
  }

  private mutating func stage(
    _ entry: BatchExemplar, refusal: ExemplarRefusal?, outcome: inout StagedBatch
  ) {
    if let refusal {
      outcome.result.refusedExemplarCounts[refusal, default: 0] += 1
      return
    }
    staged.newestExemplars[entry.seriesID] = entry.exemplar
    outcome.record.exemplars.append(entry)
    outcome.result.acceptedExemplarCount += 1
  }

  /// Stores exemplars of the journal that are not stored already.
  mutating func replay(_ entries: [BatchExemplar]) {
    for entry in entries {
      if let newest = exemplars.last(of: entry.seriesID), entry.exemplar.mayFollow(newest) == false
      {
        continue
      }
      exemplars.append(entry)
    }
  }
}
