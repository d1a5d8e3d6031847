import SeriesModel

/// The message `Histogram` of remote write, in memory that is used again.
struct HistogramMessage: Sendable {
  /// The schemas that are set aside for exponential buckets; above
  /// ``NativeHistogram/exponentialSchemas`` buckets are joined, below nothing can
  /// be done.
  private static let reservedSchemas: ClosedRange<Int32> = -9...52

  private(set) var timestamp: Int64 = 0
  private(set) var startTimestamp: Int64 = 0

  /// Whether counts are floating-point numbers.
  private var isFloat = false
  private var integerCount: UInt64 = 0
  private var floatCount = 0.0
  private var sum = 0.0
  private var schema: Int32 = 0
  private var zeroThreshold = 0.0
  private var integerZeroCount: UInt64 = 0
  private var floatZeroCount = 0.0
  private var negative = HistogramSide()
  private var positive = HistogramSide()
  private var resetHint: UInt64 = 0
  private var customBounds: [Double] = []

  // MARK: Reading

  private mutating func removeAll() {
    // Swapped, not copied: what is shared would be allocated anew.
    var empty = HistogramMessage()
    swap(&empty.negative, &negative)
    swap(&empty.positive, &positive)
    swap(&empty.customBounds, &customBounds)
    empty.negative.removeAll()
    empty.positive.removeAll()
    empty.customBounds.removeAll(keepingCapacity: true)
    swap(&self, &empty)
  }

  /// Reads a message in the place of the one before.
  mutating func read(_ message: inout ProtobufReader) throws(PushProtocolError) {
    removeAll()
    // One more than may be shows that there are too many.
    let limit = NativeHistogram.largestBucketCount + 1
    while let field = try message.nextField() {
      switch field.number {
      case 1:
        integerCount = try message.readInteger(of: field)
        isFloat = false
      case 2:
        floatCount = try message.readDouble(of: field)
        isFloat = true
      case 3: sum = try message.readDouble(of: field)
      case 4: schema = Int32(zigZag: try message.readInteger(of: field))
      case 5: zeroThreshold = try message.readDouble(of: field)
      case 6: integerZeroCount = try message.readInteger(of: field)
      case 7: floatZeroCount = try message.readDouble(of: field)
      case 8:
        var span = try message.readMessage(of: field)
        try negative.readSpan(&span, limit: limit)
      case 9: try message.readIntegers(of: field, into: &negative.deltas, limit: limit)
      case 10: try message.readDoubles(of: field, into: &negative.counts, limit: limit)
      case 11:
        var span = try message.readMessage(of: field)
        try positive.readSpan(&span, limit: limit)
      case 12: try message.readIntegers(of: field, into: &positive.deltas, limit: limit)
      case 13: try message.readDoubles(of: field, into: &positive.counts, limit: limit)
      case 14: resetHint = try message.readInteger(of: field)
      case 15: timestamp = Int64(bitPattern: try message.readInteger(of: field))
      case 16: try message.readDoubles(of: field, into: &customBounds, limit: limit)
      case 17: startTimestamp = Int64(bitPattern: try message.readInteger(of: field))
      default: try message.skip(field)
      }
    }
  }

  // MARK: Making a histogram

  /// The histogram, checked as Prometheus checks it.
  func histogram() throws(HistogramProblem) -> NativeHistogram {
    let hasCustomBounds = Int(schema) == NativeHistogram.customBoundsSchema
    guard hasCustomBounds || HistogramMessage.reservedSchemas.contains(schema),
      schema >= NativeHistogram.exponentialSchemas.lowerBound || hasCustomBounds
    else { throw .unknownSchema(schema) }
    try checkSize()
    if hasCustomBounds {
      try checkCustomBuckets()
    } else {
      try positive.checkSpans(.positive, isFloat: isFloat)
      try negative.checkSpans(.negative, isFloat: isFloat)
      guard customBounds.isEmpty else { throw .exponentialWithBounds }
    }
    var histogram = NativeHistogram(
      schema: min(Int(schema), NativeHistogram.exponentialSchemas.upperBound),
      counterResetHint: hint, zeroThreshold: zeroThreshold,
      zeroCount: isFloat ? floatZeroCount : Double(integerZeroCount),
      count: isFloat ? floatCount : Double(integerCount), sum: sum, customBounds: customBounds)
    let shift = max(0, Int64(schema) - Int64(NativeHistogram.exponentialSchemas.upperBound))
    let side: HistogramProblem.Side = hasCustomBounds ? .custom : .positive
    if isFloat {
      histogram.negativeBuckets = try negative.floatBuckets(.negative, shift: shift)
      histogram.positiveBuckets = try positive.floatBuckets(side, shift: shift)
      guard (histogram.zeroCount < 0) == false else {
        throw .negativeZeroCount(histogram.zeroCount)
      }
      guard (histogram.count < 0) == false else { throw .negativeTotal }
    } else {
      var found = integerZeroCount
      histogram.negativeBuckets = try negative.integerBuckets(
        .negative, shift: shift, total: &found)
      histogram.positiveBuckets = try positive.integerBuckets(side, shift: shift, total: &found)
      if sum.isNaN, found > integerCount {
        throw .totalTooSmall(found: found, total: integerCount)
      }
      if sum.isNaN == false, found != integerCount {
        throw .totalMismatch(found: found, total: integerCount)
      }
    }
    return histogram
  }

  private var hint: NativeHistogram.CounterResetHint {
    UInt8(exactly: resetHint).flatMap { NativeHistogram.CounterResetHint(rawValue: $0) }
      ?? .unknown
  }

  private func checkSize() throws(HistogramProblem) {
    let counts =
      isFloat
      ? positive.counts.count + negative.counts.count
      : positive.deltas.count + negative.deltas.count
    let spans = positive.spans.count + negative.spans.count
    guard max(counts + customBounds.count, spans) <= NativeHistogram.largestBucketCount else {
      throw .tooManyBuckets
    }
  }

  private func checkCustomBuckets() throws(HistogramProblem) {
    for (index, bound) in customBounds.enumerated() {
      if bound.isNaN { throw .boundIsNaN }
      if index > 0, bound <= customBounds[index - 1] {
        throw .boundsNotAscending(customBounds[index - 1], bound)
      }
    }
    if customBounds.last == .infinity { throw .boundIsInfinite }
    try positive.checkSpans(.custom, isFloat: isFloat)
    let needed = positive.spans.reduce(0 as UInt64) { $0 + UInt64($1.offset) + UInt64($1.length) }
    guard needed <= UInt64(customBounds.count + 1) else {
      throw .tooFewBounds(count: customBounds.count, needed: needed)
    }
    guard isFloat ? floatZeroCount == 0 : integerZeroCount == 0 else {
      throw .customWithZeroCount
    }
    guard zeroThreshold == 0 else { throw .customWithZeroThreshold }
    guard negative.isEmpty else { throw .customWithNegativeBuckets }
  }
}

/// The buckets on one side of zero, as remote write has them.
struct HistogramSide: Sendable {
  struct Span: Sendable {
    var offset: Int32 = 0
    var length: UInt32 = 0
  }

  fileprivate(set) var spans: [Span] = []
  /// The differences of integer counts, zigzag.
  fileprivate(set) var deltas: [UInt64] = []
  /// The floating-point counts.
  fileprivate(set) var counts: [Double] = []

  fileprivate var isEmpty: Bool { spans.isEmpty && deltas.isEmpty && counts.isEmpty }

  fileprivate mutating func removeAll() {
    spans.removeAll(keepingCapacity: true)
    deltas.removeAll(keepingCapacity: true)
    counts.removeAll(keepingCapacity: true)
  }

  /// Reads the message `BucketSpan`.
  fileprivate mutating func readSpan(
    _ message: inout ProtobufReader, limit: Int
  ) throws(PushProtocolError) {
    var span = Span()
    while let field = try message.nextField() {
      switch field.number {
      case 1: span.offset = Int32(zigZag: try message.readInteger(of: field))
      case 2: span.length = UInt32(truncatingIfNeeded: try message.readInteger(of: field))
      default: try message.skip(field)
      }
    }
    if spans.count < limit { spans.append(span) }
  }

  /// Only the first span may begin below the one before, which is there none.
  fileprivate func checkSpans(
    _ side: HistogramProblem.Side, isFloat: Bool
  ) throws(HistogramProblem) {
    var bucketCount: UInt64 = 0
    for (index, span) in spans.enumerated() {
      if span.offset < 0, index > 0 || side == .custom {
        throw .negativeOffset(side: side, span: index + 1, offset: span.offset)
      }
      bucketCount += UInt64(span.length)
    }
    let count = isFloat ? counts.count : deltas.count
    guard bucketCount == UInt64(count) else {
      throw .spansMismatch(side: side, spans: bucketCount, counts: count)
    }
  }

  fileprivate func floatBuckets(
    _ side: HistogramProblem.Side, shift: Int64
  ) throws(HistogramProblem) -> HistogramBuckets {
    for (index, count) in counts.enumerated() where count < 0 {
      throw .negativeCount(side: side, bucket: index + 1, count: count)
    }
    return try buckets(of: counts, shift: shift)
  }

  /// - Parameter total: Gets the observations added.
  fileprivate func integerBuckets(
    _ side: HistogramProblem.Side, shift: Int64, total: inout UInt64
  ) throws(HistogramProblem) -> HistogramBuckets {
    var counts: [Double] = []
    counts.reserveCapacity(deltas.count)
    var count: Int64 = 0
    for (index, delta) in deltas.enumerated() {
      // &+: a count that wraps around is negative.
      count &+= Int64(bitPattern: delta >> 1) ^ -Int64(bitPattern: delta & 1)
      guard count >= 0 else {
        throw .negativeCount(side: side, bucket: index + 1, count: Double(count))
      }
      total &+= UInt64(count)
      counts.append(Double(count))
    }
    return try buckets(of: counts, shift: shift)
  }

  /// The counts under their indices, those that fall together after a shift to
  /// a lower resolution added up.
  private func buckets(
    of counts: [Double], shift: Int64
  ) throws(HistogramProblem) -> HistogramBuckets {
    var buckets = HistogramBuckets()
    buckets.reserveCapacity(counts.count)
    var next: Int64 = 0
    var open: (index: Int32, count: Double)?
    var place = 0
    for span in spans {
      next += Int64(span.offset)
      for _ in 0..<span.length {
        let index = shift == 0 ? next : (next - 1) >> shift + 1
        guard let index = Int32(exactly: index) else { throw .indexOutOfRange }
        if let known = open, known.index != index {
          buckets.append(index: known.index, count: known.count)
          open = nil
        }
        open = (index, (open?.count ?? 0) + counts[place])
        next += 1
        place += 1
      }
    }
    if let open { buckets.append(index: open.index, count: open.count) }
    return buckets
  }
}

extension Int32 {
  /// The value of a field of type `sint32`.
  fileprivate init(zigZag folded: UInt64) {
    let folded = UInt32(truncatingIfNeeded: folded)
    self = Int32(bitPattern: folded >> 1) ^ -Int32(bitPattern: folded & 1)
  }
}
