/// The name among `candidates` that `name` was probably meant to be.
///
/// - Returns: Nil when none is near: more than a third of the letters would
///   have to change.
package func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
  var best: (name: String, distance: Int)?
  for candidate in candidates {
    let allowed = max(1, min(name.utf8.count, candidate.utf8.count) / 3)
    guard abs(name.utf8.count - candidate.utf8.count) <= allowed else { continue }
    let distance = editDistance(Array(name.utf8), Array(candidate.utf8))
    if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  return best?.name
}

/// The least number of letters inserted, removed, replaced or swapped with
/// their neighbour that turn one text into the other.
///
/// - Complexity: O(*n m*), for names from files bounded by the check above.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for row in 0..<left.count {
    var current = [row + 1]
    for column in 0..<right.count {
      var distance = min(last[column + 1], current[column]) + 1
      distance = min(distance, last[column] + (left[row] == right[column] ? 0 : 1))
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        distance = min(distance, beforeLast[column - 1] + 1)
      }
      current.append(distance)
    }
    (beforeLast, last) = (last, current)
  }
  return last[right.count]
}
