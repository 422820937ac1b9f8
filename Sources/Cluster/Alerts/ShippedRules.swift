package import Model

extension AlertRule {
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
            "LogBehind", .nodeLogBehindSeconds, .above, 600, for: 300, .warning,
            "a receiver of logs of node {node_name} lacks lines that are {value} seconds old"),
        AlertRule(
            "MetricsPushDown", .nodeMetricsPushDown, .above, 0, for: 300, .warning,
            "the metrics of node {node_name} are not taken by their receiver"),
        AlertRule(
            "PathIll", .nodePathsIll, .above, 0, for: 60, .warning,
            "something is wrong with {value} of the ways from node {node_name} to other nodes: apus network doctor"),
        AlertRule(
            "CertificateExpires", .nodeCertificateDaysLeft, .below, 7, for: 0, .critical,
            "the certificate of node {node_name} expires in {value} days"),
        AlertRule(
            "NetworkConflict", .networkConflicts, .above, 0, for: 0, .warning,
            "network {network_name} has addresses that are in use, or kept clear of, where {value} nodes are"),
        AlertRule(
            "AddressesUsedUp", .networkAddressesUsedRatio, .above, 0.9, for: 60, .warning,
            "the addresses of network {network_name} are nearly used up"),
        AlertRule(
            "QuorumAtRisk", .managersToSpare, .below, 1, for: 60, .critical,
            "the swarm loses its quorum with one manager more"),
    ]
}
