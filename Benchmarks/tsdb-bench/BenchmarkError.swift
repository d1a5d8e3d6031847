/// Why a benchmark has no figures.
enum BenchmarkError: Error, CustomStringConvertible {
  /// Of 100 allocations another number was seen.
  case allocationsNotCounted(Int)
  /// A benchmark found that what it measured did not do its work.
  case wrongResult(String)
  /// The system refused what a benchmark needs.
  case system(call: String, errorNumber: Int32)

  var description: String {
    switch self {
    case .allocationsNotCounted(let count):
      "of 100 allocations \(count) were seen; the allocation functions of glibc are not replaced"
    case .wrongResult(let text): text
    case .system(let call, let number): "\(call) failed with error \(number)"
    }
  }
}
