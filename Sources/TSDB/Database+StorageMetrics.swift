import Instrumentation
import SeriesModel
import Storage

/// Registers metrics that are read from the statistics of a store.
struct StatisticsMetrics {
  let registry: Registry
  let statistics: @Sendable () -> StoreStatistics?

  func counter(
    _ name: String, _ help: String, _ read: @escaping @Sendable (StoreStatistics) -> Double
  ) throws {
    try registry.register(
      .counter(name, help: help) { [statistics] in statistics().map(read) ?? 0 })
  }

  func gauge(
    _ name: String, _ help: String, _ read: @escaping @Sendable (StoreStatistics) -> Double
  ) throws {
    try registry.register(
      .gauge(name, help: help) { [statistics] in statistics().map(read) ?? 0 })
  }

  /// The times of samples, in milliseconds and in seconds.
  func registerTimes() throws {
    try gauge("prometheus_tsdb_head_max_time", "Time of the newest sample, in milliseconds.") {
      Double($0.newestTimestamp?.milliseconds ?? 0)
    }
    try gauge("prometheus_tsdb_head_max_time_seconds", "Time of the newest sample, in seconds.") {
      Double($0.newestTimestamp?.milliseconds ?? 0) / 1000
    }
    try gauge("prometheus_tsdb_lowest_timestamp", "Time of the oldest sample, in milliseconds.") {
      Double($0.oldestTimestamp?.milliseconds ?? 0)
    }
    try gauge(
      "prometheus_tsdb_lowest_timestamp_seconds", "Time of the oldest sample, in seconds."
    ) { Double($0.oldestTimestamp?.milliseconds ?? 0) / 1000 }
  }

  /// What is in the tables, and what was done to them.
  func registerTables() throws {
    try gauge(
      "prometheus_tsdb_storage_blocks_bytes",
      "Bytes of the tables up to the last page ever used, free pages included."
    ) { Double($0.tableBytes) }
    try gauge("tsdb_map_size_bytes", "Address space reserved for the tables.") {
      Double($0.mapSizeBytes)
    }
    try counter(
      "prometheus_tsdb_compactions_total", "Checkpoints, and merges of windows that ended."
    ) { Double($0.checkpointCount + $0.mergedWindowCount) }
    try counter("tsdb_merged_windows_total", "Merges of windows that ended.") {
      Double($0.mergedWindowCount)
    }
    try counter("tsdb_merge_seconds_total", "Seconds spent on merging windows.") {
      $0.mergeSeconds
    }
    try counter(
      "prometheus_tsdb_time_retentions_total", "Windows deleted because they were too old."
    ) { Double($0.deletedWindowCount) }
  }

  /// - Parameter maximumCount: How many exemplars are kept at most.
  func registerExemplars(maximumCount: Int) throws {
    try gauge("prometheus_tsdb_exemplar_max_exemplars", "Exemplars that are kept at most.") { _ in
      Double(maximumCount)
    }
    try gauge("prometheus_tsdb_exemplar_exemplars_in_storage", "Exemplars that are kept.") {
      Double($0.exemplarCount)
    }
    try gauge(
      "prometheus_tsdb_exemplar_series_with_exemplars_in_storage", "Series that have exemplars."
    ) { Double($0.exemplarSeriesCount) }
    try gauge(
      "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
      "Time of the exemplar that came last."
    ) { Double($0.lastExemplarTimestamp?.milliseconds ?? 0) / 1000 }
    try counter(
      "prometheus_tsdb_exemplar_exemplars_appended_total",
      "Exemplars accepted since the start, those sent again included."
    ) { Double($0.appendedExemplarCount) }
    try counter(
      "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
      "Exemplars refused because their series has a later one."
    ) { Double($0.refusedExemplarCounts[.outOfOrder] ?? 0) }
    for refusal in ExemplarRefusal.allCases where refusal != .outOfOrder {
      let name = refusal.rawValue.split(separator: "-").joined(separator: "_")
      try counter(
        "tsdb_exemplars_refused_\(name)_total",
        "Exemplars refused since the start: \(refusal.rawValue)."
      ) { Double($0.refusedExemplarCounts[refusal] ?? 0) }
    }
  }
}

extension Database {
  /// Registers histograms of the store's work, which are kept from now on.
  func registerDurations(in registry: Registry) throws {
    let synchronizations = try registry.register(
      .histogram(
        "prometheus_tsdb_wal_fsync_duration_seconds",
        help: "Seconds to write and sync the journal, once for all that wait for it."))
    let checkpoints = try registry.register(
      .histogram(
        "prometheus_tsdb_compaction_duration_seconds",
        help: "Seconds that a checkpoint took to move chunks and series to the tables."))
    writer?.observe(
      StoreObserver(
        didSynchronize: { synchronizations.observe($0) },
        didCheckpoint: { checkpoints.observe($0) }))
  }
}
