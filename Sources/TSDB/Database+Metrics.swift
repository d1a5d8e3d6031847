import Instrumentation
import SeriesModel
import Storage

extension Database {
  /// Registers metrics of the database itself, under Prometheus's names where
  /// the meaning is equal.
  ///
  /// - Throws: ``InstrumentationError`` when `registry` has other metrics of
  ///   the same names.
  public func registerMetrics(in registry: Registry) throws {
    let metrics = StatisticsMetrics(registry: registry) { [writer] in writer?.statistics }
    try metrics.registerHead()
    try metrics.registerTimes()
    try metrics.registerExemplars(maximumCount: maximumExemplars)
    try metrics.registerJournal()
    try metrics.registerTables()
    try registry.register(
      .gauge(
        "prometheus_tsdb_retention_limit_seconds", help: "How long samples are kept."
      ) { [retention] in retention / .seconds(1) })
    try registerDurations(in: registry)
  }
}

extension StatisticsMetrics {
  /// What is in memory, and what became of samples.
  fileprivate func registerHead() throws {
    try gauge("prometheus_tsdb_head_series", "Series in memory.") { Double($0.headSeriesCount) }
    try gauge("prometheus_tsdb_head_chunks", "Chunks in memory, open and closed.") {
      Double($0.openChunkCount + $0.closedChunkCount)
    }
    try gauge("tsdb_head_chunk_bytes", "Memory that holds open chunks.") {
      Double($0.openChunkBytes)
    }
    try counter(
      "prometheus_tsdb_head_samples_appended_total", "Samples accepted since the start."
    ) { Double($0.appendedSampleCount) }
    for reason in RejectionReason.allCases {
      let name = reason.rawValue.split(separator: "-").joined(separator: "_")
      try counter(
        "tsdb_samples_refused_\(name)_total", "Samples refused since the start: \(reason.rawValue)."
      ) { Double($0.rejectedSampleCounts[reason] ?? 0) }
    }
    try counter(
      "tsdb_duplicates_dropped_total",
      "Samples accepted and dropped because another value is kept at their time."
    ) { Double($0.droppedDuplicateCount) }
    try counter(
      "tsdb_samples_replaced_total", "Samples that took the place of stored ones."
    ) { Double($0.replacedSampleCount) }
    try counter(
      "prometheus_tsdb_out_of_order_samples_appended_total",
      "Samples accepted that were not newer than the newest of their series."
    ) { Double($0.outOfOrderSampleCount) }
    try gauge("tsdb_store_failed", "1 when a failed write made the store refuse samples.") {
      $0.failure == nil ? 0 : 1
    }
  }

  /// What the journal holds, and what checkpoints took from it.
  fileprivate func registerJournal() throws {
    try gauge("prometheus_tsdb_wal_segment_current", "Highest number of a journal segment.") {
      Double($0.currentSegment)
    }
    try gauge("tsdb_journal_bytes", "Bytes of the journal that a restart would read.") {
      Double($0.journalBytes)
    }
    try gauge("tsdb_journal_segments", "Segments of the journal.") { Double($0.segmentCount) }
    try counter("tsdb_journal_commits_total", "Commits to the journal since the start.") {
      Double($0.commitCount)
    }
    try counter("tsdb_checkpoints_total", "Checkpoints since the start.") {
      Double($0.checkpointCount)
    }
    try counter("tsdb_sealed_chunks_total", "Chunks written to the tables since the start.") {
      Double($0.sealedChunkCount)
    }
    try gauge("tsdb_windows", "Time windows in the tables.") { Double($0.windowCount) }
    try counter("tsdb_deleted_windows_total", "Windows that retention deleted.") {
      Double($0.deletedWindowCount)
    }
    try gauge(
      "tsdb_quarantined_chunks", "Chunks and blocks that were found damaged and left out."
    ) { Double($0.quarantinedChunkCount) }
    try counter(
      "prometheus_tsdb_size_retentions_total", "Windows deleted because of their size."
    ) { Double($0.sizeDeletedWindowCount) }
    try gauge(
      "tsdb_disk_free_bytes", "Bytes free on the disk when last looked at; -1 if unknown."
    ) { Double($0.freeByteCount ?? -1) }
    try gauge("tsdb_store_read_only", "1 while a full disk makes the store refuse samples.") {
      $0.suspension == nil ? 0 : 1
    }
  }
}
