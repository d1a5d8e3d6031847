import Testing

@testable import Instrumentation

@Suite struct ExpositionTextTests {
  static let floats: [(Double, String)] = [
    (0, "0"), (-0.0, "-0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (4.2, "4.2"), (0.005, "0.005"),
    (0.0001, "0.0001"), (0.00001, "1e-05"), (-0.000123, "-0.000123"), (999_999, "999999"),
    (1_000_000, "1e+06"), (1_234_567, "1.234567e+06"), (123_456.789, "123456.789"),
    (1_795_217_260.2373965, "1.7952172602373965e+09"), (1e16, "1e+16"), (1e21, "1e+21"),
    (1.5e300, "1.5e+300"), (Double.leastNonzeroMagnitude, "5e-324"),
    (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
    (1e15, "1e+15"), (100, "100"), (120.5, "120.5"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
    (.nan, "NaN"),
  ]

  @Test(arguments: floats) func floatsAreWrittenAsGoWritesThem(_ value: Double, _ text: String) {
    #expect(ExpositionText.float(value) == text)
  }

  @Test func floatsReadBackBitForBit() throws {
    var state: UInt64 = 42
    for _ in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Double(bitPattern: state)
      guard value.isFinite else { continue }
      #expect(try #require(Double(ExpositionText.float(value))).bitPattern == value.bitPattern)
    }
  }
}

@Suite struct ProcessStatusTests {
  @Test func fieldsAreFoundBehindAnyProcessName() {
    var fields = (3...30).map { String($0 * 100) }
    fields[0] = "S"
    var status = ProcessStatus()
    status.readFields(
      of: "12 (a) b) " + fields.joined(separator: " ") + "\n", bootTimeSeconds: 1000)
    // 100 ticks a second is what Linux shows on every machine.
    #expect(status.cpuSeconds == 29)
    #expect(status.startTimeSeconds == 1022)
    #expect(status.virtualBytes == 2300)
    #expect(status.residentBytes == 2400 * 4096)
  }

  @Test func unreadableTextLeavesUnknownValues() {
    for text in ["", "12 (a", "12 (a) S 1 2"] {
      var status = ProcessStatus()
      status.readFields(of: text, bootTimeSeconds: 0)
      #expect(status.cpuSeconds.isNaN)
      #expect(status.residentBytes.isNaN)
    }
  }

  @Test func thisProcessHasPlausibleValues() throws {
    let status = ProcessStatus.current()
    #expect(status.cpuSeconds > 0)
    #expect(status.openFiles >= 3)
    #expect(status.maximumOpenFiles >= status.openFiles)
    #expect(status.residentBytes > 1_000_000)
    #expect(status.virtualBytes > status.residentBytes)
    #expect(status.startTimeSeconds > 1_600_000_000)
  }

  @Test func processMetricsAreRegisteredOnce() throws {
    let registry = Registry()
    try registry.registerProcessMetrics()
    var bytes: [UInt8] = []
    registry.writeText(into: &bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    for name in [
      "process_cpu_seconds_total", "process_open_fds", "process_max_fds",
      "process_resident_memory_bytes", "process_virtual_memory_bytes",
      "process_start_time_seconds",
    ] {
      #expect(text.contains("\n\(name) ") || text.hasPrefix("\(name) "))
    }
    #expect(throws: InstrumentationError.self) { try registry.registerProcessMetrics() }
  }
}
