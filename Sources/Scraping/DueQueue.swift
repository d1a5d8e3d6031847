/// Things to do at a time, earliest first.
///
/// A binary heap. What is no longer wanted is not removed but recognised by
/// the caller when its time comes.
struct DueQueue<Element> {
  private var heap: [(due: Duration, element: Element)] = []

  /// When the first thing is due; nil when there is none.
  var nextDue: Duration? { heap.first?.due }

  /// Adds a thing.
  ///
  /// - Complexity: O(log *n*).
  mutating func add(_ element: Element, due: Duration) {
    heap.append((due, element))
    var place = heap.count - 1
    while place > 0, heap[place].due < heap[(place - 1) / 2].due {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Takes the first thing that is due at `now`, or returns nil.
  ///
  /// - Complexity: O(log *n*).
  mutating func popDue(at now: Duration) -> Element? {
    guard let first = heap.first, first.due <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < heap.count && heap[child].due < heap[least].due {
        least = child
      }
      if least == place { return first.element }
      heap.swapAt(place, least)
      place = least
    }
  }

  /// Removes everything.
  mutating func removeAll() {
    heap.removeAll()
  }
}
