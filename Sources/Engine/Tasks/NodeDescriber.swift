import Addressing
import Concurrency
import Model

/// What the swarm is told of this node.
struct NodeDescriber: Sendable {
    let version: String
    let networks: LocalNetworks
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
        // As many as a manager takes.
        description.routedSubnets = Array(
            Set(try await RoutedSubnets.read() + networks.subnets).map(\.description).sorted().prefix(1024))
        description.encryption = encryption.status.value
        description.metricsAddress = metricsAddress?.description
        return description
    }
}
