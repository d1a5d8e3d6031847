import Testing

@testable import PrometheusAPI

@Suite struct LabelNameEscapingTests {
  @Test(arguments: [
    ("job", "job"), ("U__service_2e_name", "service.name"), ("U__a__b", "a_b"),
    ("U___41_", "A"), ("U__broken_zz_", "U__broken_zz_"), ("U__open_2e", "U__open_2e"),
    ("u__x_2e_", "u__x_2e_"),
  ])
  func escapedNamesAreRestoredAndOthersKept(_ escaped: String, _ name: String) {
    #expect(SeriesEndpoints.unescaped(escaped) == name)
  }
}
