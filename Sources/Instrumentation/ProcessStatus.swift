import Glibc

/// What Linux says about this process; NaN for what it does not say.
struct ProcessStatus: Sendable {
  var cpuSeconds = Double.nan
  var openFiles = Double.nan
  var maximumOpenFiles = Double.nan
  var residentBytes = Double.nan
  var virtualBytes = Double.nan
  var startTimeSeconds = Double.nan

  /// Reads `/proc`.
  static func current() -> ProcessStatus {
    var status = ProcessStatus()
    status.openFiles = countOpenFiles()
    status.maximumOpenFiles = maximumOpenFiles()
    guard let text = readText("/proc/self/stat") else { return status }
    status.readFields(of: text, bootTimeSeconds: bootTimeSeconds())
    return status
  }

  /// Takes the fields of `/proc/<pid>/stat` by their places, see `proc(5)`.
  mutating func readFields(of text: String, bootTimeSeconds: Double) {
    // The second field is a file name in parentheses and may hold anything;
    // counting starts with the third, after its end.
    guard let nameEnd = text.lastIndex(of: ")") else { return }
    let fields = text[nameEnd...].dropFirst().split(whereSeparator: \.isWhitespace)
    func field(_ number: Int) -> Double {
      let index = number - 3
      return fields.indices.contains(index) ? Double(fields[index]) ?? .nan : .nan
    }
    let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
    cpuSeconds = (field(14) + field(15)) / ticksPerSecond
    startTimeSeconds = bootTimeSeconds + field(22) / ticksPerSecond
    virtualBytes = field(23)
    residentBytes = field(24) * Double(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func bootTimeSeconds() -> Double {
    guard let text = readText("/proc/stat") else { return .nan }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == "btime" { return Double(words[1]) ?? .nan }
    }
    return .nan
  }

  private static func countOpenFiles() -> Double {
    guard let directory = unsafe opendir("/proc/self/fd") else { return .nan }
    defer { unsafe closedir(directory) }
    var count = 0
    while unsafe readdir(directory) != nil { count += 1 }
    // Not counted: the entries "." and "..", and the directory itself.
    return Double(count - 3)
  }

  private static func maximumOpenFiles() -> Double {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return .nan
    }
    return Double(limit.rlim_cur)
  }

  /// The content of a small file of `/proc`, or nil when it can't be read.
  private static func readText(_ path: String) -> String? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { return String(decoding: content, as: UTF8.self) }
      content += chunk[..<count]
    }
  }
}
