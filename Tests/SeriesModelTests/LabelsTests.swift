import SeriesModel
import TestSupport
import Testing

@Suite struct LabelsTests {
  @Test func labelsAreSortedByBytesAndEmptyValuesLeft() {
    let labels = Labels([Label("b", "2"), Label("a", ""), Label("B", "x"), Label("b", "3")])
    #expect(Array(labels) == [Label("B", "x"), Label("b", "3")])
    #expect(labels["a"] == nil)
    #expect(labels["b"] == "3")
    #expect(labels.count == 2)
  }

  @Test func equalSetsAreEqualWhateverTheOrderTheyWereGivenIn() {
    let one = Labels([Label("a", "1"), Label("b", "2")])
    let other = Labels([Label("b", "2"), Label("a", "1")])
    #expect(one == other)
    #expect(one.hashValue == other.hashValue)
  }

  /// `String` takes these two names for equal, and sorts by other rules than
  /// the bytes.
  @Test func namesAreComparedByTheirBytes() {
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    let labels = Labels([Label(composed, "1"), Label(decomposed, "2"), Label("z", "3")])
    #expect(labels.map(\.value) == ["2", "3", "1"])
    #expect(labels[composed] == "1")
    #expect(Labels(encodedBytes: labels.encodedBytes) == labels)
  }

  @Test func encodedBytesRoundTrip() {
    let long = String(repeating: "é", count: 300)
    let labels = Labels([Label("__name__", "x"), Label("long", long), Label("z", "1")])
    #expect(Labels(encodedBytes: labels.encodedBytes) == labels)
    #expect(labels["long"] == long)
  }

  @Test(
    arguments: [
      [1], [1, 97], [1, 97, 2, 98], [0, 1, 98], [1, 97, 0], [1, 97, 1, 98, 1, 97, 1, 99],
      [1, 98, 1, 98, 1, 97, 1, 99], [0x81, 0x00, 97, 1, 98], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
    ] as [[UInt8]])
  func malformedEncodedBytesAreRefused(_ bytes: [UInt8]) {
    #expect(Labels(encodedBytes: bytes) == nil)
  }

  @Test func orderIsThatOfNamesAndValuesOneByOne() {
    var random = SeededGenerator(seed: 9)
    func randomText(_ letters: [String]) -> String {
      // Some are so long that their length takes two bytes.
      let count =
        Int.random(in: 0..<10, using: &random) == 0
        ? Int.random(in: 120...140, using: &random) : Int.random(in: 1...3, using: &random)
      return (0..<count).map { _ in letters.randomElement(using: &random) ?? "" }.joined()
    }
    let sets = (0..<400).map { _ in
      Labels(
        (0..<Int.random(in: 0...5, using: &random)).map { _ in
          Label(randomText(["a", "b"]), randomText(["x", "y", "é"]))
        })
    }
    for left in sets {
      for right in sets {
        let order = zip(left, right).lazy.map { left, right in
          let names = left.name.compareUTF8(with: right.name)
          return names == 0 ? left.value.compareUTF8(with: right.value) : names
        }.first { $0 != 0 }
        #expect((left < right) == (order.map { $0 < 0 } ?? (left.count < right.count)))
      }
    }
  }

  @Test func labelsAreOrderedLabelByLabel() {
    let ascending: [Labels] = [
      [:], ["__name__": "a"], ["__name__": "a", "b": "1"], ["__name__": "a", "b": "10"],
      ["__name__": "a", "b": "2"], ["__name__": "ab"], ["a": "1"],
    ]
    for (lower, upper) in zip(ascending, ascending.dropFirst()) {
      #expect(lower < upper)
      #expect((upper < lower) == false)
    }
  }

  @Test func subsetsKeepWhatTheyName() {
    let labels: Labels = ["__name__": "x", "a": "1", "b": "2"]
    #expect(labels.keeping(["a", "c"]) == ["a": "1"])
    #expect(labels.removing(["a", "c"]) == ["__name__": "x", "b": "2"])
    #expect(labels.withoutMetricName == ["a": "1", "b": "2"])
    #expect(labels.setting("a", to: "") == ["__name__": "x", "b": "2"])
    #expect(labels.setting("c", to: "3")["c"] == "3")
  }

  @Test(
    arguments: [
      (Labels(), "{}"), (["__name__": "x"], "x"), (["a": "1"], #"{a="1"}"#),
      (["__name__": "x", "a": "1\n"], #"x{a="1\n"}"#),
      (["__name__": "a.b", "c d": "1"], #"{__name__="a.b", "c d"="1"}"#),
    ] as [(Labels, String)])
  func descriptionIsPromQL(_ labels: Labels, _ text: String) {
    #expect(labels.description == text)
  }

  @Test func randomSetsBehaveLikeDictionaries() {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<500 {
      var dictionary: [String: String] = [:]
      for _ in 0..<Int.random(in: 0...8, using: &random) {
        let name = "n\(Int.random(in: 0...12, using: &random))"
        dictionary[name] = String(repeating: "v", count: Int.random(in: 0...200, using: &random))
      }
      let labels = Labels(dictionary.map { Label($0.key, $0.value) })
      let kept = dictionary.filter { $0.value.isEmpty == false }
      #expect(Dictionary(uniqueKeysWithValues: labels.map { ($0.name, $0.value) }) == kept)
      #expect(labels.map(\.name) == kept.keys.sorted())
      #expect(Labels(encodedBytes: labels.encodedBytes) == labels)
    }
  }
}
