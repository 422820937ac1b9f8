import Model

/// When somebody is to be told: `metric op value for duration`.
package struct AlertRule: Sendable, Equatable, Codable {
    /// How a value is compared with the rule's.
    package enum Comparison: String, Sendable, Codable, CaseIterable {
        case above = ">"
        case below = "<"
        case atLeast = ">="
        case atMost = "<="
        case equal = "=="
        case different = "!="

        func holds(_ left: Double, _ right: Double) -> Bool {
            switch self {
            case .above: left > right
            case .below: left < right
            case .atLeast: left >= right
            case .atMost: left <= right
            case .equal: left == right
            case .different: left != right
            }
        }
    }

    /// How much it matters; both are told.
    package enum Severity: String, Sendable, Codable { case warning, critical }

    /// The alert's name, as `ServiceBelowDesired`.
    package var name: String
    package var metric: AlertMetric
    package var comparison: Comparison
    /// What the metric's value is compared with, on its right.
    package var threshold: Double
    /// How long it has to hold, in seconds.
    package var seconds: Int64
    package var severity: Severity
    /// For people; `{…}` is the label of that name, `{value}` the value.
    package var summary: String

    package init(
        _ name: String, _ metric: AlertMetric, _ comparison: Comparison, _ threshold: Double, for seconds: Int64,
        _ severity: Severity, _ summary: String
    ) {
        self.comparison = comparison
        self.metric = metric
        self.name = name
        self.seconds = seconds
        self.severity = severity
        self.summary = summary
        self.threshold = threshold
    }

    /// Those that every swarm has.
    package static let shipped = [
        AlertRule(
            "ServiceBelowDesired", .serviceTasksMissing, .above, 0, for: 60, .critical,
            "service {service_name} lacks {value} of its tasks"),
        AlertRule("NodeDown", .nodeDown, .above, 0, for: 0, .critical, "node {node_name} is down"),
        AlertRule(
            "RestartLoop", .serviceFailures, .atLeast, 5, for: 0, .warning,
            "tasks of service {service_name} have failed {value} times within 10 minutes"),
        AlertRule(
            "OutOfMemory", .serviceOutOfMemoryKills, .above, 0, for: 0, .warning,
            "tasks of service {service_name} were killed for want of memory within 10 minutes"),
        AlertRule(
            "DiskFull", .nodeDiskFreeRatio, .below, 0.1, for: 0, .critical,
            "the disk of node {node_name} is nearly full"),
        AlertRule(
            "LogDropped", .nodeLogDroppedLines, .above, 0, for: 0, .warning,
            "log drivers on node {node_name} have dropped {value} lines within 15 minutes"),
        AlertRule(
            "LogDown", .nodeLogDestinationsDown, .above, 0, for: 300, .warning,
            "log drivers on node {node_name} do not reach {value} of their destinations"),
        AlertRule(
            "CertificateExpires", .nodeCertificateDaysLeft, .below, 7, for: 0, .critical,
            "the certificate of node {node_name} expires in {value} days"),
        AlertRule(
            "QuorumAtRisk", .managersToSpare, .below, 1, for: 60, .critical,
            "the swarm loses its quorum with one manager more"),
    ]
}

/// One value of a metric: of what, and how much.
struct AlertSample: Equatable {
    var labels: [String: String]
    var value: Double
}

/// What rules may compare. Every value is known on the leader: from the read model and the nodes' pulses.
package enum AlertMetric: String, Sendable, Codable, CaseIterable {
    case serviceTasksMissing = "service_tasks_missing"
    /// Of the last ten minutes; the same below.
    case serviceFailures = "service_failures"
    case serviceOutOfMemoryKills = "service_oom_kills"
    /// 1 for a node that is.
    case nodeDown = "node_down"
    case nodeDiskFreeRatio = "node_disk_free_ratio"
    case nodeMemoryUsedRatio = "node_memory_used_ratio"
    case nodeConntrackUsedRatio = "node_conntrack_used_ratio"
    /// Of the last quarter of an hour.
    case nodeLogDroppedLines = "node_log_dropped_lines"
    case nodeLogDestinationsDown = "node_log_destinations_down"
    case nodeCertificateDaysLeft = "node_certificate_days_left"
    /// How many more may be lost. There is no value for a swarm with a single manager, which has none to lose.
    case managersToSpare = "managers_to_spare"
}
