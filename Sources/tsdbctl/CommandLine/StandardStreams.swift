import Glibc

/// Writes to the process's standard output.
enum StandardOutput {
  /// True when a person reads it as it is written.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Writes all of `text`; see ``write(_:)-([UInt8])``.
  static func write(_ text: String) {
    write(Array(text.utf8))
  }

  /// Writes all of `bytes`.
  ///
  /// A reader that has gone away, such as `head`, ends the process quietly;
  /// when nothing can be written, the process ends with status 1 and says why.
  static func write(_ bytes: [UInt8]) {
    let errorNumber = writeAll(bytes, to: STDOUT_FILENO)
    if errorNumber == EPIPE { exit(ExitStatus.success.rawValue) }
    if errorNumber != 0 {
      let reason = unsafe String(cString: strerror(errorNumber))
      StandardError.write("tsdbctl: can't write to standard output: \(reason)\n")
      exit(ExitStatus.failure.rawValue)
    }
  }
}

/// Writes to the process's standard error.
enum StandardError {
  /// Writes all of `text`; there is nowhere to tell of a failure.
  static func write(_ text: String) {
    _ = writeAll(Array(text.utf8), to: STDERR_FILENO)
  }

  /// Writes what a reader of the output should know, a line each.
  static func write(notes: [String]) {
    for note in notes { write("note: \(note)\n") }
  }
}

/// Reads the process's standard input.
enum StandardInput {
  /// All bytes up to the end, or to an error.
  static func read() -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }
}

/// Writes all bytes, and returns the system's error number or 0.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
  var position = 0
  while position < bytes.count {
    let written = unsafe bytes.withUnsafeBytes { buffer in
      unsafe Glibc.write(
        descriptor, buffer.baseAddress?.advanced(by: position), bytes.count - position)
    }
    if written < 0 {
      if errno == EINTR { continue }
      return errno
    }
    position += written
  }
  return 0
}
