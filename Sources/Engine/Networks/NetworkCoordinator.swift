import Addressing
import Concurrency
import DataPlane
import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model
import NameService
import Synchronization

/// Makes the kernel's networks and the resolvers agree with the containers and with the swarm's word.
///
/// It keeps nothing of its own but what comes from the swarm and the resolvers' ports: every refresh computes the whole.
final class NetworkCoordinator: Sendable {
    private struct State {
        var swarm: SwarmNetworkState?
        var nodeID: String?
        var resolvers: [String: ResolverPorts] = [:]
        var underlayMTU = NetworkCoordinator.usualMTU
        /// Containers that have ended and given up their networks, while their records still call them running.
        var left: Set<String> = []
        /// How many have asked for a refresh, and what the last one has made and for how many of them.
        var asked: UInt64 = 0
        var last = Refresh()
    }

    private struct Refresh {
        var served: UInt64 = 0
        var network = NodeNetwork()
        var report = ApplyReport()
    }

    /// Ethernet's: what is assumed while the underlay's link is not known.
    static let usualMTU = 1500

    private let state = Mutex(State())
    private let configuration: EngineConfiguration
    private let log: Logger
    private let containers: any NetworkMembers
    private let networks: LocalNetworks
    let dataPlane: DataPlane
    let nameServer: NameServer
    private let events: EventLog
    private let order = KeyedLock<String>()

    init(
        configuration: EngineConfiguration, log: Logger, containers: any NetworkMembers, networks: LocalNetworks,
        dataPlane: DataPlane, nameServer: NameServer, events: EventLog
    ) {
        self.configuration = configuration
        self.containers = containers
        self.dataPlane = dataPlane
        self.events = events
        self.log = log
        self.nameServer = nameServer
        self.networks = networks
    }

    var swarmState: SwarmNetworkState? { state.withLock { $0.swarm } }

    /// This node as the swarm knows it.
    var ownPeer: SwarmNetworkState.Peer? {
        state.withLock { state in state.swarm?.peers.first { $0.nodeID == state.nodeID } }
    }

    /// Takes the swarm's word for what its networks are; `nil` when the node has left.
    func setSwarm(_ swarm: SwarmNetworkState?, nodeID: String?, underlayMTU: Int) {
        state.withLock { state in
            state.swarm = swarm
            state.nodeID = nodeID
            state.underlayMTU = underlayMTU
        }
    }

    private func composer() -> NodeNetworkComposer {
        let all = containers.members
        return state.withLock { state in
            let joined = all.filter { record in
                record.endpoints.contains(where: \.isJoined) || (record.isInSandbox && !state.left.contains(record.id))
            }
            return composer(joined, SharedNetworks.administered(all), state)
        }
    }

    private func composer(_ joined: [any NetworkMember], _ administered: Set<String>, _ state: State)
        -> NodeNetworkComposer
    {
        NodeNetworkComposer(
            containers: joined, networks: networks.all, swarm: state.swarm, nodeID: state.nodeID,
            underlayMTU: state.underlayMTU, resolvers: state.resolvers, administered: administered)
    }

    /// Makes the namespace of a container that is about to start; it is complete when ``join(_:)`` has returned.
    func prepare(_ record: any NetworkMember) async throws {
        guard record.isInSandbox else { return }
        state.withLock { _ = $0.left.remove(record.id) }
        _ = try await dataPlane.prepareSandbox(record.id)
    }

    /// The container is removed: nothing needs to be remembered of it.
    func forget(_ id: String) { state.withLock { _ = $0.left.remove(id) } }

    /// Brings kernel and resolvers to what they are to be now. Refreshes follow one another; the last sees everything.
    /// - Parameter removesLater: devices that go may be there for a moment longer; the next refresh waits for them.
    func refresh(removesLater: Bool = false) async throws { _ = try await refreshed(removesLater: removesLater) }

    /// Those who ask while a refresh is under way share the next one: of many containers that start at once not each costs a whole round.
    private func refreshed(removesLater: Bool = false) async throws -> Refresh {
        let mine = state.withLock { state in
            state.asked += 1
            return state.asked
        }
        return try await order.run("refresh") {
            let (asked, last) = state.withLock { ($0.asked, $0.last) }
            if last.served >= mine { return last }
            var refresh = Refresh(served: asked, network: composer().compose())
            refresh.report = try await carryOut(refresh.network, removesLater: removesLater)
            report(refresh.report)
            await refreshNames()
            state.withLock { [refresh] in $0.last = refresh }
            return refresh
        }
    }

    /// Others share what is carried out, so it is waited for though this caller is cancelled.
    private func carryOut(_ network: NodeNetwork, removesLater: Bool = false) async throws -> ApplyReport {
        try await uncancelled { [dataPlane] in try await dataPlane.reconcile(network, removesLater: removesLater) }
    }

    /// The same for a container that is about to start: when this returns its namespace is complete, resolver included.
    /// - Throws: What kept its network from being complete.
    func join(_ id: String) async throws {
        guard let record = containers.member(id) else { return }
        guard record.isInSandbox else {
            // It may do more in another's network than the other does.
            if record.networkOwner != nil, record.administersNetwork { try await refresh() }
            return
        }
        if NameTableComposer.hasResolver(record) {
            _ = try await dataPlane.prepareSandbox(id)
            // A running container that joins one more network has its resolver already.
            if state.withLock({ $0.resolvers[id] }) == nil { try await openResolver(record) }
        }
        let done = try await refreshed()
        try checkPlaces(of: id, in: done.network)
        try done.report.check(sandbox: id)
    }

    /// - Throws: ``APIError`` when a network that the container has joined has gone meanwhile.
    private func checkPlaces(of id: String, in wanted: NodeNetwork) throws(APIError) {
        let present = Set((wanted.sandboxes.first { $0.id == id }?.endpoints ?? []).map(\.id))
        let places = containers.member(id)?.endpoints.filter { $0.isJoined && $0.address != nil } ?? []
        if let lost = places.first(where: { !present.contains($0.endpointID) }) {
            throw APIError(.notFound, "network \(lost.networkName) not found")
        }
    }

    /// After a restart: the namespaces are there, the sockets in them are not.
    func adopt() async throws {
        try await order.run("refresh") {
            for record in composer().containers where record.processID > 0 {
                do { try await dataPlane.recover(record.id, process: Int32(clamping: record.processID)) } catch {
                    log.error(
                        "a container's namespace has no name and cannot be given one",
                        metadata: ["container": "\(record.shortID)", "error": "\(error)"])
                }
            }
            report(try await dataPlane.adopt(composer().compose()))
            for record in composer().containers where NameTableComposer.hasResolver(record) {
                do { try await openResolver(record) } catch {
                    log.error(
                        "cannot open a container's resolver",
                        metadata: ["container": "\(record.shortID)", "error": "\(error)"])
                }
            }
            report(try await carryOut(composer().compose()))
        }
    }

    /// Failures are not the caller's: the data plane tries them again, and says so here until it has succeeded.
    private func report(_ done: ApplyReport) {
        for (scope, failures) in done.failures {
            log.error(
                "a part of the network is not as it is to be", metadata: ["scope": "\(scope)", "errors": "\(failures)"])
        }
    }

    /// Takes a container that has ended out of its networks.
    func leave(_ id: String) async throws {
        await nameServer.close(id)
        state.withLock { state in
            state.resolvers[id] = nil
            state.left.insert(id)
        }
        try await refresh(removesLater: true)
    }

    private func openResolver(_ record: any NetworkMember) async throws {
        let namespace = dataPlane.sandboxNamespace(record.id)
        let ports = try await nameServer.open(
            record.id, namespace: namespace, table: tables().table(for: record),
            upstreams: try await upstreams(for: record))
        state.withLock { $0.resolvers[record.id] = ResolverPorts(udp: ports.udp, tcp: ports.tcp) }
    }

    private func refreshNames() async {
        let composer = tables()
        for id in await nameServer.identities {
            guard let record = containers.member(id) else { continue }
            await nameServer.update(id, table: composer.table(for: record))
        }
    }

    private func tables() -> NameTableComposer {
        NameTableComposer(containers: containers.members, networks: networks.all, swarm: swarmState)
    }

    private func upstreams(for record: any NetworkMember) async throws -> Upstreams {
        let own = record.nameServers.compactMap { IPAddress(ipv4: $0) }
        if !own.isEmpty { return Upstreams(own.map { Upstreams.Server($0) }, origin: .sandbox) }
        let given = configuration.nameServers.compactMap { IPAddress(ipv4: $0) }
        if !given.isEmpty { return Upstreams(given.map { Upstreams.Server($0) }) }
        let text = try await onThread { try Files.text("/etc/resolv.conf") }
        return Upstreams(resolvConf: text ?? "")
    }

    func sandboxPath(_ id: String) -> String { dataPlane.sandboxNamespace(id).path }

    /// Sets the parameters that a running container's places in its networks ask for; where they are set already nothing is written.
    func applyParameters(_ endpoints: [EndpointRecord], of id: String) async throws {
        var writes: [(path: String, value: String)] = []
        for endpoint in endpoints where endpoint.isJoined {
            writes += try EndpointOptions(endpoint.wish).writes(for: endpoint.interfaceName)
        }
        guard !writes.isEmpty else { return }
        let requested = writes
        try await dataPlane.sandboxNamespace(id).run {
            for (path, value) in requested { try Sysctl.ensure(path, value) }
        }
    }
}
