import Addressing
import ArgumentParser
import Engine
import LinuxSystem
import Telemetry

/// The daemon's command line.
struct Options: ParsableArguments {
    @Option(
        help: "Directory for what must survive a reboot: images, containers, volumes, swarm membership.",
        transform: LocalPath.absolute)
    var root = "/var/lib/apus"

    @Option(
        help: "Directory for what is gone after a reboot: namespaces, sockets, runtime state.",
        transform: LocalPath.absolute)
    var runDir = "/run/apus"

    @Option(help: "Where to serve the Engine API: unix:///path.")
    var host = "unix:///run/apus/docker.sock"

    @Option(
        help: """
            Where clients look that are told nothing: served as well, unless another daemon listens there. Empty for \
            nowhere else.
            """)
    var dockerSocket = "/var/run/docker.sock"

    @Option(help: "Registry to ask first for images of docker.io: a URL. May be given more than once.")
    var registryMirror: [String] = []

    @Option(help: "Registry whose certificate is not checked and that may do without TLS: host:port. More than once.")
    var insecureRegistry: [String] = []

    @Option(help: "Resolver for containers, instead of the host's. May be given more than once.")
    var dns: [String] = []

    @Flag(help: "Give Docker's own bridge, docker0, IPv6 as well.")
    var ipv6 = false

    @Option(
        help:
            "Its IPv6 subnet, with --ipv6: a network, as in fd00:1::/64. One of the node's own prefix when nothing is said."
    )
    var fixedCidrV6 = ""

    @Option(
        help: """
            What subnets of the node's own networks are cut from, docker0 and docker_gwbridge among them, when nobody names \
            one: base=10.200.0.0/16,size=24. May be given more than once. Networks that are there keep theirs.
            """)
    var defaultAddressPool: [String] = []

    @Option(
        help: """
            Address of docker0 with its subnet's length: 10.200.0.1/24. One that is there gets it at a start at which no \
            container is on it.
            """)
    var bip = ""

    @Option(
        help: """
            Block that no chosen subnet overlaps, neither of this node's networks nor of the swarm's overlays: 10.8.0.0/16. \
            May be given more than once.
            """)
    var avoidSubnet: [String] = []

    @Option(help: "Address or interface that other nodes reach this one at, when swarm init and join name none.")
    var advertiseAddr = ""

    @Option(
        help: """
            Where to serve this node's metrics for Prometheus over TCP: host:port, as in 127.0.0.1:9323. Whoever can \
            connect can read them. Without it they are on the API's socket alone, at /metrics.
            """)
    var metricsAddr = ""

    @Option(
        help: """
            Labels of containers that their metrics are to have at /metrics, where they are called label_NAME: names with \
            commas between them, at most 16. None when nothing is said.
            """)
    var metricsLabels = ""

    @Option(
        help: """
            Where to post the metrics of this node and its containers in OpenTelemetry's protocol (HTTP, protobuf): a URL, \
            with /v1/metrics for a path unless it has another. Headers and whom to trust are taken from the environment: \
            OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_CERTIFICATE.
            """)
    var metricsOtlpEndpoint = ""

    @Option(help: "How often to post them, in seconds: 10 to 3600.")
    var metricsOtlpInterval = MetricsPushTarget.usualSeconds

    @Flag(help: "Serve the whole swarm's metrics at --metrics-addr as well, on managers, at /metrics/cluster.")
    var metricsCluster = false

    @Option(help: "Where a manager that leads posts alerts, in the form of Alertmanager's webhooks: a URL.")
    var alertWebhook = ""

    @Option(
        help: """
            Where managers serve the dashboard: host:port, :port, a host, or off. Nothing for the manager's own address \
            and port 2378. Loopback alone until there is an account.
            """)
    var dashboardAddr = ""

    @Flag(
        help: """
            Operators may open a terminal in the container of any task from this manager's dashboard. Each is an event of \
            type audit.
            """)
    var dashboardTerminal = false

    @Option(
        help: """
            Most that all logs of the node may take together: 20g, 512m, or 5% of the file system. The oldest files that \
            are not written any more go first. A tenth of the file system, 10g at most, when nothing is said.
            """)
    var logQuota = ""

    @Option(help: "Most that one image layer or archive may unpack to, in GiB.")
    var maxUnpackedGib = UnpackedLimit.usualGiB

    @Option(help: "Most times its own size that an archive may unpack to, once that is more than a GiB.")
    var maxUnpackedRatio = UnpackedLimit.usualRatio

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = "info"

    @Flag(help: "For throw-away clusters: the swarm's store does not wait for the disk.")
    var lab = false

    /// The socket's path.
    func socketPath() throws -> String {
        let prefix = "unix://"
        guard host.hasPrefix(prefix), host.count > prefix.count else {
            throw ValidationError("--host \(host): only unix:///path is implemented by apus yet")
        }
        return String(host.dropFirst(prefix.count))
    }

    /// What docker0 is to have of IPv6.
    func bridgeIPv6() throws -> DefaultBridgeIPv6 {
        if fixedCidrV6.isEmpty { return ipv6 ? .chosen : .nothing }
        guard ipv6 else { throw ValidationError("--fixed-cidr-v6 \(fixedCidrV6): --ipv6 is wanted beside it") }
        guard let subnet = IPv6Network(fixedCidrV6) else {
            throw ValidationError("--fixed-cidr-v6 \(fixedCidrV6): a subnet of IPv6 is wanted, as in fd00:1::/64")
        }
        return .subnet(.v6(subnet))
    }

    /// Which addresses the node's own networks get.
    func addressing() throws -> NodeAddressing {
        do {
            return try NodeAddressing(pools: defaultAddressPool, bridge: bip, keptOut: avoidSubnet)
        } catch { throw ValidationError("\(error)") }
    }

    /// Resolvers for containers; empty for the host's.
    func nameServers() throws -> [IPAddress] {
        do {
            return try NodeAddressing.nameServers(dns)
        } catch { throw ValidationError("\(error)") }
    }

    /// Where alerts are posted; `nil` for nowhere.
    func alertReceiver() throws -> String? {
        if alertWebhook.isEmpty { return nil }
        guard ["http://", "https://"].contains(where: alertWebhook.hasPrefix) else {
            throw ValidationError("--alert-webhook \(alertWebhook): it has to begin with http:// or https://")
        }
        return alertWebhook
    }

    /// The labels of containers that their metrics have.
    func shownLabels() throws -> MetricsLabels {
        guard let labels = MetricsLabels(metricsLabels) else {
            throw ValidationError(
                "--metrics-labels \(metricsLabels): at most \(MetricsLabels.most) names of labels are wanted, with commas between "
                    + "them, of at most \(MetricsLabels.longestName) bytes, and no two that are the same once _ stands for "
                    + "whatever is no letter and no digit")
        }
        return labels
    }

    /// Where metrics are posted; `nil` for nowhere.
    func metricsPush(_ environment: [String: String]) throws -> MetricsPushTarget? {
        if metricsOtlpEndpoint.isEmpty { return nil }
        guard
            let push = MetricsPushTarget(
                endpoint: metricsOtlpEndpoint, seconds: metricsOtlpInterval, environment: environment)
        else {
            throw ValidationError(
                "--metrics-otlp-endpoint: a URL of http or https is wanted, --metrics-otlp-interval from 10 to 3600, and "
                    + "OTEL_EXPORTER_OTLP_HEADERS as name=value,name=value")
        }
        return push
    }

    /// How much all logs may take.
    func logBound() throws -> LogBound {
        guard let bound = LogBound(logQuota) else {
            throw ValidationError("--log-quota \(logQuota): an amount of at least 1m is wanted, as in 20g, or 5%")
        }
        return bound
    }

    /// How much may come out of one archive.
    func unpackedLimit() throws -> UnpackedLimit {
        guard let limit = UnpackedLimit(gib: maxUnpackedGib, ratio: maxUnpackedRatio) else {
            throw ValidationError("--max-unpacked-gib and --max-unpacked-ratio must be greater than zero")
        }
        return limit
    }
}
