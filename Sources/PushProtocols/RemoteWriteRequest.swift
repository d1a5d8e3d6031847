import SeriesModel

/// Walks a remote write request: the message `prometheus.WriteRequest` of version
/// 1, or `io.prometheus.write.v2.Request` of version 2.
///
/// ```swift
/// var request = RemoteWriteRequest(body)
/// var series = RemoteWriteSeries()
/// while try request.nextSeries(into: &series) {
///   try request.readLabels(of: &series)
///   // use series.labels, series.timestamps, series.values, series.histograms
/// }
/// // request.metadata is complete now
/// ```
///
/// Each series takes one allocation, for its labels, and none for its samples.
/// Unknown fields are passed over. The message is not checked in advance: a
/// caller that wants all or nothing keeps what it got until the walk has ended.
package struct RemoteWriteRequest: ~Copyable, ~Escapable {
  /// The most metadata entries that are kept; real senders write at most 2,000.
  package static let maximumMetadataCount = 50_000

  /// The most symbols of a request of version 2.
  package static let maximumSymbolCount = 4 << 20

  /// Which message it is.
  package enum Version: Sendable {
    /// `prometheus.WriteRequest`.
    case one
    /// `io.prometheus.write.v2.Request`.
    case two
  }

  /// What the request says about metric families, by family name; complete
  /// once ``nextSeries(into:)`` has returned false. Entries without a family
  /// name are passed over.
  package internal(set) var metadata: [String: MetricMetadata] = [:]

  let body: Span<UInt8>
  private let version: Version
  private var reader: ProtobufReader
  let limits: LabelLimits
  /// In version 2, once they were read.
  private var symbols: SymbolTable?
  /// How many samples the series not yet read may have.
  private var sampleAllowance: Int
  private var hasRefusedSeries = false

  /// Creates a walk over `body`, the message after decompression.
  ///
  /// - Parameter maximumSampleCount: The most samples of all series together. A
  ///   histogram counts for as many as take its memory: 12, and one for each two
  ///   of its buckets and bounds. A refused one counts once.
  @_lifetime(copy body)
  package init(
    _ body: Span<UInt8>, version: Version = .one, limits: LabelLimits = LabelLimits(),
    maximumSampleCount: Int = .max
  ) {
    self.body = body
    self.version = version
    self.reader = ProtobufReader(body)
    self.limits = limits
    sampleAllowance = maximumSampleCount
  }

  /// Reads the next series into `series`, but for its labels, or returns false
  /// at the end.
  ///
  /// - Throws: ``PushProtocolError`` when the bytes are no such message, or have
  ///   too many samples. The walk can't go on then.
  @_lifetime(self: copy self)
  package mutating func nextSeries(
    into series: inout RemoteWriteSeries
  ) throws(PushProtocolError) -> Bool {
    if version == .two, symbols == nil { symbols = try SymbolTable(body) }
    while let field = try reader.nextField() {
      switch (version, field.number) {
      case (.one, 1), (.two, 5):
        var message = try reader.readMessage(of: field)
        series.removeAll()
        switch version {
        case .one:
          try series.read(&message, limits: limits, maximumSampleCount: sampleAllowance)
        case .two:
          try series.readVersion2(&message, limits: limits, maximumSampleCount: sampleAllowance)
        }
        series.padStartTimestamps()
        sampleAllowance -= series.sampleWeight
        return true
      case (.one, 3):
        var message = try reader.readMessage(of: field)
        try readMetadata(&message)
      default:
        try reader.skip(field)
      }
    }
    return false
  }

  /// Reads the labels of the series that was read last.
  ///
  /// When they are refused, ``RemoteWriteSeries/problem`` says why.
  ///
  /// - Throws: ``PushProtocolError`` when the bytes are no labels.
  package mutating func readLabels(
    of series: inout RemoteWriteSeries
  ) throws(PushProtocolError) {
    if let symbols {
      readReferences(of: &series, symbols: symbols)
      return
    }
    var run = ProtobufReader(body, series.labelRun)
    try series.readLabelRun(&run, limits: limits)
    series.finishLabels(in: body, limits: limits, describesRefusal: hasRefusedSeries == false)
    if series.problem != nil { hasRefusedSeries = true }
  }

  /// Makes labels of the references of a series of version 2.
  private mutating func readReferences(
    of series: inout RemoteWriteSeries, symbols: SymbolTable
  ) {
    let describesRefusal = hasRefusedSeries == false
    switch symbols.labels(at: series.references) {
    case .failure(let problem):
      series.refuseReferences(problem, describesRefusal: describesRefusal)
    case .success(let fields):
      series.fields = fields
      series.fieldCount = fields.count
      series.finishLabels(in: body, limits: limits, describesRefusal: describesRefusal)
    }
    if series.problem != nil {
      hasRefusedSeries = true
    } else {
      keepMetadata(of: series, symbols: symbols)
    }
  }

  /// The exemplars of the series that was read last, in the order sent; nil
  /// for one whose labels are refused.
  package func exemplars(of series: RemoteWriteSeries) -> [Exemplar?] {
    series.exemplars.map { field in
      var fields = field.labels
      if let symbols {
        guard case .success(let found) = symbols.labels(at: field.references) else { return nil }
        fields = found
      }
      guard fields.count <= limits.maximumCount else { return nil }
      var labels: [Label] = []
      for label in fields {
        guard label.name.isEmpty == false, label.name.count <= limits.maximumNameBytes,
          label.value.count <= limits.maximumValueBytes
        else { return nil }
        labels.append(
          Label(
            String(decodingUTF8: body.extracting(label.name)),
            String(decodingUTF8: body.extracting(label.value))))
      }
      return Exemplar(
        labels: Labels(labels), value: field.value,
        timestamp: Timestamp(milliseconds: field.timestamp))
    }
  }

  /// Reads the message `MetricMetadata`.
  @_lifetime(self: copy self)
  private mutating func readMetadata(
    _ message: inout ProtobufReader
  ) throws(PushProtocolError) {
    var type = MetricType.unknown
    var name = 0..<0
    var help = 0..<0
    var unit = 0..<0
    while let field = try message.nextField() {
      switch field.number {
      case 1: type = MetricType(remoteWriteCode: try message.readInteger(of: field))
      case 2: name = try message.readRange(of: field)
      case 4: help = try message.readRange(of: field)
      case 5: unit = try message.readRange(of: field)
      default: try message.skip(field)
      }
    }
    let longestName = limits.maximumValueBytes
    guard name.isEmpty == false, name.count <= longestName,
      metadata.count < RemoteWriteRequest.maximumMetadataCount
    else { return }
    metadata[String(decodingUTF8: body.extracting(name))] = MetricMetadata(
      type: type,
      help: String(decodingUTF8: body.extracting(help)),
      unit: String(decodingUTF8: body.extracting(unit)))
  }
}

extension RemoteWriteSeries {
  /// Reads the message `TimeSeries`, apart from making ``labels``.
  fileprivate mutating func read(
    _ message: inout ProtobufReader, limits: LabelLimits, maximumSampleCount: Int
  ) throws(PushProtocolError) {
    labelRun = try message.skipRun(ofField: 1)
    while true {
      message.readCurrentSamples(timestamps: &timestamps, values: &values)
      guard sampleWeight <= maximumSampleCount else { throw .tooManySamples }
      guard let field = try message.nextField() else { return }
      switch field.number {
      case 1:
        var label = try message.readMessage(of: field)
        let read = try LabelField(&label)
        fieldCount += 1
        if fieldCount <= limits.maximumCount { fields.append(read) }
      case 2:
        var sample = try message.readMessage(of: field)
        try readSample(&sample)
      case 3:
        var exemplar = try message.readMessage(of: field)
        exemplars.append(try ExemplarField(&exemplar, limits: limits))
      case 4:
        var histogram = try message.readMessage(of: field)
        try readHistogram(&histogram)
      default:
        try message.skip(field)
      }
    }
  }

  /// Reads the labels that stand together, and puts them before the others.
  fileprivate mutating func readLabelRun(
    _ run: inout ProtobufReader, limits: LabelLimits
  ) throws(PushProtocolError) {
    // An empty array is not kept: it would share the memory that is used again.
    let others = fields.isEmpty ? [] : fields
    fields.removeAll(keepingCapacity: true)
    while let field = try run.nextField() {
      var label = try run.readMessage(of: field)
      let read = try LabelField(&label)
      fieldCount += 1
      if fields.count < limits.maximumCount { fields.append(read) }
    }
    fields += others
  }

  /// Reads the message `Sample`; version 1 has no start timestamps.
  mutating func readSample(
    _ message: inout ProtobufReader, hasStart: Bool = false
  ) throws(PushProtocolError) {
    var value = 0.0
    var timestamp: Int64 = 0
    var startTimestamp: Int64 = 0
    while let field = try message.nextField() {
      switch field.number {
      case 1: value = try message.readDouble(of: field)
      case 2: timestamp = Int64(bitPattern: try message.readInteger(of: field))
      case 3 where hasStart:
        startTimestamp = Int64(bitPattern: try message.readInteger(of: field))
      default: try message.skip(field)
      }
    }
    timestamps.append(timestamp)
    values.append(value)
    if startTimestamp != 0 {
      startTimestamps += repeatElement(0, count: timestamps.count - startTimestamps.count)
      startTimestamps[timestamps.count - 1] = startTimestamp
    }
  }

  /// Makes as many start timestamps as there are samples, where there are any.
  fileprivate mutating func padStartTimestamps() {
    guard startTimestamps.isEmpty == false else { return }
    startTimestamps += repeatElement(0, count: timestamps.count - startTimestamps.count)
  }

  /// Reads the message `Histogram`.
  mutating func readHistogram(
    _ message: inout ProtobufReader
  ) throws(PushProtocolError) {
    try histogramMessage.read(&message)
    do throws(HistogramProblem) {
      let histogram = try histogramMessage.histogram()
      histograms.append(
        Histogram(
          timestamp: histogramMessage.timestamp, startTimestamp: histogramMessage.startTimestamp,
          histogram: histogram))
      histogramWeight += 12 + (histogram.bucketAndBoundCount + 1) / 2
    } catch {
      refusedHistogramCount += 1
      histogramWeight += 1
      if histogramProblem == nil { histogramProblem = error }
    }
  }
}

extension ExemplarField {
  /// Reads the message `Exemplar`; labels beyond the limit and one more are not
  /// kept.
  fileprivate init(
    _ message: inout ProtobufReader, limits: LabelLimits
  ) throws(PushProtocolError) {
    self.init()
    while let field = try message.nextField() {
      switch field.number {
      case 1:
        var label = try message.readMessage(of: field)
        let read = try LabelField(&label)
        if labels.count <= limits.maximumCount { labels.append(read) }
      case 2: value = try message.readDouble(of: field)
      case 3: timestamp = Int64(bitPattern: try message.readInteger(of: field))
      default: try message.skip(field)
      }
    }
  }
}

extension LabelField {
  /// Reads the message `Label`.
  fileprivate init(_ message: inout ProtobufReader) throws(PushProtocolError) {
    self.init()
    while let field = try message.nextField() {
      switch field.number {
      case 1: name = try message.readRange(of: field)
      case 2: value = try message.readRange(of: field)
      default: try message.skip(field)
      }
    }
  }
}

extension MetricType {
  /// The type that the enumeration `MetricMetadata.MetricType` numbers so, or
  /// `Metadata.MetricType` of version 2.
  init(remoteWriteCode code: UInt64) {
    switch code {
    case 1: self = .counter
    case 2: self = .gauge
    case 3: self = .histogram
    case 4: self = .gaugeHistogram
    case 5: self = .summary
    case 6: self = .info
    case 7: self = .stateSet
    default: self = .unknown
    }
  }
}
