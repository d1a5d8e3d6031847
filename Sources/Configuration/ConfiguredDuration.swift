import PromQLSyntax

/// Reads a duration such as `1h30m`; nil when `text` is none.
package func parseConfiguredDuration(_ text: String) -> Duration? {
  parseDuration(text).map { .milliseconds($0) }
}

/// The shortest text of a duration, to the millisecond, that reads back as the
/// same: `1m30s`.
package func configuredDurationText(_ duration: Duration) -> String {
  DurationSyntax.text(milliseconds: Int64(duration / .milliseconds(1)))
}
