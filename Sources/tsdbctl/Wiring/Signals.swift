import Glibc

/// The signals the server answers to, taken in turn by the main thread.
enum Signals {
  /// What a signal asks for.
  enum Request {
    case stop(name: String)
    case reload
  }

  /// Keeps the signals from every thread started later.
  ///
  /// Call it before any thread is started; ``next()`` then receives them.
  static func block() {
    var set = signalSet()
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Waits for the next signal.
  static func next() -> Request {
    var set = signalSet()
    var number: Int32 = 0
    while true {
      guard unsafe sigwait(&set, &number) == 0 else { continue }
      switch number {
      case SIGHUP: return .reload
      case SIGINT: return .stop(name: "SIGINT")
      default: return .stop(name: "SIGTERM")
      }
    }
  }

  /// Asks this process to stop, as the signal from outside would.
  static func requestStop() {
    kill(getpid(), SIGTERM)
  }

  private static func signalSet() -> sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, number) }
    return set
  }
}
