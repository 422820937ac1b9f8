import Addressing
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
    private struct State {
        var composer = NodeNetworkComposer(underlayMTU: NetworkCoordinator.usualMTU)
        var names = NameDirectory()
        /// What has changed since the last refresh.
        var pending = Pending()
        /// Of the node's own networks that the composer has.
        var networksVersion: UInt64?
        /// How many have asked for a refresh, and what the last one has made and for how many of them.
        var asked: UInt64 = 0
        var last = Refresh()

        mutating func desired(_ isWhole: Bool, _ parts: Set<NetworkKey>, _ facts: Set<NetworkFact.Key>) -> Plan.Desired
        {
            guard isWhole else { return .changes(composer.changes(parts, details: facts)) }
            composer.told = ToldFacts(composer.facts)
            return .whole(composer.compose())
        }
    }

    private struct Pending {
        var parts: Set<NetworkKey> = []
        var facts: Set<NetworkFact.Key> = []
        /// Containers that have changed beside their records.
        var members: Set<String> = []
        /// What is desired is told as a whole: nothing was told before, or it was refused.
        var isWhole = true
    }

    private struct Refresh {
        var served: UInt64 = 0
        var report = ApplyReport()
    }

    /// What a refresh is to make.
    private struct Plan {
        enum Desired {
            case whole(NodeNetwork)
            case changes(NetworkChanges)
        }
        var served: UInt64
        var desired: Desired
        var facts: Set<NetworkFact.Key>
        var members: Set<String>
        /// Whether names are to be computed anew altogether.
        var isWhole: Bool

        /// Whether what encrypted networks are made of may be other than before.
        var concernsEncryption: Bool {
            guard !isWhole, facts.isEmpty, case .changes(let changes) = desired else { return true }
            return changes.keys.contains { key in
                switch key {
                case .overlay, .underlay: true
                case .ingress, .bridge, .parent, .sandbox: false
                }
            }
        }
    }

    /// Ethernet's: what is assumed while the underlay's link is not known.
    static let usualMTU = 1500
    /// Resolvers opened at a time when a restarted daemon takes its containers over.
    private static let openedAtATime = 16

    private let state = Mutex(State())
    private let configuration: EngineConfiguration
    private let log: Logger
    private let containers: any NetworkMembers
    private let networks: LocalNetworks
    let dataPlane: DataPlane
    let nameServer: NameServer
    let encryption: EncryptionKeeper
    private let events: EventLog
    /// Counts what may have changed ``pathDemand``.
    let pathNews = ObservableValue<UInt64>(0)
    private let order = KeyedLock<String>()
    private let adopted = Promise<Void>()

    init(
        configuration: EngineConfiguration, log: Logger, containers: any NetworkMembers, networks: LocalNetworks,
        dataPlane: DataPlane, nameServer: NameServer, encryption: EncryptionKeeper, events: EventLog
    ) {
        self.encryption = encryption
        self.configuration = configuration
        self.containers = containers
        self.dataPlane = dataPlane
        self.events = events
        self.log = log
        self.nameServer = nameServer
        self.networks = networks
    }

    // MARK: The swarm

    var isInSwarm: Bool { state.withLock { $0.composer.facts != nil } }
    /// Everything that managers have told; `nil` outside of a swarm. To be let go of soon: changes cost more as long as it is held.
    var facts: NetworkFacts? { state.withLock { $0.composer.facts } }
    /// Subnets of the swarm's networks.
    var swarmSubnets: [IPNetwork] { state.withLock { $0.composer.facts?.allSubnets ?? [] } }
    /// One of the swarm's networks that the node takes part in.
    func swarmNetwork(_ id: String) -> NetworkFacts.Network? { state.withLock { $0.composer.facts?.networks[id] } }
    /// The swarm's network for what comes from outside.
    var ingressNetwork: SwarmNetwork? {
        state.withLock { state in
            state.composer.ingressID.flatMap { state.composer.facts?.networks[$0]?.network }
        }
    }

    /// This node as the swarm knows it.
    var ownPeer: SwarmNetworkState.Peer? {
        state.withLock { state in state.composer.nodeID.flatMap { state.composer.facts?.peers[$0] } }
    }

    /// A member of the swarm.
    func peer(_ nodeID: String) -> SwarmNetworkState.Peer? { state.withLock { $0.composer.facts?.peers[nodeID] } }

    /// Takes everything that managers have told in place of what they told before; `nil` when the node has left. The next refresh carries it out.
    func setSwarm(_ facts: NetworkFacts?, nodeID: String?, underlayMTU: Int) {
        state.withLock { state in
            state.composer.set(facts: facts)
            state.composer.nodeID = nodeID
            state.composer.underlayMTU = underlayMTU
            state.pending.isWhole = true
            state.names.reset(facts)
        }
    }

    /// The node is in a swarm from now on, under this id.
    /// - Returns: Whether that is new.
    func enter(_ nodeID: String) -> Bool {
        state.withLock { state in
            if state.composer.facts != nil, state.composer.nodeID == nodeID { return false }
            if state.composer.facts == nil { state.composer.set(facts: NetworkFacts()) }
            state.composer.nodeID = nodeID
            state.pending.isWhole = true
            return true
        }
    }

    /// Takes what managers tell. The next refresh carries it out.
    /// - Returns: Keys of the facts that are different now.
    func apply(_ sets: [NetworkChangeSet]) -> Set<NetworkFact.Key> {
        state.withLock { state in
            let changed = state.composer.apply(sets)
            state.pending.parts.formUnion(changed.parts)
            state.pending.facts.formUnion(changed.facts)
            return changed.facts
        }
    }

    /// These facts as they are now; `nil` for one that is no more.
    func present(_ keys: Set<NetworkFact.Key>) -> [NetworkFact.Key: NetworkFact?] {
        state.withLock { state in
            Dictionary(keys.map { ($0, state.composer.facts?.fact($0)) }) { first, _ in first }
        }
    }

    /// The MTU of the link that carries VXLAN.
    var underlayMTU: Int { state.withLock { $0.composer.underlayMTU } }

    /// Takes another MTU of the link that carries VXLAN.
    func setUnderlayMTU(_ mtu: Int) {
        state.withLock { state in
            if state.composer.underlayMTU == mtu { return }
            state.composer.underlayMTU = mtu
            state.pending.isWhole = true
        }
    }

    /// Which ways to other nodes are measured; `nil` where there are none.
    var pathDemand: PathDemand? { state.withLock { $0.composer.pathDemand() } }

    // MARK: Refreshes

    /// What is to be made now. Takes what has changed: when it cannot be made, the whole is to be made again, see ``makeWhole()``.
    private func plan() -> Plan {
        // Records are read after it is known which have changed: what changes meanwhile is known the next time.
        let changed = containers.takeChanged()
        let local = state.withLock { $0.networksVersion } == networks.version ? nil : networks.versioned
        let isWhole = state.withLock { $0.pending.isWhole }
        let all = isWhole ? Dictionary(containers.members.map { ($0.id, $0) }) { first, _ in first } : nil
        return state.withLock { state in
            var members = changed.union(state.pending.members)
            var parts = state.pending.parts
            if let local {
                let concerned = state.composer.replace(networks: local.all)
                for case .sandbox(let id) in concerned { members.insert(id) }
                for case .bridge(let id) in concerned where state.composer.networks[id] == nil {
                    state.names.forget(network: id)
                }
                parts.formUnion(concerned)
                state.networksVersion = local.version
            }
            if let all {
                members.formUnion(state.composer.containers.keys)
                members.formUnion(all.keys)
                state.composer.set(containers: all)
            } else {
                for id in members { parts.formUnion(state.composer.set(id, containers.member(id))) }
            }
            let facts = state.pending.facts
            state.pending = Pending(isWhole: false)
            return Plan(
                served: state.asked,
                desired: state.desired(isWhole, parts, facts),
                facts: facts, members: members, isWhole: isWhole)
        }
    }

    /// Says that other ways may be to be measured.
    private func announcePaths(_ plan: Plan) {
        let concerns =
            plan.isWhole
            || plan.facts.contains { key in
                switch key {
                case .settings, .peer, .endpoint, .network: true
                case .subnets, .port, .meshBackend, .service, .backend: false
                }
            }
        if concerns { pathNews.change { $0 &+= 1 } }
    }

    /// Tells what encrypted networks are made of, once their namespaces are there.
    private func wantEncryption() {
        encryption.want(state.withLock { $0.composer.encryptionDemand(dataPlane.layout) })
    }

    /// Opens the ports at which what is encrypted arrives, whenever they are others. Until cancelled.
    func followEncryption() async throws {
        var known = 0
        while true {
            known = try await encryption.ports.wait { [known] in $0 != known ? $0 : nil }
            let ports = known
            state.withLock { state in
                state.composer.encryptedPorts = ports
                state.pending.parts.insert(.underlay)
            }
            do { try await refresh() } catch {
                try Task.checkCancellation()
                log.error("ports of encrypted networks are not open yet", metadata: ["error": "\(error)"])
            }
        }
    }

    private func makeWhole(_ plan: Plan) {
        state.withLock { state in
            state.pending.isWhole = true
            // Names are not told as a whole.
            state.pending.facts.formUnion(plan.facts)
            state.pending.members.formUnion(plan.members)
        }
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

    /// Others share what is carried out, so it is waited for though this caller is cancelled.
    private func carryOut(_ plan: Plan, removesLater: Bool = false) async throws -> ApplyReport {
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
            state.withLock { $0.last = Refresh(served: plan.served, report: done) }
            announcePaths(plan)
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

    /// After a restart: the namespaces are there, the sockets in them are not.
    func adopt() async throws {
        try await order.run("refresh") {
            let joined = containers.members.filter { $0.processID > 0 && !$0.isOnHostNetwork && $0.networkOwner == nil }
            for record in joined {
                do { try await dataPlane.recover(record.id, process: Int32(clamping: record.processID)) } catch {
                    log.error(
                        "a container's namespace has no name and cannot be given one",
                        metadata: ["container": "\(record.shortID)", "error": "\(error)"])
                }
            }
            // Names are known before anybody is answered.
            var plan = plan()
            await refreshNames(plan)
            let asking = joined.filter { NameTableComposer.hasResolver($0) }
            let unopened = await openResolvers(asking)
            state.withLock { $0.pending.isWhole = true }
            plan = self.plan()
            guard case .whole(let network) = plan.desired else { return }
            do { report(try await dataPlane.adopt(network)) } catch {
                makeWhole(plan)
                throw error
            }
            wantEncryption()
            announcePaths(plan)
            adopted.succeed(())
            if unopened.isEmpty { return }
            // What was not complete is so now.
            for (record, error) in await openResolvers(unopened.map(\.0)) {
                log.error(
                    "cannot open a container's resolver",
                    metadata: ["container": "\(record.shortID)", "error": "\(error)"])
            }
            _ = try await carryOut(self.plan())
        }
    }

    /// - Returns: Those that could not be opened, and why.
    private func openResolvers(_ records: [any NetworkMember]) async -> [(any NetworkMember, any Error)] {
        await withTaskGroup(of: (any NetworkMember, any Error)?.self) { group in
            var failed: [(any NetworkMember, any Error)] = []
            for (index, record) in records.enumerated() {
                if index >= Self.openedAtATime, let failure = await group.next() ?? nil { failed.append(failure) }
                group.addTask {
                    do {
                        try await self.openResolver(record)
                        return nil
                    } catch { return (record, error) }
                }
            }
            for await failure in group { if let failure { failed.append(failure) } }
            return failed
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

    private func openResolver(_ record: any NetworkMember) async throws {
        let namespace = dataPlane.sandboxNamespace(record.id)
        let upstreams = try await upstreams(for: record)
        let names = state.withLock { state in state.names.names(for: record, state.composer.networks) }
        let ports = try await nameServer.open(record.id, namespace: namespace, table: names, upstreams: upstreams)
        state.withLock { state in
            state.composer.resolvers[record.id] = ResolverPorts(udp: ports.udp, tcp: ports.tcp)
            state.pending.members.insert(record.id)
        }
    }

    /// After the kernel, so that no name leads where nothing leads yet.
    private func refreshNames(_ plan: Plan) async {
        let members = plan.members.map { ($0, containers.member($0)) }
        let changed = state.withLock { state -> [(String, SandboxNames)] in
            let composer = state.composer
            state.names.take(plan.facts, of: composer.facts) { composer.joined[$0] != nil }
            var changed: [(String, SandboxNames)] = []
            for (id, record) in members {
                state.names.take(id, record, composer.networks)
                if let record, composer.resolvers[id] != nil {
                    changed.append((id, state.names.names(for: record, composer.networks)))
                }
            }
            return changed
        }
        for (id, names) in changed { await nameServer.update(id, table: names) }
    }

    private func upstreams(for record: any NetworkMember) async throws -> Upstreams {
        let own = record.nameServers.compactMap { IPAddress($0) }
        if !own.isEmpty { return Upstreams(own.map { Upstreams.Server($0) }, origin: .sandbox) }
        let given = configuration.nameServers.compactMap { IPAddress($0) }
        if !given.isEmpty { return Upstreams(given.map { Upstreams.Server($0) }) }
        let text = try await onThread { try Files.text("/etc/resolv.conf") }
        return Upstreams(resolvConf: text ?? "")
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
