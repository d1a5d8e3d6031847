import Foundation
import SeriesModel
import Storage
import TestSupport
import Testing

@Suite struct StoreFaultTests {
  private static let labels: Labels = ["__name__": "m"]

  /// In a child whose files may not grow beyond 6 MiB, so that the journal
  /// can't be extended: the store must refuse from then on, and still answer.
  @Test func failedWriteRefusesAppendsAndKeepsReads() async throws {
    let directory = TemporaryDirectory("fault")
    let path = directory.path("data")
    await #expect(processExitsWith: .success) { [path = path as String] in
      try StoreFaultTests.fillUntilRefused(path: path)
    }
    let store = try Store.open(directory: path)
    #expect(store.warnings.isEmpty)
    #expect(try store.samples()[StoreFaultTests.labels]?.isEmpty == false)
    try store.append(StoreFaultTests.labels, [(.max, 1)])
    try store.close()
  }

  /// Runs in the child.
  private static func fillUntilRefused(path: String) throws {
    signal(SIGXFSZ, SIG_IGN)
    let store = try Store.open(directory: path)
    var limit = rlimit(rlim_cur: 6 << 20, rlim_max: 6 << 20)
    let status = unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    try #require(status == 0)
    var storedCount = 0
    var refusal: StorageError?
    while refusal == nil {
      let pairs = (0..<10_000).map { (Int64(storedCount + $0), Double($0)) }
      do {
        try store.append(labels, pairs)
        storedCount += pairs.count
      } catch let error as StorageError {
        refusal = error
      }
    }
    guard case .file = refusal else { preconditionFailure("\(String(describing: refusal))") }
    precondition(storedCount > 100_000)
    precondition(store.statistics.failure != nil)
    let found = try store.samples()[labels]
    precondition(found?.count == storedCount)
    do {
      try store.append(labels, [(.max, 1)])
      preconditionFailure("a store that failed took a sample")
    } catch StorageError.failedEarlier {
      exit(0)
    }
  }
}
