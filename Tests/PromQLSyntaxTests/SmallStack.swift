import Glibc
import Synchronization

/// Runs `body` on a thread with a stack of 512 KiB and waits for it.
func withSmallStack(_ body: @escaping @Sendable () -> Void) {
  let box = unsafe Unmanaged.passRetained(Work(body))
  var thread = pthread_t()
  // Safety: the attributes are initialised before they are used and destroyed
  // after the thread has been made; the box is released by the thread, which
  // is awaited.
  let status = unsafe withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) {
    buffer in
    let attributes = buffer.baseAddress!
    unsafe pthread_attr_init(attributes)
    defer { unsafe pthread_attr_destroy(attributes) }
    unsafe pthread_attr_setstacksize(attributes, 512 << 10)
    return unsafe pthread_create(
      &thread, attributes,
      { argument in
        guard let argument = unsafe argument else { return nil }
        unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
  }
  precondition(status == 0, "no thread")
  pthread_join(thread, nil)
}

private final class Work: Sendable {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
  }
}
