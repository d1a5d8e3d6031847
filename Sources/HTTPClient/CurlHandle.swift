import CCurl
import Glibc

/// The library's global state.
enum CurlLibrary {
  /// Initialises the library the first time that it is read.
  static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
}

/// One transfer at a time, over and over again.
// Safety: `handle` and `errorText` are allocated by `init` and freed by
// `deinit`; `headerList` belongs to the handle's present request and is freed
// when that is over. The library calls back with an unretained pointer to this
// object, only from within `MultiHandle.perform`, and `MultiHandle` keeps the
// object as long as it knows the handle.
@safe final class EasyHandle {
  private let handle: UnsafeMutableRawPointer
  private let errorText: UnsafeMutablePointer<CChar>
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var request = FetchRequest(url: "")
  /// Whether the handle belongs to a ``RepeatedRequest`` and stays set up.
  var isKept = false
  fileprivate var receiver = ResponseReceiver(bodyLimitBytes: 0, reusing: [])

  /// - Throws: ``FetchError/other(code:detail:)`` when memory ran out.
  init() throws(FetchError) {
    guard CurlLibrary.isReady, let handle = unsafe curl_easy_init() else {
      throw .other(code: Int(CURLE_FAILED_INIT.rawValue), detail: "libcurl can't be initialised")
    }
    unsafe self.handle = handle
    unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    unsafe curl_easy_cleanup(handle)
    unsafe curl_slist_free_all(headerList)
    unsafe errorText.deallocate()
  }

  /// Tells handles apart.
  var identity: UInt { unsafe UInt(bitPattern: handle) }

  /// Sets the handle up for a request, which it may then serve many times.
  func prepare(_ request: FetchRequest) throws(FetchError) {
    reset()
    self.request = request
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    try check(unsafe tsdb_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText))
    try check(unsafe tsdb_curl_set_callback(handle, CURLOPT_WRITEFUNCTION, receiveBody))
    try check(unsafe tsdb_curl_set_pointer(handle, CURLOPT_WRITEDATA, context))
    try check(unsafe tsdb_curl_set_callback(handle, CURLOPT_HEADERFUNCTION, receiveHeader))
    try check(unsafe tsdb_curl_set_pointer(handle, CURLOPT_HEADERDATA, context))
    try set(CURLOPT_URL, request.url)
    try set(CURLOPT_USERAGENT, request.userAgent)
    try set(CURLOPT_PROTOCOLS_STR, "http,https")
    try set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
    // Proxies of the environment are not for targets of a configuration.
    try set(CURLOPT_PROXY, "")
    try set(CURLOPT_NOPROXY, "*")
    if request.isDecompressed { try set(CURLOPT_ACCEPT_ENCODING, "gzip") }
    try set(CURLOPT_NOSIGNAL, 1)
    try set(CURLOPT_TIMEOUT_MS, max(1, request.timeoutMilliseconds))
    try set(CURLOPT_FOLLOWLOCATION, request.followsRedirects ? 1 : 0)
    try set(CURLOPT_MAXREDIRS, FetchRequest.redirectLimit)
    try prepareMethodAndBody()
    try prepareHeaders()
  }

  /// Gets ready to receive an answer.
  ///
  /// - Parameter buffer: Gives its memory to the body of the answer.
  func beginReceiving(reusing buffer: consuming [UInt8]) {
    receiver = ResponseReceiver(bodyLimitBytes: request.maximumBodyBytes, reusing: buffer)
  }

  /// What came of the request, once the library is done with it.
  fileprivate func result(_ code: CURLcode) -> Result<FetchResponse, FetchError> {
    defer { forgetAnswer() }
    guard code == CURLE_OK else { return .failure(error(code)) }
    var status = 0
    unsafe tsdb_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    var microseconds: curl_off_t = 0
    unsafe tsdb_curl_get_offset(handle, CURLINFO_TOTAL_TIME_T, &microseconds)
    let encoding = receiver.headers["content-encoding"]
    return .success(
      FetchResponse(
        status: status, headers: receiver.headers, body: receiver.body,
        duration: .microseconds(microseconds),
        remainingEncoding: request.isDecompressed || encoding == "identity" ? nil : encoding))
  }

  /// Forgets the answer and, unless the handle stays set up for it, the
  /// request; the connection stays open for the next one.
  fileprivate func forgetAnswer() {
    if isKept {
      unsafe errorText[0] = 0
      receiver = ResponseReceiver(bodyLimitBytes: 0, reusing: [])
    } else {
      reset()
    }
  }

  private func reset() {
    unsafe curl_easy_reset(handle)
    unsafe curl_slist_free_all(headerList)
    unsafe headerList = nil
    unsafe errorText[0] = 0
    receiver = ResponseReceiver(bodyLimitBytes: 0, reusing: [])
  }

  private func prepareMethodAndBody() throws(FetchError) {
    guard !request.method.isEmpty, request.method.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw .invalidRequest(detail: "the method is not a word") }
    if let body = request.body {
      try check(
        unsafe tsdb_curl_set_offset(
          handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
      // Copies, so the array's memory is needed only during the call.
      let code = unsafe body.withUnsafeBytes { bytes in
        unsafe tsdb_curl_set_pointer(
          handle, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
      }
      try check(code)
    }
    switch request.method {
    case "GET" where request.body == nil: try set(CURLOPT_HTTPGET, 1)
    case "HEAD" where request.body == nil: try set(CURLOPT_NOBODY, 1)
    case "POST":
      if request.body == nil { try set(CURLOPT_POSTFIELDSIZE, 0) }
      try set(CURLOPT_POST, 1)
    default: try set(CURLOPT_CUSTOMREQUEST, request.method)
    }
  }

  private func prepareHeaders() throws(FetchError) {
    var hasContentType = false
    if request.acceptsGzip, request.keepsEncoding { try appendHeader("Accept-Encoding: gzip") }
    for (name, value) in request.headers {
      guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }),
        value.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x09 })
      else { throw .invalidRequest(detail: "the header \"\(name)\" holds a forbidden character") }
      if name.lowercased() == "content-type" { hasContentType = true }
      // An empty value is spelled so; a colon would suppress the header.
      try appendHeader(value.isEmpty ? "\(name);" : "\(name): \(value)")
    }
    // Else the library calls any body a form.
    if !hasContentType { try appendHeader("Content-Type:") }
    try check(unsafe tsdb_curl_set_pointer(handle, CURLOPT_HTTPHEADER, headerList))
  }

  private func appendHeader(_ line: String) throws(FetchError) {
    guard let list = unsafe curl_slist_append(headerList, line) else {
      throw error(CURLE_OUT_OF_MEMORY)
    }
    unsafe headerList = list
  }

  private func set(_ option: CURLoption, _ value: String) throws(FetchError) {
    try check(unsafe tsdb_curl_set_string(handle, option, value))
  }

  private func set(_ option: CURLoption, _ value: Int) throws(FetchError) {
    try check(unsafe tsdb_curl_set_long(handle, option, value))
  }

  private func check(_ code: CURLcode) throws(FetchError) {
    if code != CURLE_OK { throw error(code) }
  }

  /// Puts a failure of the library into our words.
  private func error(_ code: CURLcode) -> FetchError {
    switch receiver.overflow {
    case .body: return .bodyTooLarge(limit: receiver.bodyLimitBytes)
    case .headers: return .headersTooLarge(limit: ResponseReceiver.headerLimitBytes)
    case nil: break
    }
    let detail =
      unsafe errorText[0] != 0
      ? String(cString: errorText) : String(cString: curl_easy_strerror(code))
    switch code {
    case CURLE_URL_MALFORMAT: return .invalidRequest(detail: detail)
    // An answer without a status line counts as HTTP/0.9; only the text tells.
    case CURLE_UNSUPPORTED_PROTOCOL where detail.contains("HTTP/0.9"):
      return .malformedAnswer(detail: detail)
    case CURLE_UNSUPPORTED_PROTOCOL: return .unsupportedProtocol(detail: detail)
    case CURLE_COULDNT_RESOLVE_HOST: return .cannotResolveHost(detail: detail)
    case CURLE_COULDNT_CONNECT:
      var errorNumber = 0
      unsafe tsdb_curl_get_long(handle, CURLINFO_OS_ERRNO, &errorNumber)
      return errorNumber == Int(ECONNREFUSED)
        ? .connectionRefused(detail: detail) : .cannotConnect(detail: detail)
    case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE:
      return .connectionLost(detail: detail)
    case CURLE_OPERATION_TIMEDOUT:
      return .timedOut(afterMilliseconds: request.timeoutMilliseconds)
    case CURLE_TOO_MANY_REDIRECTS: return .tooManyRedirects(limit: FetchRequest.redirectLimit)
    case CURLE_BAD_CONTENT_ENCODING: return .badContentEncoding(detail: detail)
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE:
      return .tls(detail: detail)
    case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM:
      return .malformedAnswer(detail: detail)
    default: return .other(code: Int(code.rawValue), detail: detail)
    }
  }
}

/// Many transfers on one thread, which share their connections.
// Safety: `handle` is valid from `init` to `deinit`. All functions belong to
// the thread that performs, except `wakeup`, which the library allows from any
// thread: hence `@unchecked Sendable`. `added` keeps each easy handle for as
// long as the library knows it.
@safe final class MultiHandle: @unchecked Sendable {
  private let handle: UnsafeMutableRawPointer
  private var added: [UInt: EasyHandle] = [:]

  /// - Parameter idleConnectionLimit: Connections that stay open for the next
  ///   request.
  init(idleConnectionLimit: Int) throws(FetchError) {
    guard CurlLibrary.isReady, let handle = unsafe curl_multi_init() else {
      throw .other(code: Int(CURLE_FAILED_INIT.rawValue), detail: "libcurl can't be initialised")
    }
    unsafe self.handle = handle
    unsafe tsdb_curl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, idleConnectionLimit)
  }

  deinit {
    for easy in added.values { unsafe easy.detach(from: handle) }
    unsafe curl_multi_cleanup(handle)
  }

  /// Begins a prepared transfer with the next ``perform()``.
  func add(_ easy: EasyHandle) throws(FetchError) {
    try check(unsafe easy.attach(to: handle))
    added[easy.identity] = easy
  }

  /// Breaks a transfer off.
  func remove(_ easy: EasyHandle) {
    unsafe easy.detach(from: handle)
    added[easy.identity] = nil
    easy.forgetAnswer()
  }

  /// Does all that can be done without waiting.
  ///
  /// - Returns: The transfers that are over.
  func perform() -> [(easy: EasyHandle, result: Result<FetchResponse, FetchError>)] {
    var runningCount: Int32 = 0
    // A failure of the whole shows in the transfers, which then time out.
    unsafe curl_multi_perform(handle, &runningCount)
    var finished: [(easy: EasyHandle, result: Result<FetchResponse, FetchError>)] = []
    var queuedCount: Int32 = 0
    while let message = unsafe curl_multi_info_read(handle, &queuedCount) {
      guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
      let identity = unsafe UInt(bitPattern: message.pointee.easy_handle)
      let code = unsafe message.pointee.data.result
      guard let easy = added.removeValue(forKey: identity) else { continue }
      unsafe easy.detach(from: handle)
      finished.append((easy: easy, result: easy.result(code)))
    }
    return finished
  }

  /// Waits until there is something to do, ``wakeup()`` or the end of the time.
  func wait(timeoutMilliseconds: Int) {
    unsafe curl_multi_poll(handle, nil, 0, Int32(clamping: max(0, timeoutMilliseconds)), nil)
  }

  /// Ends the present or the next ``wait(timeoutMilliseconds:)``.
  func wakeup() {
    unsafe curl_multi_wakeup(handle)
  }

  private func check(_ code: CURLMcode) throws(FetchError) {
    guard code != CURLM_OK else { return }
    let detail = unsafe String(cString: curl_multi_strerror(code))
    throw .other(code: Int(code.rawValue), detail: detail)
  }
}

extension EasyHandle {
  @unsafe fileprivate func attach(to multi: UnsafeMutableRawPointer) -> CURLMcode {
    unsafe curl_multi_add_handle(multi, handle)
  }

  @unsafe fileprivate func detach(from multi: UnsafeMutableRawPointer) {
    unsafe curl_multi_remove_handle(multi, handle)
  }
}

// MARK: - Callbacks
//
// Safety of both: `context` is the `EasyHandle` whose transfer runs, which its
// `MultiHandle` keeps. Any count other than that received ends the transfer.

private func receiveBody(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context = unsafe context else { return 0 }
  let easy = unsafe Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue()
  let received = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
  return unsafe easy.receiver.receiveBody(received.bytes) ? size * count : 0
}

private func receiveHeader(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context = unsafe context else { return 0 }
  let easy = unsafe Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue()
  let received = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
  let line = unsafe received.assumingMemoryBound(to: UInt8.self).span
  return easy.receiver.receiveHeaderLine(line) ? size * count : 0
}
