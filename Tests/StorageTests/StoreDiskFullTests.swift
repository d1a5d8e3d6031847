import Foundation
import SeriesModel
import Storage
import TestSupport
import Testing

/// A file system of some megabytes that is really full.
///
/// Needs the right to mount one; elsewhere nothing is tested.
@Suite struct StoreDiskFullTests {
  /// A mounted file system in memory, unmounted when the value goes.
  private final class SmallDisk: Sendable {
    let path: String
    private let directory = TemporaryDirectory("small")

    init?(megabytes: Int) throws {
      path = directory.path("disk")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      guard getuid() == 0,
        try SmallDisk.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path)
      else { return nil }
    }

    deinit {
      do {
        _ = try SmallDisk.run("umount", "-l", path)
      } catch {
        Issue.record(error)
      }
    }

    private static func run(_ command: String...) throws -> Bool {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = command
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
  }

  private static let isRight: Bool = {
    do {
      return try SmallDisk(megabytes: 1) != nil
    } catch {
      return false
    }
  }()

  /// - Parameter sealsOften: True fills the disk with tables, false with the
  ///   journal.
  @Test(
    .enabled(if: isRight, "mounting a small file system needs root"), arguments: [true, false])
  func fullDiskLosesNothingAndGoesOnOnceThereIsSpace(sealsOften: Bool) throws {
    let disk = try #require(try SmallDisk(megabytes: 40))
    let ballast = disk.path + "/ballast"
    try Data(count: 16 << 20).write(to: URL(filePath: ballast))
    let path = disk.path + "/data"
    var options = StoreOptions()
    options.deletionPauseMicroseconds = 0
    options.retentionMilliseconds = .max
    options.minimumFreeByteCount = 0
    if sealsOften { options.checkpointThresholdBytes = 1 }
    var store = try Store.open(directory: path, options: options)
    let count = try fill(store, seals: sealsOften)
    #expect(count > batchCount)
    #expect(try store.samples()[labels]?.count == count)
    // It may refuse until it is opened again, and closing may lack space too.
    _ = try? store.close()
    try FileManager.default.removeItem(atPath: ballast)

    store = try Store.open(directory: path, options: options)
    #expect(store.warnings.isEmpty)
    let found = try store.samples()[labels] ?? []
    // The batch that was refused may be there, whole.
    #expect(found.count == count || found.count == count + batchCount)
    #expect(zip(found, 0...).allSatisfy { $0.timestamp.milliseconds == Int64($1) * 1000 })
    #expect(try store.append(labels, [(Int64(found.count) * 1000, 1)]).rejections.isEmpty)
    try store.sealEverything()
    try store.close()
    #expect(try StoreReader.open(directory: path).samples()[labels]?.count == found.count + 1)
  }

  private let labels: Labels = ["__name__": "m"]
  private let batchCount = 5000

  /// Appends until that is refused, and returns how many samples were taken.
  private func fill(_ store: Store, seals: Bool) throws -> Int {
    var generator = SeededGenerator(seed: 1)
    var count = 0
    while true {
      let pairs = (count..<count + batchCount).map {
        // Small in the tables, where the journal's samples must find room in the end.
        (
          Int64($0) * 1000,
          seals
            ? Double.random(in: 0...1, using: &generator)
            : Double(Int.random(in: 0..<1000, using: &generator))
        )
      }
      do {
        let result = try store.append(labels, pairs)
        #expect(result.rejections.isEmpty)
        count += batchCount
        if seals { try store.maintain(now: Timestamp(milliseconds: 0)) }
      } catch let error as StorageError {
        #expect(error.description.isEmpty == false && error.hint != nil)
        return count
      }
    }
  }
}
