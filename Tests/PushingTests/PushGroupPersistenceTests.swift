import SeriesModel
import TestSupport
import Testing

@testable import Pushing

@Suite struct PushGroupPersistenceTests {
  @Test func groupsOutliveARestart() throws {
    let setup = try GatewaySetup()
    setup.push(
      """
      # HELP h A \\\\ help\\nin "two" lines.
      # TYPE h histogram
      h_bucket{le="0.5",q="a\\"b\\\\c\\nd"} 1
      h_bucket{le="+Inf"} 2
      h_sum NaN
      h_count -0
      untyped 1e-300

      """, to: "/metrics/job@base64/YS9i/zone/%C3%BC")
    setup.push("a 1\n")
    setup.push("a 1\na 1\n")
    setup.push("", to: "/metrics/job/empty")
    setup.push("a 1\n", to: "/metrics/job/deleted")
    setup.push("", .delete, to: "/metrics/job/deleted")
    let groups = setup.gateway.groups
    #expect(groups.count == 3)
    let reopened = try setup.reopened()
    #expect(reopened.groups == groups)
    #expect(reopened.loadProblems.isEmpty)
    // What is pushed next does not overwrite another group's file.
    #expect(
      reopened.handle(.replace, rawPath: "/metrics/job/new", body: Array("n 1\n".utf8)).status
        == 200)
    #expect(try setup.reopened().groups.count == 4)
  }

  @Test func restartedGatewayGoesOnWhereItWas() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\nb 2\n")
    let reopened = try setup.reopened()
    _ = setup.appended()
    setup.clock.advance(byMilliseconds: 1000)
    #expect(
      reopened.handle(.replace, rawPath: "/metrics/job/j", body: Array("a 3\n".utf8)).status == 200)
    #expect(setup.appended().prefix(2) == ["a{job=\"j\"} 3.0", "b{job=\"j\"} stale"])
  }

  @Test func damagedFileIsSetAsideAndNamed() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n", to: "/metrics/job/one")
    setup.push("a 1\n", to: "/metrics/job/two")
    let names = try FileCalls.entries(ofDirectory: setup.directory).sorted()
    #expect(names == ["1.group", "2.group"])
    let file = "\(setup.directory)/1.group"
    var bytes = try FileCalls.read(file)
    bytes[bytes.count - 3] ^= 1
    try FileCalls.write(bytes, to: file)
    let reopened = try setup.reopened()
    #expect(reopened.groups.map(\.labels) == [["job": "two"]])
    #expect(reopened.loadProblems.count == 1)
    #expect(reopened.loadProblems.first?.contains("1.group.unreadable") == true)
    #expect(
      try FileCalls.entries(ofDirectory: setup.directory).sorted()
        == ["1.group.unreadable", "2.group"])
    // It is named once; the number stays its own.
    #expect(try setup.reopened().loadProblems.isEmpty)
    _ = reopened.handle(.replace, rawPath: "/metrics/job/three", body: [])
    #expect(
      try FileCalls.entries(ofDirectory: setup.directory).contains("3.group"))
  }

  /// A check tells what a start would set aside, and changes nothing.
  @Test func damagedFileIsFoundWithoutAStart() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n", to: "/metrics/job/one")
    setup.push("a 1\n", to: "/metrics/job/two")
    #expect(try PushGroupCheck.run(directory: setup.directory) == [])
    #expect(try PushGroupCheck.run(directory: setup.directory + "/nothing") == [])
    let file = "\(setup.directory)/1.group"
    var bytes = try FileCalls.read(file)
    bytes[bytes.count - 3] ^= 1
    try FileCalls.write(bytes, to: file)
    var findings = try PushGroupCheck.run(directory: setup.directory)
    #expect(findings.map(\.path) == [file])
    #expect(findings.first?.description.hasPrefix("its checksum is wrong") == true)
    #expect(
      try FileCalls.entries(ofDirectory: setup.directory).sorted() == ["1.group", "2.group"])
    _ = try setup.reopened()
    findings = try PushGroupCheck.run(directory: setup.directory)
    #expect(findings.map(\.path) == [file + ".unreadable"])
    try FileCalls.remove(file + ".unreadable")
    let other = "\(setup.directory)/3.group"
    try FileCalls.write(FileCalls.read("\(setup.directory)/2.group"), to: other)
    findings = try PushGroupCheck.run(directory: setup.directory)
    #expect(findings.map(\.path) == [other])
  }

  @Test func everyCutAndEveryFlippedByteIsNoticed() throws {
    let setup = try GatewaySetup()
    setup.push("# TYPE a gauge\na{x=\"y\"} 1\n")
    let group = try #require(setup.gateway.groups.first)
    let bytes = PushGroupFile(group).bytes
    #expect(try PushGroupFile(parsing: bytes).group == group)
    for count in bytes.indices {
      #expect(throws: PushGroupFile.Problem.self) {
        try PushGroupFile(parsing: Array(bytes[..<count]))
      }
      var flipped = bytes
      flipped[count] ^= 0x04
      #expect(throws: PushGroupFile.Problem.self) { try PushGroupFile(parsing: flipped) }
    }
  }

  @Test func unfinishedFileOfACrashIsRemoved() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    try FileCalls.write([1, 2, 3], to: "\(setup.directory)/1.group.tmp")
    try FileCalls.write([1, 2, 3], to: "\(setup.directory)/notes.txt")
    #expect(try setup.reopened().groups == setup.gateway.groups)
    #expect(
      try FileCalls.entries(ofDirectory: setup.directory).sorted() == ["1.group", "notes.txt"])
  }

  @Test func fileWithTheLastNumberIsLeftAlone() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    let stray = "\(Int.max).group"
    try FileCalls.write([1, 2, 3], to: "\(setup.directory)/\(stray)")
    #expect(try setup.reopened().groups == setup.gateway.groups)
    #expect(try FileCalls.entries(ofDirectory: setup.directory).contains(stray))
  }

  @Test func groupThatCannotBeKeptIsNotAcknowledged() throws {
    let setup = try GatewaySetup()
    setup.push("a 1\n")
    let before = setup.gateway.groups
    // A directory in the way of the temporary file, as a full disk would be.
    try FileCalls.createDirectory("\(setup.directory)/1.group.tmp")
    let answer = setup.push("a 2\n")
    #expect(answer.status == 500)
    #expect(answer.text.contains("1.group.tmp"))
    #expect(setup.gateway.groups == before)
  }

  @Test func directoryWithoutParentIsAnError() {
    #expect(throws: PushFileError.self) {
      try GatewaySetup.open(
        "/nonexistent/parent/pushgateway", appender: RecordingAppender(), clock: ManualClock())
    }
  }
}
