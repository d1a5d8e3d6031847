#if TSDB_FAULTS
  import FaultInjection
  import Glibc
  import LMDB
  import TestSupport
  import Testing

  @Suite struct FaultTests {
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

    @Test(arguments: [.database, .commit] as [FaultPlan.CallKind], [true, false])
    func everyCallMayFailOnce(kind: FaultPlan.CallKind, writesFirst: Bool) throws {
      var number = 0
      var plan: FaultPlan
      repeat {
        number += 1
        let directory = TemporaryDirectory("lmdb")
        plan = FaultPlan(
          FaultPlan.Fault(kind, number: number, code: EIO, writesFirst: writesFirst))
        do {
          try FaultPlan.$current.withValue(plan) { try run(directory.path) }
        } catch {
          #expect((error as? LMDBError)?.code == .system(EIO))
        }
        try run(directory.path)
      } while plan.faultCount > 0
      #expect(number > (kind == .commit ? 2 : 15))
    }
  }
#endif
