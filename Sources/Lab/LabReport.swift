import Addressing
import FoundationEssentials

/// What `apus lab status --format json` prints.
package struct LabReport: Encodable, Sendable {
    struct Node: Encodable {
        let name: String
        let role: String
        let address: IPAddress
        let docker_host: String
        let running: Bool
        let partitioned: Bool
        let pid: Int32?
    }

    struct Host: Encodable {
        let address: IPAddress
    }

    private let name: String
    private let subnet: IPNetwork
    private let nodes: [Node]
    private let client: Host
    private let internet: Host

    package init(_ state: LabState, _ nodes: [Lab.NodeStatus]) {
        name = state.name
        subnet = state.subnet
        self.nodes = nodes.map {
            Node(
                name: $0.node.name, role: $0.node.role, address: $0.node.address, docker_host: $0.node.dockerHost,
                running: $0.daemonIsRunning, partitioned: $0.isPartitioned, pid: $0.node.daemon?.pid)
        }
        client = Host(address: state.client.address)
        internet = Host(address: state.internet.address)
    }

    /// Indented, keys in alphabetical order.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
