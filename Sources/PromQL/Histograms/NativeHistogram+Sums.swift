import SeriesModel

extension NativeHistogram {
  /// The sum of the two in a layout that both can be brought to; nil when only
  /// one has custom bounds.
  package func sum(with other: NativeHistogram) -> NativeHistogram? {
    adding(other)?.value
  }

  /// What is left without the observations of `other`; nil as for
  /// ``sum(with:)``.
  package func difference(from other: NativeHistogram) -> NativeHistogram? {
    subtracting(other)?.value
  }
}
