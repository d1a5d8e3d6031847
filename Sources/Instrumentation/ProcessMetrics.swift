import Synchronization

extension Registry {
  /// Registers what the system says about this process: processor time, open
  /// files, memory and start, under the names every Prometheus client uses.
  ///
  /// - Throws: ``InstrumentationError`` when one of the names is taken.
  public func registerProcessMetrics() throws(InstrumentationError) {
    let status = LatestProcessStatus()
    try register(
      .counter(
        "process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds."
      ) { status.value.cpuSeconds })
    try register(
      .gauge("process_open_fds", help: "Number of open file descriptors.") {
        status.value.openFiles
      })
    try register(
      .gauge("process_max_fds", help: "Maximum number of open file descriptors.") {
        status.value.maximumOpenFiles
      })
    try register(
      .gauge("process_resident_memory_bytes", help: "Resident memory size in bytes.") {
        status.value.residentBytes
      })
    try register(
      .gauge("process_virtual_memory_bytes", help: "Virtual memory size in bytes.") {
        status.value.virtualBytes
      })
    try register(
      .gauge(
        "process_start_time_seconds",
        help: "Start time of the process since unix epoch in seconds."
      ) { status.value.startTimeSeconds })
    beforeEachCollection { status.update() }
  }
}

/// What the system said last about this process, read once per exposition.
private final class LatestProcessStatus: Sendable {
  /// Guards the status alone.
  private let latest = Mutex(ProcessStatus.current())

  var value: ProcessStatus { latest.withLock { $0 } }

  func update() {
    let status = ProcessStatus.current()
    latest.withLock { $0 = status }
  }
}
