import Synchronization

/// A double that any thread may set and add to without a lock.
struct AtomicDouble: ~Copyable, Sendable {
  /// The bits of the value; 0 stands for 0.0.
  private let bits = Atomic<UInt64>(0)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func set(to value: Double) {
    bits.store(value.bitPattern, ordering: .relaxed)
  }

  func add(_ amount: Double) {
    var seen = bits.load(ordering: .relaxed)
    while true {
      let sum = Double(bitPattern: seen) + amount
      let (exchanged, original) = bits.weakCompareExchange(
        expected: seen, desired: sum.bitPattern, ordering: .relaxed)
      if exchanged { return }
      seen = original
    }
  }
}

/// A fixed number of counts that any thread may raise without a lock.
// Safety: `cells` points to `count` initialised atomics for the whole life of
// the object, and every access checks its index.
@safe
final class AtomicCounts: Sendable {
  private let count: Int
  // Atomics are made to be shared, and the pointer itself never changes.
  private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<UInt64>>

  init(count: Int) {
    self.count = count
    unsafe cells = .allocate(capacity: count)
    for index in 0..<count {
      unsafe (cells + index).initialize(to: Atomic(0))
    }
  }

  deinit {
    unsafe cells.deinitialize(count: count)
    unsafe cells.deallocate()
  }

  func increment(at index: Int) {
    precondition(index >= 0 && index < count)
    unsafe cells[index].wrappingAdd(1, ordering: .relaxed)
  }

  subscript(index: Int) -> UInt64 {
    precondition(index >= 0 && index < count)
    return unsafe cells[index].load(ordering: .relaxed)
  }
}
