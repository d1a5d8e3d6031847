import PromQLSyntax
import SeriesModel

/// An operator, other than a set operator, between two instant vectors.
///
/// The side whose series must be unique in a group is called "one", the other
/// "many", also where each side has one series.
struct VectorMatch {
  private let plan: VectorBinaryPlan
  private let matchKey: GroupKey
  private let matchedNames: LabelNameSet
  private let grid: StepGrid
  private let context: EvaluationContext
  private let many: any VectorSource
  private let one: any VectorSource
  /// True when "many" is the right side.
  private let isSwapped: Bool

  /// Prepares the match of `left` and `right`.
  init(
    plan: VectorBinaryPlan, left: any VectorSource, right: any VectorSource, grid: StepGrid,
    context: EvaluationContext
  ) {
    self.plan = plan
    matchKey = GroupKey(plan.matching)
    matchedNames = LabelNameSet(plan.matching.labels)
    self.grid = grid
    self.context = context
    isSwapped = plan.matching.cardinality == .oneToMany
    many = isSwapped ? right : left
    one = isSwapped ? left : right
  }

  private var matching: VectorMatching { plan.matching }
  // Prometheus exchanges the sides of `group_right`, but not the fill values:
  // `fill_left` always fills the "many" side.
  private var fillOfMany: Double? { matching.leftFill }
  private var fillOfOne: Double? { matching.rightFill }

  /// The series of a group on both sides.
  private struct Group {
    var many: [SeriesColumn] = []
    /// The places of the series in the whole "many" side.
    var manyOrder: [Int] = []
    var one: [SeriesColumn] = []
    /// `oneAt[step]`: the index in ``one`` of the series with a value, or -1.
    var oneAt: [Int32] = []
  }

  /// Matches every group.
  func evaluate() throws -> MaterializedVector {
    let manySide = try many.materialized(in: context)
    let oneSide = try one.materialized(in: context)
    var groups = try grouped(manySide, oneSide)
    var remarks = StepRemarks()
    // A side that is empty at a step makes the whole result empty there,
    // before series of the other side can be in each other's way.
    let isChecked = checkedSteps(manySide, oneSide)
    var collector = ColumnCollector(stepCount: grid.count, in: context)
    for index in groups.indices {
      try context.checkpoint()
      if let pair = pair(of: groups[index], &remarks) {
        try collector.merge(pair)
        continue
      }
      try findOneSide(of: &groups[index], checking: isChecked)
      try match(groups[index], into: &collector, &remarks)
    }
    for remark in remarks.lastOfSteps {
      context.annotations.insert(remark.kind, remark.message, at: plan.sourceRange)
    }
    return collector.vector()
  }

  private func grouped(
    _ manySide: MaterializedVector, _ oneSide: MaterializedVector
  ) throws -> [Group] {
    var numbers = GroupIndex(GroupKey(matching))
    var groups: [Group] = []
    for (order, column) in manySide.columns.enumerated() {
      let number = numbers.index(of: column.labels)
      if number == groups.count { groups.append(Group()) }
      groups[number].many.append(column)
      groups[number].manyOrder.append(order)
    }
    for column in oneSide.columns {
      let number = numbers.index(of: column.labels)
      if number == groups.count { groups.append(Group()) }
      groups[number].one.append(column)
    }
    return groups
  }

  /// True at the steps where something can match or be filled.
  private func checkedSteps(
    _ manySide: MaterializedVector, _ oneSide: MaterializedVector
  ) -> [Bool] {
    if fillOfOne != nil || fillOfMany != nil { return Array(repeating: true, count: grid.count) }
    func presence(_ side: MaterializedVector) -> [Bool] {
      var present = [Bool](repeating: false, count: grid.count)
      for column in side.columns { column.forEachPresentStep { present[$0] = true } }
      return present
    }
    return zip(presence(manySide), presence(oneSide)).map { $0 && $1 }
  }

  /// The result of a group with one series on either side and nothing to fill,
  /// as most have; nil for other groups.
  private func pair(of group: Group, _ remarks: inout StepRemarks) -> SeriesColumn? {
    guard group.many.count == 1, group.one.count == 1, fillOfMany == nil, fillOfOne == nil
    else { return nil }
    let many = group.many[0]
    let one = group.one[0]
    var result = SeriesColumn(
      labels: resultLabels(of: many, with: one), dropsName: dropsName(many.dropsName),
      values: .absent(count: grid.count))
    guard many.histograms.isEmpty, one.histograms.isEmpty, plan.operation.isTrim == false else {
      for step in 0..<grid.count {
        guard let element = many.element(at: step), let other = one.element(at: step) else {
          continue
        }
        let outcome = outcome(element, other)
        remarks.insert(outcome.remark, step: step, order: group.manyOrder[0])
        result.set(outcome.element, at: step)
      }
      return result
    }
    let left = isSwapped ? one.values : many.values
    let right = isSwapped ? many.values : one.values
    for step in left.indices
    where left[step].isAbsent == false && right[step].isAbsent == false {
      result.values[step] = plan.operation.elementResult(
        left[step], right[step], returnsBool: plan.returnsBool)
    }
    return result
  }

  private func findOneSide(of group: inout Group, checking isChecked: [Bool]) throws {
    group.oneAt = Array(repeating: -1, count: grid.count)
    for (index, column) in group.one.enumerated() {
      try column.forEachPresentStep { step in
        guard isChecked[step] else { return }
        guard group.oneAt[step] < 0 else {
          let first = group.one[Int(group.oneAt[step])]
          throw QueryError.execution(
            "found duplicate series for the match group"
              + " \(matchKey.group(of: column.labels).bracedDescription) on the"
              + " \(isSwapped ? "left" : "right") hand-side of the operation:"
              + " [\(column.labels.bracedDescription), \(first.labels.bracedDescription)]"
              + ";many-to-many matching not allowed: matching labels must be unique on one side")
        }
        group.oneAt[step] = Int32(index)
      }
    }
  }

  private func match(
    _ group: Group, into collector: inout ColumnCollector, _ remarks: inout StepRemarks
  ) throws {
    var matched = [Bool](repeating: false, count: grid.count)
    var results = ResultIndices()
    var owners = ResultOwners()
    for (series, column) in group.many.enumerated() {
      try column.forEachPresentStep { step in
        let partner = group.oneAt[step]
        let otherElement =
          partner >= 0
          ? group.one[Int(partner)].element(at: step) : fillOfOne.map(BinaryElement.number)
        guard let element = column.element(at: step), let otherElement else { return }
        let outcome = outcome(element, otherElement)
        remarks.insert(outcome.remark, step: step, order: group.manyOrder[series])
        // What operators don't combine is no match either.
        if outcome.element == nil, outcome.remark != nil { return }
        if matched[step], matching.cardinality == .oneToOne {
          throw QueryError.execution(
            "multiple matches for labels: many-to-one matching must be explicit"
              + " (group_left/group_right)")
        }
        matched[step] = true
        // Made only where it is needed, which is seldom.
        func other() -> SeriesColumn? { partner >= 0 ? group.one[Int(partner)] : nil }
        let result = try results.index(for: partner) {
          try collector.index(
            for: resultLabels(of: column, with: other()), dropsName: dropsName(column.dropsName))
        }
        if matching.cardinality != .oneToOne {
          for rival in owners.rivals(of: series, for: result)
          where group.many[rival].isPresent(at: step)
            && resultLabels(of: group.many[rival], with: other())
              == resultLabels(of: column, with: other())
          {
            throw QueryError.execution(
              "multiple matches for labels: grouping labels must ensure unique matches")
          }
        }
        try set(outcome, at: step, of: result, in: &collector)
      }
      results.removeAll()
    }
    try fillManySide(of: group, except: matched, into: &collector, &remarks)
  }

  /// Lets the "one" side meet the fill value where no series of the "many"
  /// side was there.
  private func fillManySide(
    of group: Group, except matched: [Bool], into collector: inout ColumnCollector,
    _ remarks: inout StepRemarks
  ) throws {
    guard let fillOfMany else { return }
    var results = ResultIndices()
    for step in 0..<grid.count where matched[step] == false && group.oneAt[step] >= 0 {
      let column = group.one[Int(group.oneAt[step])]
      guard let element = column.element(at: step) else { continue }
      let outcome = outcome(.number(fillOfMany), element)
      remarks.insert(outcome.remark, step: step, order: .max)
      if outcome.element == nil, outcome.remark != nil { continue }
      let result = try results.index(for: group.oneAt[step]) {
        let labels = matchKey.group(of: column.labels)
        return try collector.index(
          for: resultLabels(labels, column.labels), dropsName: dropsName(false))
      }
      try set(outcome, at: step, of: result, in: &collector)
    }
  }

  /// Applies the operator, each element standing on the side it was written on.
  private func outcome(_ many: BinaryElement, _ one: BinaryElement) -> ElementOperation.Outcome {
    ElementOperation(operation: plan.operation, returnsBool: plan.returnsBool)
      .outcome(isSwapped ? one : many, isSwapped ? many : one)
  }

  private func set(
    _ outcome: ElementOperation.Outcome, at step: Int, of result: Int,
    in collector: inout ColumnCollector
  ) throws {
    switch outcome.element {
    case .number(let value): try collector.set(value, step: step, ofSeriesAt: result)
    case .histogram(let histogram):
      try collector.set(histogram, step: step, ofSeriesAt: result)
    case nil: break
    }
  }

  /// The last remark of each step, as Prometheus makes no more of them.
  private struct StepRemarks {
    private var found: [Int: (order: Int, remark: ElementOperation.Remark)] = [:]

    /// Takes in a remark on the series of the "many" side at `order`.
    mutating func insert(_ remark: ElementOperation.Remark?, step: Int, order: Int) {
      guard let remark else { return }
      if let known = found[step], known.order > order { return }
      found[step] = (order, remark)
    }

    var lastOfSteps: [ElementOperation.Remark] { found.values.map(\.remark) }
  }

  /// True when the name of a result is dropped at the end.
  private func dropsName(_ manyDropsName: Bool) -> Bool {
    plan.returnsBool || (plan.operation.changesMetric == false && manyDropsName)
  }

  /// The labels of the result of a series of the "many" side.
  ///
  /// - Parameter one: The series it meets; nil for the fill value.
  private func resultLabels(of many: SeriesColumn, with one: SeriesColumn?) -> Labels {
    resultLabels(many.labels, one?.labels ?? matchKey.group(of: many.labels))
  }

  private func resultLabels(_ many: Labels, _ one: Labels) -> Labels {
    var labels = many
    if plan.operation.changesMetric { labels = labels.removing(SeriesColumn.metadataLabels) }
    if matching.cardinality == .oneToOne {
      labels = matching.isOn ? labels.keeping(matchedNames) : labels.removing(matchedNames)
    }
    guard matching.includedLabels.isEmpty == false else { return labels }
    var builder = LabelsBuilder(labels)
    for name in matching.includedLabels {
      builder.set(name, to: one[name] ?? "")
    }
    return builder.labels()
  }

  /// The series of the "many" side that go to each result.
  ///
  /// Two of them in one result must not meet at any step, even where a
  /// comparison leaves the result out.
  private struct ResultOwners {
    private var owners: [Int: [Int]] = [:]
    private var last: (series: Int, result: Int)?

    /// The series before `series` that go to `result` as well.
    mutating func rivals(of series: Int, for result: Int) -> ArraySlice<Int> {
      if last?.series != series || last?.result != result {
        if owners[result]?.last != series { owners[result, default: []].append(series) }
        last = (series, result)
      }
      return owners[result]?.dropLast() ?? []
    }
  }

  /// The results that one series of the "many" side goes to, by its partner.
  private struct ResultIndices {
    private var partner: Int32 = .min
    private var result = 0
    private var others: [Int32: Int] = [:]

    mutating func index(for partner: Int32, make: () throws -> Int) rethrows -> Int {
      // Nearly always the partner is the same at every step.
      if partner == self.partner { return result }
      result = try others[partner] ?? make()
      others[partner] = result
      self.partner = partner
      return result
    }

    mutating func removeAll() {
      partner = .min
      others.removeAll(keepingCapacity: true)
    }
  }
}

extension BinaryOperator {
  /// True for the operators that only native histograms have.
  var isTrim: Bool { self == .trimLower || self == .trimUpper }
}
