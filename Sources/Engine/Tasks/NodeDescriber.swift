import Addressing
import Concurrency
import LinuxSystem
import Model

/// What the swarm is told of this node.
struct NodeDescriber: Sendable {
    let version: String
    let networks: LocalNetworks
    let routes: RouteWatch
    let encryption: EncryptionKeeper
    /// Where metrics are served over TCP.
    let metricsAddress: NodeMetricsAddress?

    /// Host name, platform, resources and engine; without TLS information.
    func describe() async throws -> NodeDescription {
        let machine = try await Machine.read()
        var description = NodeDescription()
        description.hostname = machine.hostname
        description.platform = NodeDescription.Platform(architecture: machine.architecture, system: "linux")
        description.resources.nanoCPUs = Int64(clamping: machine.processors) * 1_000_000_000
        description.resources.memoryBytes = machine.memory
        description.engine.engineVersion = version
        description.engine.plugins =
            LogShipping.driverNames.map { NodeDescription.Plugin(type: "Log", name: $0) }
            + SystemInfo.Plugins().network.map { NodeDescription.Plugin(type: "Network", name: $0) }
            + SystemInfo.Plugins().volume.map { NodeDescription.Plugin(type: "Volume", name: $0) }
        let routed = try await routes.present()
        description.routedSubnets = Self.claims(
            keptOut: networks.keptOut, bridges: networks.subnets, routed: routed.subnets)
        let avoided = Self.avoided(keptOut: networks.keptOut, bridges: networks.subnets, routed: routed.subnets)
        description.avoidedSubnets = avoided.isEmpty ? nil : avoided
        description.resolvers = routed.resolvers
        description.encryption = encryption.status.value
        description.metricsAddress = metricsAddress
        description.hasSCTP = SocketProtocols.haveSCTP
        return description
    }

    /// Where overlays are not to be, each once: what is kept out comes first, then the node's own bridges, since managers take so many and no more.
    static func claims(keptOut: [IPNetwork], bridges: [IPNetwork], routed: [IPNetwork]) -> [IPNetwork] {
        var seen: Set<IPNetwork> = []
        let inOrder = keptOut + Set(bridges.map(\.masked)).sorted() + routed
        return Array(inOrder.filter { seen.insert($0).inserted }.prefix(HostSubnets.maximum))
    }

    /// What of ``claims(keptOut:bridges:routed:)`` is kept out and not in use as well.
    static func avoided(keptOut: [IPNetwork], bridges: [IPNetwork], routed: [IPNetwork]) -> [IPNetwork] {
        let inUse = Set(bridges.map(\.masked) + routed)
        return Array(keptOut.filter { !inUse.contains($0) }.prefix(HostSubnets.maximum))
    }
}
