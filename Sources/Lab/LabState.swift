package import Addressing
import Faults
import FoundationEssentials
import Glibc
import LinuxSystem

/// What is known of a lab that is up: written once it stands, and whenever a daemon is started.
package struct LabState: Codable, Sendable, Equatable {
    /// A member that runs a daemon.
    package struct Node: Codable, Sendable, Equatable {
        /// Also the node's hostname.
        package var name: String
        /// `manager` or `worker`.
        package var role: String
        package var addresses: LabAddresses
        /// By which the others know it.
        package var address: IPAddress { addresses.main }
        /// `unix://` and a path that can be used from outside the node.
        package var dockerHost: String
        /// The process that was started last, whether it runs or not; `nil` before the first.
        package var daemon: LabProcess?

        enum CodingKeys: String, CodingKey {
            case name, role, addresses, daemon
            case dockerHost = "docker_host"
        }
    }

    /// A member that runs no daemon.
    package struct Host: Codable, Sendable, Equatable {
        package var addresses: LabAddresses
    }

    package var name: String
    package var nodes: [Node]
    package var client: Host
    package var internet: Host
    /// The process that serves the internet host.
    package var helper: LabProcess?
    /// What was asked for, for daemons started again.
    package var options: LabOptions

    static func read(_ paths: LabPaths) throws -> LabState {
        guard let octets = try Files.read(paths.stateFile) else {
            throw APIError(.notFound, "no lab called \"\(paths.name)\" is up")
        }
        return try JSONDecoder().decode(LabState.self, from: Data(octets))
    }

    func write(_ paths: LabPaths) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Files.writeAtomically(Array(try encoder.encode(self)), to: paths.stateFile, mode: 0o644)
    }

    func node(_ name: String) throws -> Node {
        guard let node = nodes.first(where: { $0.name == name }) else {
            throw APIError(.notFound, "lab \"\(self.name)\" has no node \"\(name)\"")
        }
        return node
    }
}

/// A process by its pid and the time it was started at, so that a pid used again is not taken for it.
package struct LabProcess: Codable, Sendable, Equatable {
    package var pid: Int32
    /// Clock ticks since boot. proc_pid_stat(5), field 22.
    package var startTime: UInt64?

    package var isRunning: Bool { Processes.isRunning(pid, startTime: startTime) }
}

/// What a lab is to be like.
package struct LabOptions: Codable, Sendable, Equatable {
    /// Their addresses end in .11, .12 and so on, and must stay below the client's .50.
    package static let maximumNodes = 30

    /// How many, the managers included: 1 to ``maximumNodes``.
    package var nodes: Int
    /// How many of the nodes: at least one.
    package var managers: Int
    /// Where the registry listens that the nodes find at the internet host, in this machine's own network.
    package var registry: String
    package var logLevel: String
    /// Whether a swarm is formed of the nodes.
    package var formsSwarm: Bool
    /// Of this machine's loopback, for the first manager's dashboard; `nil` for none.
    package var dashboardPort: UInt16?
    package var families: LabFamilies
    package var underlay: LabUnderlay { LabUnderlay(families) }

    package init(
        nodes: Int = 3, managers: Int = 1, registry: String = "127.0.0.1:5000", logLevel: String = "info",
        formsSwarm: Bool = true, dashboardPort: UInt16? = nil, families: LabFamilies = .ipv4
    ) {
        self.dashboardPort = dashboardPort
        self.families = families
        self.nodes = nodes
        self.managers = managers
        self.registry = registry
        self.logLevel = logLevel
        self.formsSwarm = formsSwarm
    }

    /// - Throws: `.invalidInput` for numbers of nodes and managers that no lab has.
    package func validate() throws {
        guard (1...Self.maximumNodes).contains(nodes), (1...nodes).contains(managers) else {
            throw APIError(.invalidInput, "a lab has 1 to \(Self.maximumNodes) nodes, and 1 to as many managers")
        }
    }
}
