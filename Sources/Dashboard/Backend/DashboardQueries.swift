/// Whose logs, metrics or events are asked for.
package struct DashboardScope: Codable, Sendable, Equatable, Hashable {
    /// The words of the address.
    package enum Kind: String, Codable, Sendable, CaseIterable { case cluster, service, task, node, network, container }
    package var kind: Kind
    /// Empty for the cluster.
    package var id: String

    package init(_ kind: Kind, _ id: String = "") {
        self.id = id
        self.kind = kind
    }

    /// As in `service:x3k…`, or `cluster`.
    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let word = parts.first, let kind = Kind(rawValue: String(word)) else { return nil }
        let id = parts.dropFirst().first.map { String($0) } ?? ""
        guard id.utf8.count <= 128, id.isEmpty == (kind == .cluster) else { return nil }
        self.init(kind, id)
    }
}

/// A window of time, in milliseconds since 1970.
package struct DashboardWindow: Sendable, Equatable {
    /// Its first moment.
    package var from: Int64
    /// Its end, which is not part of it.
    package var to: Int64

    /// - Returns: `nil` for one that ends before it begins, and for one of more than 32 days.
    package init?(from: Int64, to: Int64) {
        let (length, isTooLong) = to.subtractingReportingOverflow(from)
        guard !isTooLong, length > 0, length <= 32 * 86_400_000, from >= 0 else { return nil }
        self.from = from
        self.to = to
    }
}

/// A chart's lines.
package struct DashboardMetricsQuery: Sendable, Equatable {
    package var scope: DashboardScope
    /// Services beside one: a line for each of them all.
    package var others: [DashboardScope] = []
    /// `cpu`, `memory`, `network`, `connections`, `retransmits`, `drops`, `throttled`, `faults`, `pressure`, `disk`, `processes`, `roundTrip`, `loss`.
    package var series: String
    /// A line for each `node`, `task` or `direction`; `nil` for one.
    package var by: String?
    package var window: DashboardWindow
    /// At most 600.
    package var points: Int
}

/// Lines on one grid: a value for each step from `from` on, `nil` where nothing was measured.
package struct DashboardMetrics: Codable, Sendable, Equatable {
    /// One line of the chart.
    package struct Line: Codable, Sendable, Equatable {
        /// What the key calls it: a node's or task's name, a direction.
        package var name: String
        package var values: [Double?]
        package init(name: String, values: [Double?]) {
            self.name = name
            self.values = values
        }
    }
    /// Who did not answer, and for which time.
    package struct Gap: Codable, Sendable, Equatable {
        /// Its id.
        package var node: String
        /// Milliseconds since 1970.
        package var from: Int64
        /// Milliseconds since 1970.
        package var to: Int64
        package init(node: String, from: Int64, to: Int64) {
            self.from = from
            self.node = node
            self.to = to
        }
    }
    /// Milliseconds since 1970.
    package var from: Int64
    /// Milliseconds.
    package var step: Int64
    package var lines: [Line]
    /// A limit or capacity that the chart shows as a line.
    package var limit: Double?
    package var gaps: [Gap]
    package init(from: Int64, step: Int64, lines: [Line], limit: Double? = nil, gaps: [Gap] = []) {
        self.from = from
        self.gaps = gaps
        self.limit = limit
        self.lines = lines
        self.step = step
    }
}

/// Lines of logs, the newest of a window that fit.
package struct DashboardLogQuery: Sendable, Equatable {
    /// Services, one task or one container; a network for the services on it, `cluster` for all services.
    package var scopes: [DashboardScope]
    package var window: DashboardWindow
    /// At most 1,000.
    package var limit: Int
    /// Only lines with this text, upper and lower case alike.
    package var text: String?
    package var onlyErrors: Bool
    /// Only lines that state `error` or `warn` themselves.
    package var onlyStated: Bool

    package init(scopes: [DashboardScope], window: DashboardWindow, limit: Int = 500) {
        self.limit = limit
        onlyErrors = false
        onlyStated = false
        self.scopes = scopes
        self.window = window
    }
}

/// One line of a log, or a mark of ours among them.
package struct DashboardLogLine: Codable, Sendable, Equatable {
    /// Milliseconds with fractions, for the axis.
    package var time: Double
    /// RFC 3339 with nine digits, for going on from here.
    package var stamp: String
    /// Id of the task, or of the container.
    package var task: String
    /// The id of the node that the line is from.
    package var node: String
    /// 1 standard output, 2 standard error, 3 a mark of ours.
    package var stream: Int
    package var text: String
    package init(time: Double, stamp: String, task: String, node: String, stream: Int, text: String) {
        self.node = node
        self.stamp = stamp
        self.stream = stream
        self.task = task
        self.text = text
        self.time = time
    }
}

/// How many logs an answer is of that is not of all.
package struct DashboardLogsRead: Codable, Sendable, Equatable {
    /// Logs that were read.
    package var read: Int
    /// Logs that were asked for, those that are not listed because of their number among them.
    package var all: Int
    /// As many are read for one answer.
    package var most: Int
    /// As many of them of containers of one other node that belong to no task.
    package var mostOfNode: Int
}

/// Lines in order of time.
package struct DashboardLogPage: Codable, Sendable, Equatable {
    package var lines: [DashboardLogLine] = []
    /// Milliseconds: how far back was looked. Later than the window's beginning when there may be more.
    package var reachedBack: Int64
    /// Who did not answer, in words of ours.
    package var notes: [String] = []
    /// Where fewer logs were read than were asked for.
    package var partial: DashboardLogsRead?
    /// Not all of the window was looked at: there was too much for one answer, or it took too long.
    package var isCut = false
    package init(reachedBack: Int64) { self.reachedBack = reachedBack }
}

/// How many lines there are, in equal parts of a window.
package struct DashboardLogVolume: Codable, Sendable, Equatable {
    /// Milliseconds since 1970.
    package var from: Int64
    /// Milliseconds, with fractions.
    package var step: Double
    package var output: [Int]
    package var error: [Int]
    /// Lines that state an error themselves; they are in one of the two others as well.
    package var stated: [Int]
    /// Where fewer logs were counted than were asked for.
    package var partial: DashboardLogsRead?
    /// Not all of the window was counted: there was too much for one answer, it took too long, or a log could not be read to its end.
    package var isCut = false
    package init(from: Int64, step: Double, buckets: Int) {
        error = Array(repeating: 0, count: buckets)
        self.from = from
        output = Array(repeating: 0, count: buckets)
        stated = Array(repeating: 0, count: buckets)
        self.step = step
    }
}

/// Events in order of time.
package struct DashboardEventPage: Codable, Sendable, Equatable {
    package var events: [EventView] = []
    /// The window has earlier ones, which are left out.
    package var isCut = false
    package init(events: [EventView] = []) { self.events = events }

    /// Leaves out all but the newest so many.
    mutating func keep(_ limit: Int) {
        guard events.count > limit else { return }
        events = Array(events.suffix(limit))
        isCut = true
    }
}

/// What operators may do.
package enum DashboardAction: Sendable, Equatable {
    case scale(service: String, version: UInt64, replicas: UInt64)
    case restart(service: String, version: UInt64)
    case update(service: String, version: UInt64, image: String)
    case rollBack(service: String, version: UInt64)
    /// `active`, `pause` or `drain`.
    case availability(node: String, version: UInt64, String)
    /// Minutes.
    case silence(alert: String, minutes: Int)
    /// Ends a silence by its id.
    case unsilence(String)

    /// For the record, without values.
    package var summary: String {
        switch self {
        case .scale(let service, _, let replicas): "scale \(service) to \(replicas)"
        case .restart(let service, _): "restart \(service)"
        case .update(let service, _, let image): "update \(service) to \(image)"
        case .rollBack(let service, _): "roll back \(service)"
        case .availability(let node, _, let word): "set \(node) to \(word)"
        case .silence(let alert, let minutes): "silence \(alert) for \(minutes) min"
        case .unsilence(let silence): "unsilence \(silence)"
        }
    }

    /// What the record calls it.
    package var word: String { String(summary.prefix { $0 != " " }) }

    /// The id of what it is done to.
    package var subject: String {
        switch self {
        case .scale(let id, _, _), .restart(let id, _), .update(let id, _, _), .rollBack(let id, _),
            .availability(let id, _, _), .silence(let id, _), .unsilence(let id):
            id
        }
    }
}
