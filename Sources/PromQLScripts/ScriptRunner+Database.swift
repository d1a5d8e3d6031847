import SeriesModel
import TSDB

extension Database: ScriptStore {}

extension ScriptRunner {
  /// A runner whose scripts fill databases in memory.
  package static func onDatabases(filter: EvaluationFilter) -> ScriptRunner {
    ScriptRunner(filter: filter) {
      var options = DatabaseOptions()
      // Scripts begin in 1970.
      options.retention = .seconds(1000 * 365 * 86_400)
      return try Database.inMemory(options: options)
    }
  }
}
