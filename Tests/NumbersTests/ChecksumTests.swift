import TestSupport
import Testing

@testable import Numbers

@Suite struct ChecksumTests {
  /// The vectors of RFC 3720, appendix B.4, and the usual check value.
  @Test(
    arguments: [
      ([], 0),
      (Array("123456789".utf8), 0xE306_9283),
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      (Array(0..<32), 0x46DD_794E),
      (Array((0..<32).reversed()), 0x113F_DB5C),
    ] as [([UInt8], UInt32)])
  func knownVectorsMatch(_ bytes: [UInt8], _ expected: UInt32) {
    #expect(CRC32C.checksum(unsafe bytes.span.bytes) == expected)
    var byTables = CRC32C()
    byTables.updateByTables(unsafe bytes.span.bytes)
    #expect(byTables.value == expected)
  }

  @Test func piecesGiveTheChecksumOfTheWholeEitherWay() {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<500 {
      let count = Int.random(in: 0...100, using: &generator)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let cut = Int.random(in: 0...count, using: &generator)
      let whole = unsafe bytes.span.bytes
      var pieces = CRC32C()
      pieces.update(whole.extracting(first: cut))
      pieces.updateByTables(whole.extracting(droppingFirst: cut))
      #expect(pieces.value == CRC32C.checksum(whole))
    }
  }

  /// Hashes are stored, so they may never change.
  @Test(
    arguments: [
      ("", 0, 0x2D06_8005_38D3_94C2),
      ("a", 0, 0xE6C6_32B6_1E96_4E1F),
      ("abc", 0, 0x78AF_5F94_892F_3950),
    ] as [(String, UInt64, UInt64)])
  func hashesAreThoseOfXXH3(_ text: String, _ seed: UInt64, _ expected: UInt64) {
    #expect(hash64(unsafe text.utf8Span.span.bytes, seed: seed) == expected)
  }

  @Test(
    arguments: [
      ("", 0x99AA_06D3_0147_98D8, 0x6001_C324_468D_497F),
      ("a", 0xA96F_AF70_5AF1_6834, 0xE6C6_32B6_1E96_4E1F),
      ("abc", 0x06B0_5AB6_733A_6185, 0x78AF_5F94_892F_3950),
    ] as [(String, UInt64, UInt64)])
  func wideHashesAreThoseOfXXH3(_ text: String, _ high: UInt64, _ low: UInt64) {
    let hash = hash128(unsafe text.utf8Span.span.bytes, seed: 0)
    #expect(hash == (low, high))
    #expect(hash128(unsafe text.utf8Span.span.bytes, seed: 1) != (low, high))
  }

  @Test(
    arguments: [
      ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
    ] as [(String, UInt64)])
  func labelHashesAreThoseOfXXH64(_ text: String, _ expected: UInt64) {
    #expect(xxHash64(unsafe text.utf8Span.span.bytes) == expected)
  }

  @Test func theSeedChangesTheHash() {
    let bytes = Array("job=\"node\"".utf8)
    #expect(
      hash64(unsafe bytes.span.bytes, seed: 1) != hash64(unsafe bytes.span.bytes, seed: 2))
  }
}
