/// What one entity's series is in each step, as its samples are added in the order of time.
struct StepValues {
    private struct Step {
        var total = 0.0
        /// Samples of a gauge; seconds that a counter's increase is known of.
        var weight = 0.0
        var most = -1.0
    }

    private let grid: HistoryQuery.Grid
    private let kind: SeriesKind
    private var steps: [Step]
    private var last: (value: Int64, time: Int64)?
    /// The step that was added to last, and its time: as a rule the next sample is of it, too, and needs no division.
    private var present = 0
    private var begin: Int64 = 0
    private var end: Int64 = 0

    init(_ grid: HistoryQuery.Grid, _ kind: SeriesKind) {
        self.grid = grid
        self.kind = kind
        steps = Array(repeating: Step(), count: grid.count)
    }

    /// A sample as it was taken.
    mutating func add(_ value: Int64, at time: Int64) {
        defer { last = (value, time) }
        switch kind {
        case .gauge: put(Double(value), weight: 1, most: Double(value), at: time)
        case .counter:
            guard let last, time > last.time, time - last.time <= TimeGrid.longestGap else { return }
            let seconds = Double(time - last.time)
            let increase = Double(Increase.of(value, since: last.value))
            put(increase, weight: seconds, most: increase / seconds, at: time)
        }
    }

    /// A sample that is told of by others: a counter's increase counts from it.
    mutating func precede(_ value: Int64, at time: Int64) { last = (value, time) }

    /// What is left of five minutes, see ``Coarsening``.
    mutating func add(average: Int64, maximum: Int64, at time: Int64) {
        switch kind {
        case .gauge: put(Double(average), weight: 1, most: Double(maximum), at: time)
        case .counter:
            put(
                Double(average), weight: Double(TimeGrid.coarseSeconds),
                most: Double(maximum) / Double(TimeGrid.sampleSeconds), at: time)
        }
    }

    private mutating func put(_ value: Double, weight: Double, most: Double, at time: Int64) {
        if time < begin || time >= end {
            guard let index = grid.index(time) else { return }
            present = index
            begin = grid.start + Int64(clamping: index) * grid.step
            end = begin + grid.step
        }
        guard steps.indices.contains(present) else { return }
        steps[present].total += value
        steps[present].weight += weight
        steps[present].most = max(steps[present].most, most)
    }

    /// Of a step by its place on the grid; `nil` where nothing is known.
    subscript(step: Int) -> (average: Double, maximum: Double)? {
        guard steps.indices.contains(step), steps[step].weight > 0 else { return nil }
        return (steps[step].total / steps[step].weight, steps[step].most)
    }
}

/// The curve of a group: its entities' values put together.
struct CurveSum {
    private let combination: HistoryQuery.Combination
    private(set) var average: [Double?]
    private(set) var maximum: [Double?]

    init(_ combination: HistoryQuery.Combination, count: Int) {
        self.combination = combination
        average = Array(repeating: nil, count: count)
        maximum = average
    }

    mutating func add(_ values: StepValues) {
        for index in average.indices where maximum.indices.contains(index) {
            guard let value = values[index] else { continue }
            average[index] = put(average[index], value.average)
            maximum[index] = put(maximum[index], value.maximum)
        }
    }

    private func put(_ old: Double?, _ new: Double) -> Double {
        guard let old else { return new }
        return combination == .sum ? old + new : max(old, new)
    }
}
