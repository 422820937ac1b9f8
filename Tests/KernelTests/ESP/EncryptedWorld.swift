import Addressing
import ESP
import ESPControl
import Glibc
import LinuxSystem
import Synchronization
import TestKit
import Testing

/// Two nodes with an encrypted overlay: a bridge in a namespace of its own on each, with a task's port and the TAP device. 192.0.2.1 and .2 are the
/// nodes, 10.9.0.1 and .2 the tasks.
struct EncryptedWorld {
    struct Node {
        let number: UInt8
        let namespace: NetworkNamespace
        let overlay: NetworkNamespace
        let task: NetworkNamespace
        let directory: String
        let client: EncryptionEngineClient

        var id: EncryptionPeerID { EncryptionPeerID("n\(number)") }
        var address: IPAddress { IPAddress(192, 0, 2, number) }
        var taskAddress: IPAddress { IPAddress(10, 9, 0, number) }
        var taskMAC: MACAddress { MACAddress(octets: [2, 0x42, 10, 9, 0, number]) }
        var socket: String { "\(directory)/esp\(number).sock" }
        var counters: String { "\(directory)/esp\(number).counters" }
    }

    static let vni: UInt32 = 4097
    let nodes: [Node]

    /// The SPI under which a node's packets come.
    static func spi(_ sender: Node, epoch: UInt64) -> UInt32 {
        0x8000_0000 | UInt32(sender.number) << 11 | UInt32(epoch & 0xff)
    }

    static func key(_ sender: Node, epoch: UInt64) throws -> AssociationKey {
        try #require(
            AssociationKey(
                key: [UInt8](repeating: sender.number &* 16 &+ UInt8(epoch), count: 32), salt: [1, 2, 3, sender.number])
        )
    }

    /// All that a node is told, for an epoch of each node.
    func state(
        _ node: Node, page: CounterPageID?, epochs: [UInt64], sends: Bool = true, keepsAlive: Bool = false
    ) throws -> EncryptionState {
        var state = EncryptionState()
        state.underlay = EncryptionUnderlay(address: node.address, mtu: 1500)
        var network = EncryptedNetwork(
            vni: Self.vni, id: "net", tap: "esp0", namespace: node.overlay.path, mtu: 1408)
        for peer in nodes where peer.id != node.id {
            network.members.insert(peer.id)
            network.stations[peer.taskMAC] = EncryptedStation(peer: peer.id, addresses: [peer.taskAddress])
            state.peers[peer.id] = EncryptionPeer(
                id: peer.id, address: peer.address, keepsAlive: keepsAlive)
            for epoch in epochs {
                let come = AssociationID(.inbound, peer: peer.id, spi: Self.spi(peer, epoch: epoch))
                state.associations[come] = SecurityAssociation(
                    id: come, epoch: epoch, key: try Self.key(peer, epoch: epoch))
                let go = AssociationID(.outbound, peer: peer.id, spi: Self.spi(node, epoch: epoch))
                state.associations[go] = SecurityAssociation(
                    id: go, epoch: epoch, key: try Self.key(node, epoch: epoch), sends: sends, page: page)
            }
        }
        state.networks[Self.vni] = network
        return state
    }

    /// Makes the device a port of the bridge, as the daemon does, once the process has made it.
    func attach(_ node: Node) async throws {
        try await ip(node.overlay, "link set esp0 master br0")
        try await ip(node.overlay, "link set esp0 up")
        try await run(node.overlay, ["bridge", "link", "set", "dev", "esp0", "learning", "off", "flood", "on"])
    }

    /// Waits until a node's process that was started anew has been told all.
    func isTold(_ node: Node) async throws {
        node.client.reconnect()
        try await eventually(within: .seconds(20), "it is told all again") {
            let status = node.client.status.value
            return status.hello != nil && status.answered > 0 && status.faults.isEmpty
        }
    }

    /// Tells both nodes all, and waits until they have it.
    func begin(epochs: [UInt64] = [1]) async throws {
        for node in nodes {
            let page = try await eventually(within: .seconds(20), "\(node.id) has a process that answers") {
                node.client.status.value.hello?.page
            }
            let version = node.client.replace(with: try state(node, page: page, epochs: epochs))
            let faults = try await eventually(within: .seconds(20), "\(node.id) is told all") {
                node.client.status.value.has(version) ? node.client.status.value.faults : nil
            }
            try #require(faults.isEmpty, "\(faults)")
            try await attach(node)
        }
    }
}

/// Runs a program in a namespace; fails unless it ends with 0.
func run(_ namespace: NetworkNamespace, _ words: [String]) async throws {
    let program = try #require(words.first.flatMap(Processes.find), "\(words) is not installed")
    let status = try await Processes.run(
        SpawnRequest(executable: program, arguments: Array(words.dropFirst()), networkNamespace: namespace.path))
    if status.code != 0 { throw Unmet(description: "\(words.joined(separator: " ")): \(status)") }
}

func ip(_ namespace: NetworkNamespace, _ words: String) async throws {
    try await run(namespace, ["ip"] + words.split(separator: " ").map(String.init))
}

/// How `apus-esp` runs on a node.
protocol RunningEngine: Sendable {
    func end() async throws
}

/// On threads of the tests' own process.
final class InnerEngine: RunningEngine {
    /// Closed once, whoever ends it, and however often.
    private let writing: Mutex<CInt?>
    private let ended = Mutex<Result<Void, any Error>?>(nil)

    init(_ node: EncryptedWorld.Node, lanes: Int = 1) async throws {
        let (reading, writing) = try Descriptor.pipe().split { ($0.release(), $1.release()) }
        self.writing = Mutex(writing)
        let configuration = ESPProcess.Configuration(
            socket: node.socket, counters: node.counters, lanes: lanes, productVersion: "test")
        let thread = try startThread { [self] in
            let result = Result {
                try node.namespace.enter()
                try ESPProcess(configuration).run(stop: reading)
            }
            close(reading)
            ended.withLock { $0 = result }
        }
        pthread_detach(thread)
    }

    func end() async throws {
        let open = writing.withLock { writing in
            defer { writing = nil }
            return writing
        }
        if let open { close(open) }
        try await eventually("the process ends") { self.ended.withLock { $0 } != nil }
        try ended.withLock { $0 }?.get()
    }
}

/// As the program that was built.
final class ProgramEngine: RunningEngine {
    private let node: EncryptedWorld.Node
    private let child = Mutex<ChildProcess?>(nil)

    init(_ node: EncryptedWorld.Node) throws {
        self.node = node
        try start()
    }

    func start() throws {
        let root = "\(#filePath)".components(before: "/Tests/KernelTests/")
        let program = "\(root)/.build/debug/apus-esp"
        guard access(program, X_OK) == 0 else { throw Unmet(description: "\(program) is not built") }
        let started = try Processes.spawn(
            SpawnRequest(
                executable: program, arguments: ["--socket", node.socket, "--counters", node.counters, "--lanes", "1"],
                networkNamespace: node.namespace.path))
        child.withLock { $0 = started }
    }

    func kill() async throws {
        let running = child.withLock { $0 }
        running?.signal(SIGKILL)
        _ = try await running?.wait()
    }

    func end() async throws {
        let running = child.withLock { $0 }
        running?.signal(SIGTERM)
        #expect(try await running?.wait().code == 0)
    }
}

extension String {
    fileprivate func components(before mark: String) -> String {
        firstRange(of: mark).map { String(self[..<$0.lowerBound]) } ?? self
    }
}

/// Two nodes, whose processes run as `engine` says, with their clients connected; everything is removed afterwards.
func withEncryptedWorld(
    engine: (EncryptedWorld.Node) async throws -> any RunningEngine = { try await InnerEngine($0) },
    _ body: (EncryptedWorld, [any RunningEngine]) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        try await withNetworkNamespaces(6) { spaces in
            var nodes: [EncryptedWorld.Node] = []
            for index in 0..<2 {
                let client = EncryptionEngineClient(socket: "\(directory)/esp\(index + 1).sock")
                nodes.append(
                    EncryptedWorld.Node(
                        number: UInt8(index + 1), namespace: spaces[index * 3], overlay: spaces[index * 3 + 1],
                        task: spaces[index * 3 + 2], directory: directory, client: client))
            }
            try await run(
                nodes[0].namespace,
                [
                    "ip", "link", "add", "under", "type", "veth", "peer", "name", "under", "netns",
                    nodes[1].namespace.path,
                ])
            var engines: [any RunningEngine] = []
            for node in nodes {
                try await ip(node.namespace, "addr add \(node.address)/24 dev under")
                try await ip(node.namespace, "link set under up")
                try await ip(node.overlay, "link add br0 type bridge mcast_snooping 0")
                try await ip(node.overlay, "link set br0 up")
                try await run(
                    node.overlay,
                    [
                        "ip", "link", "add", "port", "mtu", "1408", "type", "veth", "peer", "name", "eth0", "mtu",
                        "1408",
                        "address", "\(node.taskMAC)", "netns", node.task.path,
                    ])
                try await ip(node.overlay, "link set port master br0 up")
                try await ip(node.task, "addr add \(node.taskAddress)/24 dev eth0")
                try await ip(node.task, "link set eth0 up")
                engines.append(try await engine(node))
            }
            let world = EncryptedWorld(nodes: nodes)
            let running = engines
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in nodes { group.addTask { await node.client.run() } }
                defer { group.cancelAll() }
                try await cleaningUp {
                    try await body(world, running)
                } by: {
                    for engine in running { try await engine.end() }
                }
            }
        }
    }
}
