import Pushing
import SeriesModel
import TSDB

/// `tsdbctl verify`: checks a data directory.
enum VerifyCommand {
  static let command = Command(
    words: ["verify"], summary: "Checks everything in a data directory.", operands: "DIR",
    discussion: """
      Reads every byte that counts, decodes every chunk, and compares index, windows, chunks
      and journal with each other. Reads the groups that were pushed, too. Changes nothing; a
      server may be using the directory. Prints each damage, and each file that was set aside
      for damage (*.damaged, *.unreadable) as long as it is there. Exit status: 0 sound,
      1 damaged, 2 wrong usage.
      """,
    flags: []
  ) { arguments in
    guard arguments.operands.count == 1, let path = arguments.operands.first else {
      throw UsageError("name one directory to check", hint: "tsdbctl verify data")
    }
    let result = try Database.verify(at: path)
    let groups = try PushGroupCheck.run(directory: path + "/pushgateway")
    let findingCount = result.findingCount + groups.count
    for finding in result.findings {
      StandardOutput.write("\(finding.place): \(finding.description)\n")
    }
    if result.findingCount > result.findings.count {
      StandardOutput.write("and \(result.findingCount - result.findings.count) more\n")
    }
    for finding in groups { StandardOutput.write("\(finding.path): \(finding.description)\n") }
    let verdict = findingCount == 0 ? "sound" : counted(findingCount, "damage")
    StandardOutput.write(
      "\(path): \(verdict); checked \(counted(result.windowCount, "window")), "
        + "\(result.seriesCount) series, \(counted(result.chunkCount, "chunk")), "
        + "\(counted(result.sampleCount, "sample")), \(counted(result.byteCount, "byte"))\n")
    return findingCount == 0 ? .success : .failure
  }
}
