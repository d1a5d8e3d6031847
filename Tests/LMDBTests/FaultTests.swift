#if TSDB_FAULTS
  import Glibc
  import LMDB
  import TestSupport
  import Testing

  @Suite(.serialized) struct FaultTests {
    /// Opens, writes, reads and walks; one value tells what is there afterwards.
    private func run(_ path: String) throws(LMDBError) {
      let environment = try Environment(path: path, tables: ["t"])
      try environment.write { transaction throws(LMDBError) in
        for key in ["a", "b"] {
          try transaction.put("1".utf8.span, for: key.utf8.span, in: environment.table("t"))
        }
        try transaction.delete("b".utf8.span, from: environment.table("t"))
      }
      #expect(try environment.keys() == ["a"])
    }

    @Test func everyCallMayFailOnce() throws {
      var number = 0
      var isPending = false
      while isPending == false {
        number += 1
        let directory = TemporaryDirectory("lmdb")
        FaultPlan.failCall(number: number, with: EIO)
        do {
          try run(directory.path)
        } catch {
          #expect(error.code == .system(EIO))
        }
        isPending = FaultPlan.isPending
        FaultPlan.failCall(number: 0, with: 0)
        try run(directory.path)
      }
      #expect(number > 15)
    }
  }
#endif
