import SeriesModel
import TSDB

/// `tsdbctl verify`: checks a data directory.
enum VerifyCommand {
  static let command = Command(
    words: ["verify"], summary: "Checks everything in a data directory.", operands: "DIR",
    discussion: """
      Reads every byte that counts, decodes every chunk, and compares index, windows, chunks
      and journal with each other. Changes nothing; a server may be using the directory.
      Prints each damage. Exit status: 0 sound, 1 damaged, 2 wrong usage.
      """,
    flags: []
  ) { arguments in
    guard arguments.operands.count == 1, let path = arguments.operands.first else {
      throw UsageError("name one directory to check", hint: "tsdbctl verify data")
    }
    let result = try Database.verify(at: path)
    for finding in result.findings {
      StandardOutput.write("\(finding.place): \(finding.description)\n")
    }
    if result.findingCount > result.findings.count {
      StandardOutput.write("and \(result.findingCount - result.findings.count) more\n")
    }
    let verdict = result.findingCount == 0 ? "sound" : counted(result.findingCount, "damage")
    StandardOutput.write(
      "\(path): \(verdict); checked \(counted(result.windowCount, "window")), "
        + "\(result.seriesCount) series, \(counted(result.chunkCount, "chunk")), "
        + "\(counted(result.sampleCount, "sample")), \(counted(result.byteCount, "byte"))\n")
    return result.findingCount == 0 ? .success : .failure
  }
}
