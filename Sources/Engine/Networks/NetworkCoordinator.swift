import Concurrency
import DataPlane
import EngineInterface
import LinuxSystem
import Logging
import Model
import NameService
import PathProbes
import Synchronization

/// Makes the kernel's networks and the resolvers agree with the containers and with the swarm's word.
///
/// It keeps what the node's networks are made of, by key. A refresh looks at what has changed since the last one, and posts the parts that this
/// concerns; the whole is computed at start, and after a refresh that has failed.
final class NetworkCoordinator: Sendable {
    /// Ethernet's: what is assumed while the underlay's link is not known.
    static let usualMTU = 1500

    let state = Mutex(NetworkRefreshState())
    let configuration: EngineConfiguration
    let log: Logger
    let containers: any NetworkMembers
    private let networks: LocalNetworks
    let dataPlane: NodeDataPlane
    let nameServer: NameServer
    let encryption: EncryptionKeeper
    /// Counts what may have changed ``pathDemand``.
    let pathNews = ObservableValue<UInt64>(0)
    let order = KeyedLock<String>()
    let adopted = Promise<Void>()

    init(
        configuration: EngineConfiguration, log: Logger, containers: any NetworkMembers, networks: LocalNetworks,
        dataPlane: NodeDataPlane, nameServer: NameServer, encryption: EncryptionKeeper
    ) {
        self.encryption = encryption
        self.configuration = configuration
        self.containers = containers
        self.dataPlane = dataPlane
        self.log = log
        self.nameServer = nameServer
        self.networks = networks
    }

    // MARK: Refreshes

    /// What is to be made now, see ``NetworkRefreshState/next(_:_:all:member:)``.
    func plan() -> NetworkRefresh {
        // Records are read after it is known which have changed: what changes meanwhile is known the next time.
        let changed = containers.takeChanged()
        let local = state.withLock { $0.networksVersion } == networks.version ? nil : networks.versioned
        let isWhole = state.withLock { $0.pending.isWhole }
        let all = isWhole ? Dictionary(containers.members.map { ($0.id, $0) }) { first, _ in first } : nil
        return state.withLock { $0.next(changed, local, all: all) { containers.member($0) } }
    }

    func makeWhole(_ refresh: NetworkRefresh) { state.withLock { $0.makeWhole(refresh) } }

    /// Says that other ways may be to be measured.
    func publishPaths(_ refresh: NetworkRefresh) {
        if refresh.concernsPaths { pathNews.change { $0 &+= 1 } }
    }

    /// Tells what encrypted networks are made of, once their namespaces are there.
    func wantEncryption() {
        encryption.want(state.withLock { $0.composer.encryptionDemand(dataPlane.layout) })
    }

    /// Returns when ``adopt()`` has: until then the kernel has what nobody desires yet, and ports that nobody holds.
    func waitUntilAdopted() async throws { try await adopted.value() }

    /// Makes the namespace of a container that is about to start; it is complete when ``join(_:)`` has returned.
    func prepare(_ record: any NetworkMember) async throws {
        guard record.isInSandbox else { return }
        state.withLock { state in
            state.composer.left.remove(record.id)
            state.pending.members.insert(record.id)
        }
        _ = try await dataPlane.prepareSandbox(record.id)
    }

    /// The container is removed: nothing needs to be remembered of it.
    func forget(_ id: String) {
        state.withLock { state in
            state.composer.left.remove(id)
            state.pending.members.insert(id)
        }
    }

    /// Brings kernel and resolvers to what they are to be now. Refreshes follow one another; the last sees everything.
    /// - Parameter removesLater: devices that go may be there for a moment longer; the next refresh waits for them.
    func refresh(removesLater: Bool = false) async throws { _ = try await refreshed(removesLater: removesLater) }

    /// Those who ask while a refresh is under way share the next one: of many containers that start at once not each costs a whole round.
    private func refreshed(removesLater: Bool = false) async throws -> ApplyReport {
        let mine = state.withLock { state in
            state.asked += 1
            return state.asked
        }
        try await waitUntilAdopted()
        return try await order.run("refresh") {
            let last = state.withLock { $0.last }
            if last.served >= mine { return last.report }
            return try await carryOut(plan(), removesLater: removesLater)
        }
    }

    /// Runs `body` while nothing is refreshed, and after the networks of before have been taken over.
    func betweenRefreshes<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await waitUntilAdopted()
        return try await order.run("refresh", body)
    }

    /// Others share what is carried out, so it is waited for though this caller is cancelled.
    func carryOut(_ plan: NetworkRefresh, removesLater: Bool = false) async throws -> ApplyReport {
        do {
            let done = try await uncancelled { [dataPlane] () async throws -> ApplyReport in
                switch plan.desired {
                case .whole(let network): try await dataPlane.reconcile(network, removesLater: removesLater)
                case .changes(let changes): try await dataPlane.apply(changes, removesLater: removesLater)
                }
            }
            report(done)
            if plan.concernsEncryption { wantEncryption() }
            await refreshNames(plan)
            state.withLock { $0.last = NetworkRefreshState.Last(served: plan.served, report: done) }
            publishPaths(plan)
            return done
        } catch {
            makeWhole(plan)
            throw error
        }
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
            if state.withLock({ $0.composer.resolvers[id] }) == nil { try await openResolver(record) }
        }
        let done = try await refreshed()
        try checkPlaces(of: id)
        try done.check(sandbox: id)
    }

    /// - Throws: ``EndpointError/networkNotFound(_:)`` when a network that the container has joined has gone meanwhile.
    private func checkPlaces(of id: String) throws(EndpointError) {
        let places = containers.member(id)?.endpoints.filter { $0.isJoined && $0.address != nil } ?? []
        let lost = state.withLock { state in places.first { !state.composer.isPresent($0) } }
        if let lost { throw .networkNotFound(lost.networkName) }
    }

    /// Failures are not the caller's: the data plane tries them again, and says so here until it has succeeded.
    func report(_ done: ApplyReport) {
        for (scope, failures) in done.failures {
            log.error(
                "a part of the network is not as it is to be", metadata: ["scope": "\(scope)", "errors": "\(failures)"])
        }
    }

    /// Takes a container that has ended out of its networks.
    func leave(_ id: String) async throws {
        // Its resolver may be about to be opened.
        try await waitUntilAdopted()
        await nameServer.close(id)
        state.withLock { state in
            state.composer.resolvers[id] = nil
            state.composer.left.insert(id)
            state.pending.members.insert(id)
        }
        try await refresh(removesLater: true)
    }

    func reportUnfinished(_ id: String, _ error: any Error) {
        log.warning(
            "a container could not join the networks that it was being connected to",
            metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
    }

    func sandboxPath(_ id: String) -> String { dataPlane.sandboxNamespace(id).path }

    /// Sets the parameters that a running container's places in its networks ask for; where they are set already nothing is written.
    func applyParameters(_ endpoints: [EndpointRecord], of id: String) async throws {
        var writes: [(path: String, value: String)] = []
        for endpoint in endpoints where endpoint.isJoined {
            writes += try EndpointOptions(endpoint.requested).writes(for: endpoint.interfaceName)
        }
        guard !writes.isEmpty else { return }
        let requested = writes
        try await dataPlane.sandboxNamespace(id).run {
            for (path, value) in requested { try Sysctl.ensure(path, value) }
        }
    }
}
