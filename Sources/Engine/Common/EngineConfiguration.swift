package import Addressing
import Images
package import Model
package import Telemetry

/// What Docker's own bridge, `docker0`, has of IPv6.
package enum DefaultBridgeIPv6: Sendable, Equatable {
    case nothing
    /// A subnet of the node's own prefix.
    case chosen
    case subnet(IPNetwork)
}

/// What `apusd`'s command line says of the engine.
package struct EngineConfiguration: Sendable {
    /// What must survive a reboot: images, containers, volumes, the node's own facts. As in `/var/lib/apus`.
    package var rootDirectory: String
    /// What is gone after a reboot: namespaces, sockets, runtime state. As in `/run/apus`; best on tmpfs.
    package var runDirectory: String
    /// Registries asked first for images of `docker.io`, in order: URLs.
    package var registryMirrors: [String] = []
    /// Registries that may be spoken to without TLS: `host` or `host:port`. Loopback ones always may.
    package var insecureRegistries: [String] = []
    /// Resolvers for containers; empty for those of the host's `/etc/resolv.conf`.
    package var nameServers: [IPAddress] = []
    package var bridgeIPv6 = DefaultBridgeIPv6.nothing
    package var addressing = NodeAddressing()
    package var unpackedLimit = UnpackedLimit()
    /// For all logs of the node together.
    package var logBound = LogBound.usual
    /// Where metrics are served over TCP; managers are told of it.
    package var metricsAddress: NodeMetricsAddress?
    /// Those of containers that the node's page of metrics has.
    package var metricsLabels = MetricsLabels()
    /// Where to post metrics; `nil` for nowhere.
    package var metricsPush: MetricsPushTarget?
    package var version: String
    /// The daemon's environment: log drivers of cloud services look up their credentials and region there.
    package var environment: [String: String] = [:]

    package init(rootDirectory: String, runDirectory: String, version: String) {
        self.rootDirectory = rootDirectory
        self.runDirectory = runDirectory
        self.version = version
    }
}

extension EngineConfiguration {
    var unpackingBound: UnpackingBound { UnpackingBound(total: unpackedLimit.bytes, ratio: unpackedLimit.ratio) }
}
