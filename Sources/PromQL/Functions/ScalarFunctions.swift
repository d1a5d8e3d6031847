import PromQLSyntax

private func scalar(
  _ name: String, argumentCount: Int = 0, isExperimental: Bool = false,
  dependsOnTime: Bool = false, _ summary: String,
  _ body: @escaping @Sendable (ScalarCall) -> Double
) -> FunctionDefinition {
  FunctionDefinition(
    name, Array(repeating: .scalar, count: argumentCount), returns: .scalar,
    isExperimental: isExperimental, dependsOnTime: dependsOnTime, summary: summary,
    body: .scalar(body))
}

/// Functions of scalars and of the query itself.
let scalarFunctions: [FunctionDefinition] = [
  scalar("pi", "The number pi.") { _ in .pi },
  scalar("time", dependsOnTime: true, "The evaluation time in seconds since 1970.") {
    Double($0.time) / 1000
  },
  scalar("start", isExperimental: true, "The first evaluation time of the query.") {
    Double($0.times.start) / 1000
  },
  scalar("end", isExperimental: true, "The last evaluation time of the query.") {
    Double($0.times.end) / 1000
  },
  scalar("range", isExperimental: true, "The length of the query in seconds.") {
    Double($0.times.range) / 1000
  },
  scalar("step", isExperimental: true, "The step of the query in seconds.") {
    Double($0.times.step) / 1000
  },
  scalar("max_of", argumentCount: 2, isExperimental: true, "The larger of two numbers.") {
    FloatOperations.maximum($0.arguments[0], $0.arguments[1])
  },
  scalar("min_of", argumentCount: 2, isExperimental: true, "The smaller of two numbers.") {
    FloatOperations.minimum($0.arguments[0], $0.arguments[1])
  },
]
