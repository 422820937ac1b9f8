import Addressing
import Cluster
import Engine
import EngineInterface
import EtcdStore
import Faults
import Glibc
import LinuxSystem
import Logging
import Model
import NIOPosix
import NodeProtocol
import Synchronization
import TestKit

/// A node in this process: a swarm part over a fake executor and real files, TLS and etcd.
final class TestNode: Sendable {
    let executor: FakeExecutor
    let directory: String
    let address: String
    let port: Int
    let storePort: Int
    let capabilities: Capabilities
    /// How often nodes give signs of life to this one as a manager: who is silent for two and a half times as long is down.
    let heartbeat: Duration
    /// What the node has told of.
    let events = Mutex<[EngineEvent]>([])
    /// What it has in its file, as it were: it outlives the node's daemons.
    let eventLog = EventLog()
    /// By which it tells managers of it, and takes in what nodes tell as a manager.
    let exchange: HeldEvents
    let meter = FakeMeter()
    let standalone = FakeStandalone()
    /// Answers about the containers of its tasks, see ``plant(_:)``.
    let engine: FakeEngine

    init(
        _ name: String, in directory: String, address: String, _ capabilities: Capabilities = .present,
        heartbeat: Duration = .seconds(1)
    ) throws {
        self.capabilities = capabilities
        self.heartbeat = heartbeat
        exchange = HeldEvents(eventLog)
        executor = FakeExecutor(hostname: name)
        let digits = String(name.utf8.reduce(UInt32(0)) { ($0 &* 31 &+ UInt32($1)) & 0xfff }, radix: 16)
        engine = FakeEngine(mark: "a" + String(repeating: "0", count: 3 - digits.count) + digits)
        self.address = address
        self.directory = "\(directory)/\(name)"
        port = try freePort(address)
        storePort = try freePort(address)
    }

    func swarm() -> Swarm {
        var configuration = SwarmConfiguration(rootDirectory: directory, runDirectory: directory + "/run")
        configuration.storeWithoutFsync = true
        configuration.storePort = storePort
        configuration.capabilities = capabilities
        configuration.publish = { event in self.events.withLock { $0.append(event) } }
        configuration.events = exchange
        configuration.pulses = meter
        configuration.history = meter
        configuration.standalone = standalone
        configuration.containers = answering
        configuration.advertiseAddress = HostText.join(address, port)
        // Long enough that a busy machine does not make a node look silent.
        configuration.heartbeat = heartbeat
        var log = Logger(label: executor.hostname)
        log.logLevel = getenv("APUS_TEST_LOG") == nil ? .critical : .debug
        return Swarm(configuration, executor: executor, group: .singletonMultiThreadedEventLoopGroup, log: log)
    }

    /// What answers about this node's containers.
    var answering: TaskContainers {
        TaskContainers(
            lookup: executor, containers: engine, listing: engine, streams: engine, logs: engine, execs: engine,
            stats: engine)
    }

    /// Has a container that runs `cat` for each of the tasks that are on this node.
    func plant(_ tasks: [SwarmTask]) async {
        for task in tasks {
            guard let id = await executor.container(ofTask: task.id) else { continue }
            await engine.plant(id, name: task.containerName, command: ["cat"])
        }
    }

    /// Runs the node's daemon, as it were, while `body` runs; cancelled then, as a killed daemon is.
    func running<T: Sendable>(_ body: @escaping @Sendable (Swarm) async throws -> T) async throws -> T {
        let swarm = swarm()
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask {
                try await swarm.run()
                return nil
            }
            group.addTask {
                try await eventually("the daemon is up") { await swarm.isReady }
                return try await body(swarm)
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw NotReached(description: "the daemon ended")
        }
    }

    func initialise(_ swarm: Swarm) async throws {
        var request = SwarmInitRequest()
        request.listenAddr = HostText.join(address, port)
        // What the daemon was told to advertise counts.
        _ = try await swarm.initialiseSwarm(request)
    }

    func join(_ swarm: Swarm, token: String, manager: TestNode) async throws {
        var request = SwarmJoinRequest()
        request.remoteAddrs = [HostText.join(manager.address, manager.port)]
        // Where it listens and is found should it be a manager.
        request.listenAddr = HostText.join(address, port)
        request.advertiseAddr = HostText.join(address, port)
        request.joinToken = token
        try await swarm.joinSwarm(request)
    }

    /// Kills the store's process, as a machine that fails does.
    func killStore() throws {
        let text = try Files.text(directory + "/run/etcd/etcd.pid") ?? ""
        guard let pid = text.split(separator: " ").first.flatMap({ pid_t($0) }) else {
            throw NotReached(description: "no store runs: \(text)")
        }
        kill(pid, SIGKILL)
    }

    /// Ends the store that the node's manager part has left running, as it is meant to.
    func stopStore() async throws {
        let configuration = EtcdConfiguration(
            name: "any", dataDirectory: directory + "/swarm/store", runDirectory: directory + "/run/etcd",
            logFile: directory + "/swarm/store.log", clusterToken: "any")
        try await EtcdSupervisor(configuration, logger: Logger(label: "stop")).stop()
    }
}

/// Nodes `node-1`, `node-2`, … on loopback addresses, of IPv6 all on the same one; whatever they leave is removed.
func withNodes(
    _ count: Int, capabilities: Capabilities = .present, _ family: IPFamily = .v4,
    heartbeat: Duration = .seconds(1), _ body: ([TestNode]) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let nodes = try (1...count).map {
            try TestNode(
                "node-\($0)", in: directory, address: family == .v4 ? "127.0.0.\($0)" : "::1", capabilities,
                heartbeat: heartbeat)
        }
        try await cleaningUp {
            try await body(nodes)
        } by: {
            for node in nodes { try await node.stopStore() }
        }
    }
}

/// A manager and a worker that have joined, both running while `body` runs.
func withSwarm(_ body: @escaping @Sendable (Swarm, TestNode, Swarm, TestNode) async throws -> Void) async throws {
    try await withNodes(2) { nodes in
        let (first, second) = (nodes[0], nodes[1])
        try await first.running { manager in
            try await first.initialise(manager)
            let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
            try await second.running { worker in
                try await second.join(worker, token: token, manager: first)
                try await eventually("both nodes are ready") { try await ready(manager) == 2 }
                try await body(manager, first, worker, second)
            }
        }
    }
}

func ready(_ manager: Swarm) async throws -> Int {
    try await manager.listNodes(Filters()).count { $0.status.state == .ready }
}

func service(_ name: String, replicas: UInt64, published: Int? = nil, networks: [String] = []) -> ServiceSpec {
    var spec = ServiceSpec()
    spec.name = name
    var container = ContainerSpec()
    container.image = "nginx:latest"
    spec.taskTemplate.containerSpec = container
    spec.mode.replicated = .init(replicas: replicas)
    if let published {
        var port = PortConfig()
        port.targetPort = 80
        port.publishedPort = published
        var endpoint = EndpointSpec()
        endpoint.ports = [port]
        spec.endpointSpec = endpoint
    }
    if !networks.isEmpty {
        spec.taskTemplate.networks = networks.map {
            var attachment = NetworkAttachmentConfig()
            attachment.target = $0
            return attachment
        }
    }
    return spec
}

/// A port that nobody listens at. It is none of those that the kernel gives to connections: one of those might be another test's by the
/// time that it is listened at.
func freePort(_ address: String = "127.0.0.1") throws -> Int {
    guard let address = IPAddress(address) else { throw NotReached(description: "no address: \(address)") }
    for _ in 0..<100 {
        let place = InternetSocketAddress(address, port: UInt16.random(in: 10_000..<30_000))
        let descriptor = Descriptor(
            owning: try check(socket(place.family, Int32(SOCK_STREAM.rawValue), 0), "make a socket"))
        if place.withPointer({ bind(descriptor.raw, $0, $1) }) == 0 { return Int(place.port) }
    }
    throw NotReached(description: "no port of \(address) is free")
}

extension TestNode {
    /// How many tasks the first published port leads to, as the node knows it: each has an address of IPv4, and may have one of IPv6.
    var backendCount: Int? {
        executor.network?.ports.first.map { port in port.backends.count { $0.family == .v4 } }
    }
}
