/// What history is kept of: a container, or a node itself.
package struct ChartEntity: Sendable, Hashable {
    /// Whose samples they are: one container's, or those of the node as a whole.
    package enum Kind: Sendable, Hashable { case container, node }
    package var kind: Kind
    /// Of the container, or of the node.
    package var id: String
    /// Id of the node that keeps it.
    package var node: String

    package init(_ kind: Kind, _ id: String, node: String) {
        self.id = id
        self.kind = kind
        self.node = node
    }
}

/// Curves that are asked of the nodes' histories. Each group's entities are added up.
package struct ChartRequest: Sendable, Equatable {
    /// Entities that make one curve together.
    package struct Group: Sendable, Equatable {
        package var name: String
        package var entities: [ChartEntity]
        package init(name: String, entities: [ChartEntity]) {
            self.entities = entities
            self.name = name
        }
    }
    package var groups: [Group]
    /// As `Telemetry` names them; counters are answered as their increase a second.
    package var series: [String]
    package var window: DashboardWindow
    /// At most 600.
    package var points: Int

    package init(groups: [Group], series: [String], window: DashboardWindow, points: Int) {
        self.groups = groups
        self.points = points
        self.series = series
        self.window = window
    }
}

/// Curves on one grid.
package struct ChartAnswer: Sendable, Equatable {
    /// Of one group and series: a value for each step.
    package struct Curve: Sendable, Equatable {
        /// As in the ``HistoryAnswer/Curve`` that it is made of.
        package var group: String
        /// As in the ``HistoryAnswer/Curve`` that it is made of.
        package var series: String
        package var values: [Double?]
        package init(group: String, series: String, values: [Double?]) {
            self.group = group
            self.series = series
            self.values = values
        }
    }
    /// Milliseconds since 1970.
    package var from: Int64
    /// Milliseconds.
    package var step: Int64
    package var curves: [Curve]
    /// Ids of nodes that did not answer.
    package var silent: [String]
    package init(from: Int64, step: Int64, curves: [Curve], silent: [String] = []) {
        self.curves = curves
        self.from = from
        self.silent = silent
        self.step = step
    }
}

/// How a chart of the page is made from what nodes keep: a pure table.
struct ChartRecipe: Sendable {
    /// A line is the sum of weighted series, as a share of others if there are any.
    struct Line: Sendable {
        var name: String
        var terms: [(series: String, weight: Double)]
        var whole: [String] = []
    }
    /// Whose series they are.
    var kind: ChartEntity.Kind
    var lines: [Line]

    /// - Parameters:
    ///   - ofNode: For a node rather than for containers.
    ///   - byDirection: A line for each direction, where there are two.
    /// - Returns: `nil` for what no node keeps.
    init?(_ series: String, ofNode: Bool, byDirection: Bool) {
        func line(_ name: String, _ series: [String], _ weight: Double = 1) -> Line {
            Line(name: name, terms: series.map { ($0, weight) })
        }
        func lines(_ parts: [(String, [String])], _ weight: Double = 1) -> [Line] {
            byDirection
                ? parts.map { line($0.0, $0.1, weight) } : [line(series, parts.flatMap(\.1), weight)]
        }
        let perSecond = 1e-6
        kind = .container
        switch (series, ofNode) {
        case ("cpu", true): self.lines = [line("cpu", ["cpu_busy_microseconds"], perSecond)]
        case ("memory", true):
            self.lines = [
                Line(name: "memory", terms: [("memory_total_bytes", 1), ("memory_available_bytes", -1)])
            ]
        case ("disk", true):
            self.lines = [
                Line(
                    name: "disk", terms: [("filesystem_size_bytes", 1), ("filesystem_free_bytes", -1)],
                    whole: ["filesystem_size_bytes"])
            ]
        case ("conntrack", true):
            self.lines = [Line(name: "conntrack", terms: [("conntrack_entries", 1)], whole: ["conntrack_limit"])]
        case ("cpu", false): self.lines = [line("cpu", ["cpu_microseconds"], perSecond)]
        case ("memory", false):
            self.lines = [line("working set", ["memory_working_set_bytes"])]
            if byDirection { self.lines.append(line("anonymous", ["memory_anon_bytes"])) }
        case ("pressure", _):
            let one = { (word: String) in line(word, ["pressure_\(word)_some_microseconds"], perSecond) }
            self.lines = byDirection ? ["cpu", "memory", "io"].map(one) : [one("cpu")]
        case ("network", _):
            self.lines = lines([("in", ["network_received_bytes"]), ("out", ["network_sent_bytes"])])
        case ("drops", _):
            self.lines = [
                line(
                    "drops",
                    ["network_receive_drops", "network_send_drops", "network_receive_errors", "network_send_errors"])
            ]
        case ("connections", false): self.lines = [line("connections", ["tcp_accepted"])]
        case ("retransmits", false): self.lines = [line("retransmits", ["tcp_retransmits"])]
        case ("throttled", false): self.lines = [line("throttled", ["cpu_throttled_microseconds"], perSecond)]
        case ("faults", false): self.lines = [line("faults", ["major_faults"])]
        case ("diskio", _): self.lines = lines([("read", ["io_read_bytes"]), ("write", ["io_written_bytes"])])
        case ("processes", _): self.lines = [line("processes", ["processes"])]
        case ("restarts", false): self.lines = [line("restarts", ["restarts"])]
        default: return nil
        }
        if ofNode, ["cpu", "memory", "disk", "conntrack", "pressure"].contains(series) { kind = .node }
    }

    /// Every series that the lines need, once each.
    var series: [String] { Array(Set(lines.flatMap { $0.terms.map(\.series) + $0.whole })).sorted() }

    /// The lines of each group, named after the group, after themselves, or after both.
    func draw(_ answer: ChartAnswer, groups: [String]) -> [DashboardMetrics.Line] {
        let curves = Dictionary(grouping: answer.curves, by: \.group).mapValues { curves in
            Dictionary(curves.map { ($0.series, $0.values) }) { first, _ in first }
        }
        return groups.flatMap { group -> [DashboardMetrics.Line] in
            // Looked for once, not for each step.
            let own = curves[group] ?? [:]
            return lines.map { line -> DashboardMetrics.Line in
                let terms = line.terms.map { Term(values: own[$0.series] ?? [], weight: $0.weight) }
                let whole = line.whole.map { own[$0] ?? [] }
                let count = terms.map { $0.values.count }.max() ?? 0
                let name = lines.count == 1 ? group : groups.count == 1 ? line.name : "\(group) \(line.name)"
                return DashboardMetrics.Line(
                    name: name, values: (0..<count).map { Self.value(terms, of: whole, at: $0) })
            }
        }
    }

    private struct Term {
        let values: [Double?]
        let weight: Double
    }

    /// `nil` where none of the terms is known, and where there is no whole to have a share of.
    private static func value(_ terms: [Term], of whole: [[Double?]], at step: Int) -> Double? {
        var sum: Double?
        for term in terms where term.values.indices.contains(step) {
            guard let value = term.values[step] else { continue }
            sum = (sum ?? 0) + value * term.weight
        }
        guard let part = sum, !whole.isEmpty else { return sum }
        var all = 0.0
        for values in whole where values.indices.contains(step) { all += values[step] ?? 0 }
        let share = part / all
        return all > 0 && share.isFinite ? share : nil
    }
}
