// swift-tools-version: 6.2

import PackageDescription

/// Every Swift target is compiled alike: language mode 6, strict memory
/// safety, and no warning survives.
let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
  // Tests make calls fail; a release build has no trace of it.
  .define("TSDB_FAULTS", .when(configuration: .debug)),
]

/// A Swift target that may import exactly the targets named.
/// `Tools/check-imports` compares the sources with this list.
func module(_ name: String, imports dependencies: [String] = []) -> Target {
  .target(
    name: name,
    dependencies: dependencies.map { .byName(name: $0) },
    exclude: name == "TSDB" ? ["TSDB.docc"] : [],
    swiftSettings: swiftSettings)
}

func tests(
  _ name: String, imports dependencies: [String], resources: [String] = []
) -> Target {
  .testTarget(
    name: name,
    dependencies: dependencies.map { .byName(name: $0) },
    exclude: resources,
    swiftSettings: swiftSettings)
}

func systemLibrary(_ name: String) -> Target {
  .systemLibrary(name: name, path: "Sources/\(name)")
}

let package = Package(
  name: "swift-tsdb",
  products: [
    .executable(name: "tsdbctl", targets: ["tsdbctl"]),
    .library(name: "TSDB", targets: ["TSDB"]),
    .library(name: "Instrumentation", targets: ["Instrumentation"]),
  ],
  targets: [
    // Level 0: C libraries, the vocabulary, and the instruments.
    systemLibrary("CLMDB"),
    systemLibrary("CMicrohttpd"),
    systemLibrary("CCurl"),
    systemLibrary("CYAML"),
    systemLibrary("CCompression"),
    systemLibrary("CHash"),
    systemLibrary("CAllocator"),
    .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
    .target(name: "CFastFloat"),
    module("SeriesModel"),
    module("Threading", imports: ["CAllocator"]),
    module("FaultInjection"),
    module("Instrumentation"),

    // Level 1: fences around C, and pure encoders and parsers.
    module("LMDB", imports: ["CLMDB", "FaultInjection"]),
    module("HTTPServer", imports: ["CMicrohttpd", "Threading"]),
    module("HTTPClient", imports: ["CCurl"]),
    module("Compression", imports: ["CCompression"]),
    module("RegularExpressions", imports: ["CRE2"]),
    module("Numbers", imports: ["CFastFloat", "CHash"]),
    module("ChunkEncoding", imports: ["SeriesModel", "Numbers"]),
    module("Exposition", imports: ["SeriesModel", "Numbers"]),
    module("PushProtocols", imports: ["SeriesModel", "Numbers"]),
    module("PromQLSyntax", imports: ["SeriesModel", "Numbers"]),

    // Level 2: the store, the engine, the configuration.
    module(
      "Storage",
      imports: [
        "SeriesModel", "Threading", "FaultInjection", "ChunkEncoding", "LMDB", "Numbers",
        "RegularExpressions", "Instrumentation",
      ]),
    module(
      "PromQL",
      imports: [
        "SeriesModel", "Threading", "PromQLSyntax", "Numbers", "RegularExpressions",
        "Instrumentation",
      ]),
    module(
      "Configuration",
      imports: ["SeriesModel", "PromQLSyntax", "RegularExpressions", "CYAML"]),

    // Level 3: the library, and everything that writes samples.
    module(
      "TSDB",
      imports: [
        "SeriesModel", "Threading", "Storage", "PromQL", "PromQLSyntax", "Instrumentation",
      ]),
    module(
      "PromQLScripts",
      imports: ["SeriesModel", "Numbers", "RegularExpressions", "PromQLSyntax", "PromQL", "TSDB"]),
    module(
      "Scraping",
      imports: [
        "SeriesModel", "Threading", "Exposition", "HTTPClient", "Compression", "Configuration",
        "Instrumentation",
      ]),
    module(
      "Pushing",
      imports: [
        "SeriesModel", "Threading", "Numbers", "Exposition", "PushProtocols", "Compression",
        "Instrumentation",
      ]),

    // Level 4: the HTTP interface.
    module(
      "PrometheusAPI",
      imports: [
        "SeriesModel", "PromQL", "PromQLSyntax", "Numbers", "TSDB", "HTTPServer", "Exposition",
        "Scraping", "Pushing", "Configuration", "Compression", "Instrumentation",
      ]),

    // Level 5: the command line.
    .executableTarget(
      name: "tsdbctl",
      dependencies: [
        "SeriesModel", "Threading", "PromQL", "PromQLSyntax", "Numbers", "TSDB", "HTTPServer",
        "HTTPClient",
        "Scraping", "Pushing", "PromQLScripts", "PrometheusAPI", "Configuration",
        "Instrumentation",
      ],
      swiftSettings: swiftSettings),

    .target(name: "CAllocationCounter", path: "Benchmarks/CAllocationCounter"),
    .executableTarget(
      name: "tsdb-bench",
      dependencies: [
        "CAllocationCounter", "SeriesModel", "Threading", "ChunkEncoding", "Exposition",
        "PushProtocols", "Storage", "TSDB", "TestSupport",
      ],
      path: "Benchmarks/tsdb-bench",
      swiftSettings: swiftSettings),

    .target(
      name: "TestSupport",
      dependencies: ["SeriesModel", "ChunkEncoding", "PromQLSyntax"],
      path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    tests("SeriesModelTests", imports: ["SeriesModel", "TestSupport"]),
    tests("ThreadingTests", imports: ["Threading"]),
    tests("InstrumentationTests", imports: ["Instrumentation"]),
    tests("LMDBTests", imports: ["LMDB", "FaultInjection", "TestSupport"]),
    tests("HTTPServerTests", imports: ["HTTPServer", "HTTPClient", "TestSupport"]),
    tests("HTTPClientTests", imports: ["HTTPServer", "HTTPClient", "TestSupport"]),
    tests("CompressionTests", imports: ["Compression", "TestSupport"]),
    tests("RegularExpressionsTests", imports: ["RegularExpressions"]),
    tests("NumbersTests", imports: ["Numbers", "TestSupport"]),
    tests(
      "ChunkEncodingTests", imports: ["ChunkEncoding", "SeriesModel", "TestSupport"],
      resources: ["Corpus"]),
    tests("ExpositionTests", imports: ["Exposition", "SeriesModel", "TestSupport"]),
    tests("PushProtocolsTests", imports: ["PushProtocols", "SeriesModel", "TestSupport"]),
    tests(
      "PromQLSyntaxTests", imports: ["PromQLSyntax", "SeriesModel", "TestSupport"],
      resources: ["Corpus"]),
    tests(
      "StorageTests",
      imports: [
        "Storage", "SeriesModel", "ChunkEncoding", "LMDB", "FaultInjection", "Instrumentation",
        "TestSupport",
      ],
      resources: ["Fixtures"]),
    tests(
      "PromQLTests", imports: ["PromQL", "PromQLSyntax", "SeriesModel", "Threading", "TestSupport"]),
    tests(
      "PromQLScriptsTests",
      imports: ["PromQLScripts", "PromQL", "SeriesModel", "TSDB", "TestSupport"],
      resources: ["Scripts"]),
    tests("ConfigurationTests", imports: ["Configuration", "SeriesModel", "TestSupport"]),
    tests(
      "ScrapingTests",
      imports: [
        "Scraping", "SeriesModel", "Configuration", "Exposition", "HTTPServer", "HTTPClient",
        "Instrumentation", "TestSupport",
      ]),
    tests(
      "PushingTests",
      imports: [
        "Pushing", "SeriesModel", "PushProtocols", "Exposition", "Compression", "Instrumentation",
        "TestSupport",
      ]),
    tests("TSDBTests", imports: ["TSDB", "Instrumentation", "TestSupport"]),
    tests(
      "PrometheusAPITests",
      imports: [
        "PrometheusAPI", "PromQL", "TSDB", "HTTPServer", "SeriesModel", "Instrumentation",
        "TestSupport",
      ]),
  ],
  cxxLanguageStandard: .cxx17
)

// A fuzzer has the `main` of libFuzzer, which no other build links.
if Context.environment["TSDB_FUZZ"] != nil {
  for (name, source) in [("fuzz-chunks", "FuzzChunks.swift"), ("fuzz-promql", "FuzzPromQL.swift")] {
    package.targets.append(
      .executableTarget(
        name: name,
        dependencies: ["TestSupport"],
        path: "Tools/Fuzz",
        sources: [source],
        swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])]))
  }
}
