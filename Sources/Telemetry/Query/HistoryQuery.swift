/// What is asked of history. Text forms are those of its parts' names, so that it can be sent.
package struct HistoryQuery: Sendable, Codable, Equatable {
    /// What becomes of the entities of a group.
    package enum Combination: String, Sendable, Codable {
        case sum
        case max
    }

    /// Entities that make one curve together, as the containers of a service; of one kind.
    package struct Group: Sendable, Codable, Equatable {
        package var name: String
        package var entities: [Entity]

        package init(name: String, entities: [Entity]) {
            self.name = name
            self.entities = entities
        }
    }

    package var groups: [Group]
    /// By ``Series/name``.
    package var series: [String]
    /// Seconds since 1970.
    package var from: Int64
    /// Seconds since 1970; not itself in the answer.
    package var to: Int64
    /// At most so many of a curve, ``mostPoints`` at most.
    package var points: Int
    package var combination: Combination
    /// Whether who asks reads packed curves (``HistoryAnswer/sent(to:)``), and needs averages alone; earlier versions do not say.
    package var readsPacked: Bool?

    package static let mostPoints = 600
    /// In all groups together.
    package static let mostEntities = 4096
    /// Curves of one answer.
    package static let mostCurves = 512

    package init(
        groups: [Group], series: [String], from: Int64, to: Int64, points: Int, combination: Combination = .sum
    ) {
        self.combination = combination
        self.from = from
        self.groups = groups
        self.points = points
        self.series = series
        self.to = to
    }
}

/// A query that is not answered.
package enum HistoryQueryError: Error, Equatable, CustomStringConvertible {
    /// Of entities, points or curves.
    case tooMany(String)
    /// A series that the entities of a group do not have.
    case unknownSeries(String)
    /// It ends before it begins, or asks for no points.
    case emptyRange
    /// A group whose entities are of different kinds.
    case mixedGroup(String)

    package var description: String {
        switch self {
        case .tooMany(let what): "too many \(what)"
        case .unknownSeries(let name): "no series \(name)"
        case .emptyRange: "no time is asked for"
        case .mixedGroup(let name): "group \(name) has entities of several kinds"
        }
    }
}

/// Curves on one grid of time. Values of gauges are as ``Series/name`` says; counters are told as their increase a second.
package struct HistoryAnswer: Sendable, Codable, Equatable {
    /// Of one group and series, a value for each step; `nil` where nothing is known.
    package struct Curve: Sendable, Codable, Equatable {
        /// Name of the group in the query.
        package var group: String
        /// As ``Series/name`` says.
        package var series: String
        package var average: [Double?]
        /// The largest within each step. Of a sum: the sum of each one's largest, which need not have been at the same moment.
        package var maximum: [Double?]
    }

    /// Seconds since 1970 of the first step's beginning.
    package var start: Int64
    /// Of a step; a multiple of 10.
    package var stepSeconds: Int64
    package var curves: [Curve]
}

extension HistoryQuery {
    /// Where the steps are: whole multiples of the step since 1970, so that answers of several nodes fit.
    struct Grid: Equatable {
        let start: Int64
        let step: Int64
        let count: Int

        func index(_ time: Int64) -> Int? {
            let index = Int(clamping: (time - start) / step)
            return time >= start && index < count ? index : nil
        }
    }

    /// - Parameter now: What is older than samples are kept is told by five minutes at least.
    func grid(now: Int64) throws(HistoryQueryError) -> Grid {
        guard from >= 0, to > from, points > 0, to <= 1 << 40 else { throw .emptyRange }
        guard points <= Self.mostPoints else { throw .tooMany("points") }
        let isCoarse = from < now - TimeGrid.fineRetention
        let unit = isCoarse ? TimeGrid.coarseSeconds : TimeGrid.sampleSeconds
        // No more than is kept at all.
        let first = max(from, min(now, to) - TimeGrid.coarseRetention - TimeGrid.coarseSeconds)
        let least = max(unit, (to - first) / Int64(clamping: points))
        var step = (least + unit - 1) / unit * unit
        var start = first / step * step
        if points == 1 {
            start = first / unit * unit
            return Grid(start: start, step: (to - start + unit - 1) / unit * unit, count: 1)
        }
        // Beginning at a multiple may take one more.
        while (to - start + step - 1) / step > Int64(clamping: points) {
            step += unit
            start = first / step * step
        }
        return Grid(start: start, step: step, count: min(Int(clamping: (to - start + step - 1) / step), points))
    }

    /// - Returns: For each group the columns of ``series`` in it.
    func columns() throws(HistoryQueryError) -> [[Int]] {
        guard groups.reduce(0, { $0 + $1.entities.count }) <= Self.mostEntities else { throw .tooMany("entities") }
        guard groups.count * series.count <= Self.mostCurves else { throw .tooMany("curves") }
        var found: [[Int]] = []
        for group in groups {
            let kind = group.entities.first?.kind ?? .container
            guard group.entities.allSatisfy({ $0.kind == kind }) else { throw .mixedGroup(group.name) }
            var columns: [Int] = []
            for name in series {
                guard let column = kind.columns.firstIndex(where: { $0.name == name }) else {
                    throw .unknownSeries(name)
                }
                columns.append(column)
            }
            found.append(columns)
        }
        return found
    }
}
