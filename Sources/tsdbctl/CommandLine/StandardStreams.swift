import Glibc

/// Writes to the process's standard output.
enum StandardOutput {
  /// Writes all of `text`; a closed pipe ends the process quietly.
  static func write(_ text: String) {
    writeAll(Array(text.utf8), to: STDOUT_FILENO)
  }

  /// Writes all of `bytes`; a closed pipe ends the process quietly.
  static func write(_ bytes: [UInt8]) {
    writeAll(bytes, to: STDOUT_FILENO)
  }
}

/// Writes to the process's standard error.
enum StandardError {
  /// Writes all of `text`.
  static func write(_ text: String) {
    writeAll(Array(text.utf8), to: STDERR_FILENO)
  }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  var position = 0
  while position < bytes.count {
    let written = unsafe bytes.withUnsafeBytes { buffer in
      unsafe Glibc.write(
        descriptor, buffer.baseAddress?.advanced(by: position), bytes.count - position)
    }
    if written < 0 {
      if errno == EINTR { continue }
      // A reader that has gone away, such as `head`, is no failure of ours.
      if descriptor == STDOUT_FILENO, errno == EPIPE { exit(0) }
      return
    }
    position += written
  }
}
