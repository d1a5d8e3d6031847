import SeriesModel

/// The texts that the series of a request of version 2 refer to.
struct SymbolTable: Sendable {
  private struct Place: Sendable {
    var offset: UInt32
    var byteCount: UInt32
  }

  private var places: [Place] = []

  /// Finds the symbols of a request, wherever they stand in it.
  init(_ body: Span<UInt8>) throws(PushProtocolError) {
    var reader = ProtobufReader(body)
    while let field = try reader.nextField() {
      guard field.number == 4 else {
        try reader.skip(field)
        continue
      }
      let range = try reader.readRange(of: field)
      guard places.count < RemoteWriteRequest.maximumSymbolCount,
        let offset = UInt32(exactly: range.lowerBound)
      else { throw .tooManySymbols }
      places.append(Place(offset: offset, byteCount: UInt32(clamping: range.count)))
    }
  }

  /// Where a symbol stands in the request, or nil when there is none.
  func range(of reference: UInt64) -> Range<Int>? {
    guard reference < UInt64(places.count) else { return nil }
    let place = places[Int(reference)]
    return Int(place.offset)..<Int(place.offset) + Int(place.byteCount)
  }

  /// The labels whose names and values references are to, in turn.
  func labels(at references: [UInt64]) -> Result<[LabelField], LabelProblem> {
    guard references.count.isMultiple(of: 2) else { return .failure(.oddReferences) }
    var fields: [LabelField] = []
    fields.reserveCapacity(references.count / 2)
    for place in stride(from: 0, to: references.count, by: 2) {
      guard let name = range(of: references[place]),
        let value = range(of: references[place + 1])
      else { return .failure(.unknownSymbol) }
      fields.append(LabelField(name: name, value: value))
    }
    return .success(fields)
  }
}

extension RemoteWriteRequest {
  /// Keeps what a series says of its metric family.
  mutating func keepMetadata(of series: RemoteWriteSeries, symbols: SymbolTable) {
    guard let field = series.metadata, let help = symbols.range(of: field.help),
      let unit = symbols.range(of: field.unit),
      field.type != 0 || help.isEmpty == false || unit.isEmpty == false,
      metadata.count < RemoteWriteRequest.maximumMetadataCount
    else { return }
    let type = MetricType(remoteWriteCode: field.type)
    guard let name = series.labels.metricName else { return }
    let family = type.family(ofSeries: name)
    guard metadata[family] == nil else { return }
    metadata[family] = MetricMetadata(
      type: type, help: String(decodingUTF8: body.extracting(help)),
      unit: String(decodingUTF8: body.extracting(unit)))
  }
}

extension MetricType {
  /// The name of the family that a series belongs to.
  fileprivate func family(ofSeries name: String) -> String {
    let suffixes: [String] =
      switch self {
      case .histogram: ["_bucket", "_count", "_sum"]
      case .gaugeHistogram: ["_bucket", "_gcount", "_gsum"]
      case .summary: ["_count", "_sum"]
      default: []
      }
    guard let suffix = suffixes.first(where: { name.hasSuffix($0) }) else { return name }
    return String(name.dropLast(suffix.count))
  }
}

extension RemoteWriteSeries {
  /// Reads the message `TimeSeries` of version 2, apart from making ``labels``.
  mutating func readVersion2(
    _ message: inout ProtobufReader, limits: LabelLimits, maximumSampleCount: Int
  ) throws(PushProtocolError) {
    // One label more than may be shows that there are too many.
    let referenceLimit = 2 * (limits.maximumCount + 1)
    while true {
      message.readCurrentSamples(timestamps: &timestamps, values: &values)
      guard sampleWeight <= maximumSampleCount else { throw .tooManySamples }
      guard let field = try message.nextField() else { return }
      switch field.number {
      case 1:
        try message.readIntegers(of: field, into: &references, limit: referenceLimit)
      case 2:
        var sample = try message.readMessage(of: field)
        try readSample(&sample, hasStart: true)
      case 3:
        var histogram = try message.readMessage(of: field)
        try readHistogram(&histogram)
      case 4:
        var exemplar = try message.readMessage(of: field)
        exemplars.append(try ExemplarField(version2: &exemplar, referenceLimit: referenceLimit))
      case 5:
        var metadata = try message.readMessage(of: field)
        self.metadata = try SeriesMetadataField(&metadata)
      default:
        try message.skip(field)
      }
    }
  }
}

extension ExemplarField {
  /// Reads the message `Exemplar` of version 2.
  fileprivate init(
    version2 message: inout ProtobufReader, referenceLimit: Int
  ) throws(PushProtocolError) {
    self.init()
    while let field = try message.nextField() {
      switch field.number {
      case 1: try message.readIntegers(of: field, into: &references, limit: referenceLimit)
      case 2: value = try message.readDouble(of: field)
      case 3: timestamp = Int64(bitPattern: try message.readInteger(of: field))
      default: try message.skip(field)
      }
    }
  }
}

extension SeriesMetadataField {
  /// Reads the message `Metadata` of version 2.
  fileprivate init(_ message: inout ProtobufReader) throws(PushProtocolError) {
    self.init()
    while let field = try message.nextField() {
      switch field.number {
      case 1: type = try message.readInteger(of: field)
      case 3: help = try message.readInteger(of: field)
      case 4: unit = try message.readInteger(of: field)
      default: try message.skip(field)
      }
    }
  }
}
