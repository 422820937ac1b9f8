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

        /// Whether `left op right` holds.
        package func holds(_ left: Double, _ right: Double) -> Bool {
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
    package enum Severity: String, Sendable, Codable, CaseIterable { case warning, critical }

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
}

/// What rules may compare. Every value is known on the leader: from the read model and the nodes' pulses.
package enum AlertMetric: String, Sendable, Codable, CaseIterable {
    case serviceTasksMissing = "service_tasks_missing"
    /// Of the last ten minutes; the same below.
    case serviceFailures = "service_failures"
    case serviceOutOfMemoryKills = "service_oom_kills"
    /// Tasks that were made in place of ones that have ended by themselves; those that an update makes are none.
    case serviceRestarts = "service_restarts"
    /// Tasks that have failed because their health check said so.
    case serviceUnhealthyFailures = "service_unhealthy_failures"
    /// What its tasks use together, as their nodes have told within a minute. There is no value where nobody has.
    case serviceCPUCores = "service_cpu_cores"
    case serviceMemoryUsedBytes = "service_memory_used_bytes"
    /// Of the task that is nearest to its limit. There is no value for a service without one.
    case serviceMemoryUsedRatio = "service_memory_used_ratio"
    /// 1 for a node that is.
    case nodeDown = "node_down"
    case nodeDiskFreeRatio = "node_disk_free_ratio"
    /// Of all its processors together.
    case nodeCPUUsedRatio = "node_cpu_used_ratio"
    case nodeMemoryUsedRatio = "node_memory_used_ratio"
    case nodeConntrackUsedRatio = "node_conntrack_used_ratio"
    /// Of the last quarter of an hour.
    case nodeLogDroppedLines = "node_log_dropped_lines"
    case nodeLogDestinationsDown = "node_log_destinations_down"
    /// Of the receiver that is furthest behind: how old the oldest line is that it does not have.
    case nodeLogBehindSeconds = "node_log_behind_seconds"
    /// 1 for a node whose metrics are not taken by the receiver that they are posted to.
    case nodeMetricsPushDown = "node_metrics_push_down"
    /// Ways to other nodes with which something is wrong, as the node itself has found.
    case nodePathsIll = "node_paths_ill"
    case nodeCertificateDaysLeft = "node_certificate_days_left"
    /// Of each network: the nodes that say that addresses of it are in use where they are, or kept clear of.
    case networkConflicts = "network_conflicts"
    /// Of each network to which the swarm gives addresses: which part of those that can be given somebody has. Of two families the one that is fuller.
    case networkAddressesUsedRatio = "network_addresses_used_ratio"
    /// How many more may be lost. There is no value for a swarm with a single manager, which has none to lose.
    case managersToSpare = "managers_to_spare"

    /// What values may be of. An alert's label of that name has the id, the one with `_name` behind it the name.
    package static let subjects = ["service", "node", "network"]
}

/// A rule that the operator has made, or one that was shipped and that he has changed or switched off. Its id is the rule's name.
package struct OperatorAlertRule: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    package var rule: AlertRule
    /// It is not looked at.
    @Zero package var disabled: Bool

    package init(_ rule: AlertRule, disabled: Bool = false) {
        self.rule = rule
        id = rule.name
        self.disabled = disabled
    }
}

/// A rule as a client asks for it, in texts that are not looked at yet.
package struct AlertRuleRequest: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var metric: String
    @Zero package var comparison: String
    /// Any finite number.
    @Zero package var threshold: Double
    /// How long it has to hold.
    @Zero package var seconds: Int64
    @Zero package var severity: String
    /// One is made when it is empty.
    @Zero package var summary: String

    package init() {}
}
