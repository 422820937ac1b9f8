import Addressing
import FoundationEssentials

/// What `apus lab status --format json` prints.
package struct LabReport: Encodable, Sendable {
    struct Node: Encodable {
        let name: String
        let role: String
        let address: IPAddress
        let addresses: [IPAddress]
        let docker_host: String
        let running: Bool
        let partitioned: Bool
        let pid: Int32?
    }

    struct Host: Encodable {
        let address: IPAddress
        let addresses: [IPAddress]

        init(_ host: LabState.Host) {
            address = host.addresses.main
            addresses = host.addresses.all
        }
    }

    private let name: String
    private let subnet: IPNetwork?
    private let subnets: [IPNetwork]
    private let underlay: LabFamilies
    private let nodes: [Node]
    private let client: Host
    private let internet: Host

    package init(_ state: LabState, _ nodes: [LabCluster.NodeStatus]) {
        name = state.name
        underlay = state.options.families
        subnets = state.options.underlay.subnets
        subnet = subnets.first
        self.nodes = nodes.map {
            Node(
                name: $0.node.name, role: $0.node.role, address: $0.node.address, addresses: $0.node.addresses.all,
                docker_host: $0.node.dockerHost, running: $0.daemonIsRunning, partitioned: $0.isPartitioned,
                pid: $0.node.daemon?.pid)
        }
        client = Host(state.client)
        internet = Host(state.internet)
    }

    /// Indented, keys in alphabetical order.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
