import Glibc
import Synchronization

/// The system can't start another thread.
package struct ThreadError: Error, Equatable, CustomStringConvertible {
  /// The system's error number.
  package let errorNumber: Int32

  package var description: String {
    "can't start a thread (error \(errorNumber)); the limit on processes may be reached"
  }
}

/// A plain thread, for work that blocks.
///
/// Join it, or drop it: a thread that nobody joins goes on by itself until its
/// body returns.
package final class WorkerThread: Sendable {
  private let handle: pthread_t
  private let isJoined = Atomic(false)

  /// Starts a thread that runs `body` and then ends.
  ///
  /// - Parameter body: Keeps alive what it uses.
  package init(_ body: @escaping @Sendable () -> Void) throws(ThreadError) {
    let context = unsafe Unmanaged.passRetained(Body(run: body))
    var thread = pthread_t()
    let status = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context {
          unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        }
        return nil
      }, context.toOpaque())
    guard status == 0 else {
      unsafe context.release()
      throw ThreadError(errorNumber: status)
    }
    handle = thread
  }

  deinit {
    if isJoined.load(ordering: .relaxed) == false { pthread_detach(handle) }
  }

  /// Waits until the thread has ended; called once.
  package func join() {
    isJoined.store(true, ordering: .relaxed)
    pthread_join(handle, nil)
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void

    init(run: @escaping @Sendable () -> Void) {
      self.run = run
    }
  }
}
