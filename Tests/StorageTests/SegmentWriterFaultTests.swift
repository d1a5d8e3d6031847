#if TSDB_FAULTS
  import FaultInjection
  import Glibc
  import TestSupport
  import Testing

  @testable import Storage

  @Suite struct SegmentWriterFaultTests {
    private let directory = TemporaryDirectory("segment")

    /// The clean-up fails as well; what is told is what failed first.
    @Test func firstErrorIsTheOneThatIsThrown() throws {
      let journal = JournalDirectory(dataDirectory: directory.path)
      try FileSystem.createDirectory(journal.path)
      let plan = FaultPlan(.init(.file, number: 2, code: EIO, isLasting: true))
      FaultPlan.$current.withValue(plan) {
        let error = #expect(throws: FileError.self) {
          _ = try SegmentWriter.create(in: journal, kind: .log, number: 1)
        }
        #expect(error?.operation == .allocate)
      }
      #expect(plan.faultCount == 2)
    }
  }
#endif
