import Testing

@testable import Storage

@Suite struct IndexPostingsKeyTests {
  /// A cut between the two bytes that stand for a zero byte once made a key
  /// that could not be read again.
  @Test(arguments: 300...400)
  func longValueWithZeroByteAnywhereIsReadAgain(_ prefixCount: Int) throws {
    let text =
      Array(repeating: UInt8(ascii: "v"), count: prefixCount) + [0, 0]
      + Array(repeating: UInt8(ascii: "w"), count: 100)
    let component = PostingsKey.component(
      text.span, byteLimit: PostingsKey.valueByteLimit, seed: 7)
    let read = try PostingsKey.parse((component.bytes + [1, 2, 3]).span)
    #expect(read.component == component)
    #expect(component.isHashed)
    #expect(read.text == nil)
  }
}
