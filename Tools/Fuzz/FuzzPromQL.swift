import TestSupport

/// Called by libFuzzer with inputs that it makes up.
@_cdecl("LLVMFuzzerTestOneInput")
public func parseFuzzedQuery(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  // Safety: libFuzzer passes a buffer of `count` bytes that lives for the call.
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  if let problem = FuzzedQuery(input).problem() { fatalError(problem) }
  return 0
}
