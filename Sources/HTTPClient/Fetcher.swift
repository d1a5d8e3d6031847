/// Runs many fetches at a time on one thread, and keeps connections open
/// between them.
///
/// A fetcher belongs to the thread that made it. The loop of that thread is:
/// ``add(_:token:reusing:)`` what is due, ``poll(timeoutMilliseconds:)`` until
/// the next is due, handle what came back. Other threads end the wait through
/// ``waker``.
package final class Fetcher {
  /// A fetch that is over.
  package struct Completion: Sendable {
    /// The token that it was added with.
    package let token: UInt64
    /// The answer, or why there is none.
    package let result: Result<FetchResponse, FetchError>
  }

  /// Ends the wait of a fetcher from any thread.
  package struct Waker: Sendable {
    fileprivate let multi: MultiHandle

    /// Lets the present or the next ``Fetcher/poll(timeoutMilliseconds:)``
    /// return. Does nothing when the fetcher is gone.
    package func wakeup() {
      multi.wakeup()
    }
  }

  /// Ends a wait of this fetcher from another thread.
  package let waker: Waker

  private let multi: MultiHandle
  /// The fetches under way by token, and their tokens by handle.
  private var handles: [UInt64: EasyHandle] = [:]
  private var tokens: [UInt: UInt64] = [:]
  /// Handles without a transfer.
  private var idleHandles: [EasyHandle] = []
  private let keptHandles = HandleBudget(limit: 512)
  /// Fetches that failed before they began.
  private var failed: [Completion] = []

  /// Creates a fetcher. The first one of a process takes some milliseconds.
  ///
  /// - Parameter idleConnectionLimit: Connections that are kept open for later
  ///   fetches.
  /// - Throws: ``FetchError/other(code:detail:)`` when memory or descriptors ran
  ///   out.
  package init(idleConnectionLimit: Int = 512) throws(FetchError) {
    multi = try MultiHandle(idleConnectionLimit: idleConnectionLimit)
    waker = Waker(multi: multi)
  }

  deinit {
    // The waker may outlive the fetcher; its transfers must not.
    for easy in handles.values { multi.remove(easy) }
  }

  /// The number of fetches under way.
  package var activeCount: Int {
    handles.count + failed.count
  }

  /// Begins a fetch; its result comes from ``poll(timeoutMilliseconds:)``, also
  /// when it can't even begin.
  ///
  /// - Parameters:
  ///   - token: Names the fetch.
  ///   - buffer: Gives its memory to the body: the body of an earlier answer,
  ///     for instance.
  /// - Precondition: No fetch under way has the same token.
  package func add(_ request: FetchRequest, token: UInt64, reusing buffer: consuming [UInt8] = []) {
    begin(token, reusing: buffer) { () throws(FetchError) in
      let easy = try makeHandle()
      try easy.prepare(request)
      return easy
    }
  }

  /// Begins a fetch as ``add(_:token:reusing:)`` does, and keeps what was set
  /// up for the next time.
  ///
  /// - Precondition: The request is not under way, and was added to no other
  ///   fetcher.
  package func add(
    _ repeated: RepeatedRequest, token: UInt64, reusing buffer: consuming [UInt8] = []
  ) {
    begin(token, reusing: buffer) { () throws(FetchError) in
      if let handle = repeated.handle { return handle }
      let easy = try makeHandle()
      try easy.prepare(repeated.request)
      repeated.keep(easy, within: keptHandles)
      return easy
    }
  }

  private func begin(
    _ token: UInt64, reusing buffer: consuming [UInt8],
    _ preparedHandle: () throws(FetchError) -> EasyHandle
  ) {
    precondition(handles[token] == nil, "the token \(token) is in use")
    do throws(FetchError) {
      let easy = try preparedHandle()
      precondition(tokens[easy.identity] == nil, "the request is under way")
      easy.beginReceiving(reusing: buffer)
      try multi.add(easy)
      handles[token] = easy
      tokens[easy.identity] = token
    } catch {
      failed.append(Completion(token: token, result: .failure(error)))
    }
  }

  /// Breaks a fetch off; it never completes. Unknown tokens are ignored.
  package func cancel(token: UInt64) {
    failed.removeAll { $0.token == token }
    guard let easy = handles.removeValue(forKey: token) else { return }
    tokens[easy.identity] = nil
    multi.remove(easy)
    giveBack(easy)
  }

  /// Moves all fetches on, and waits for one of them to end.
  ///
  /// - Parameter timeoutMilliseconds: How long to wait at most.
  /// - Returns: The fetches that are over; empty when the time is, after a
  ///   wake-up, and sometimes earlier.
  package func poll(timeoutMilliseconds: Int) -> [Completion] {
    let early = perform()
    if !early.isEmpty { return early }
    multi.wait(timeoutMilliseconds: timeoutMilliseconds)
    return perform()
  }

  /// Fetches one thing and waits for it.
  ///
  /// For command lines; nothing is kept for the next call.
  package static func fetch(_ request: FetchRequest) throws(FetchError) -> FetchResponse {
    let fetcher = try Fetcher(idleConnectionLimit: 1)
    fetcher.add(request, token: 0)
    while true {
      // The request's own timeout ends the loop.
      if let completion = fetcher.poll(timeoutMilliseconds: 1000).first {
        return try completion.result.get()
      }
    }
  }

  private func giveBack(_ easy: EasyHandle) {
    if easy.isKept == false { idleHandles.append(easy) }
  }

  private func makeHandle() throws(FetchError) -> EasyHandle {
    if let idle = idleHandles.popLast() { return idle }
    return try EasyHandle()
  }

  private func perform() -> [Completion] {
    var completions = failed
    failed = []
    for (easy, result) in multi.perform() {
      guard let token = tokens.removeValue(forKey: easy.identity) else { continue }
      handles[token] = nil
      giveBack(easy)
      completions.append(Completion(token: token, result: result))
    }
    return completions
  }
}
