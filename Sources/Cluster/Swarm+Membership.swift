import Addressing
import Concurrency
import DockerMessages
import EngineInterface
import EtcdStore
import Faults
import LinuxSystem
import Logging
package import Model
import Orchestration
import StateStore
import SwiftASN1
import X509

extension Swarm {
    package func swarmInfo() async -> SwarmInfo {
        var info = SwarmInfo()
        guard let part else {
            if let unread { (info.localNodeState, info.error) = ("error", unread) }
            return info
        }
        let membership = part.file.value
        info.nodeID = membership.nodeID
        info.nodeAddr = membership.dataPathAddress.description
        info.localNodeState = "active"
        info.remoteManagers = membership.managers
        guard part.isManager else { return info }
        guard let manager = part.state.value.manager else {
            // Docker's word for a manager that does not answer yet.
            info.localNodeState = "pending"
            info.error = part.state.value.failure.map(DockerMessage.text) ?? ""
            return info
        }
        let objects = manager.model.objects
        info.controlAvailable = true
        info.nodes = objects.nodes.count
        info.managers = objects.managers.count { $0.spec.role == .manager }
        info.cluster = objects.cluster
        info.cluster?.joinTokens = nil
        info.cluster?.revoked = nil
        info.cluster?.sealing = nil
        info.cluster?.overlayKeys = nil
        info.cluster?.spec.raft = RaftRules.shown(objects.cluster?.spec.raft)
        if objects.isStale { info.error = StateStoreError(.unavailable, "ask the store").description }
        return info
    }

    package func initialiseSwarm(_ request: SwarmInitRequest) async throws -> String {
        let nodeID = try await changing {
            if request.forceNewCluster, part != nil { return try await forceNewCluster() }
            guard part == nil else { throw SwarmError.alreadyMember }
            if request.autoLockManagers {
                throw UnsupportedError.feature("locking managers (--autolock)")
            }
            let (pools, subnetSize) = (request.defaultAddrPool ?? [], request.subnetSize)
            let chooser = try DefaultAddressPools(pools, size: subnetSize).chooser
            let spec = Manager.completed(request.spec)
            try Manager.check(spec, replacing: nil)
            var membership = try addresses(
                listen: request.listenAddr, advertise: request.advertiseAddr, dataPath: request.dataPathAddr, peer: nil)
            membership.role = .manager
            membership.dataPathPort = request.dataPathPort == 0 ? 4789 : request.dataPathPort
            guard (1024...49_151).contains(membership.dataPathPort) else {
                throw SwarmError.dataPathPortOutOfRange(membership.dataPathPort)
            }
            membership.managers = [.init(nodeID: membership.nodeID, addr: membership.advertiseAddress.description)]
            let ingress = try await chooseIngress(request.ingressPool ?? "", chooser)
            try await found(
                membership, spec, ingress, availability: request.availability, pools: pools,
                subnetSize: pools.isEmpty || subnetSize == 0 ? DefaultAddressPools.usualSize : subnetSize)
            return membership.nodeID
        }
        await untilReady()
        return nodeID
    }

    /// The numbers of a new swarm's ingress network, which this node routes nowhere else and carries; `nil`: the first of its pools.
    @inline(never) private func chooseIngress(_ text: String, _ pools: SubnetChooser?) async throws -> IPNetwork? {
        let routed = try await executor.describeNode().routedSubnets ?? []
        return try await IngressPool.choose(text, pools: pools, routed: routed.filter { $0.family == .v4 }) {
            [executor, log] subnet in
            do {
                let trouble = try await executor.tryIngress(subnet)
                if let trouble {
                    log.warning(
                        "this node cannot have such an ingress network",
                        metadata: ["subnet": "\(subnet)", "reason": "\(DockerMessage.text(of: trouble))"])
                }
                return trouble
            } catch let error as any Fault {
                // That it cannot be tried says nothing of the numbers.
                log.warning(
                    "whether this node can have such an ingress network could not be tried",
                    metadata: ["subnet": "\(subnet)", "error": "\(error)"])
                return nil
            }
        }
    }

    /// What a new swarm begins with. An object, and made and used in functions of their own that are not inlined: the compiler of Swift 6.3.1
    /// crashes on an asynchronous function that holds all of its parts, when it optimises.
    private final class NewSwarm: Sendable {
        let membership: Membership
        let secret: SealingKeys.Secret
        let credentials: NodeCredentials
        let bootstrap: ManagerRole.Bootstrap

        init(
            _ membership: Membership, _ secret: SealingKeys.Secret, _ credentials: NodeCredentials,
            _ bootstrap: ManagerRole.Bootstrap
        ) {
            self.bootstrap = bootstrap
            self.credentials = credentials
            self.membership = membership
            self.secret = secret
        }
    }

    /// Makes the authority and this node's certificate, starts the store, and writes what a swarm begins with.
    private func found(
        _ membership: Membership, _ spec: ClusterSpec, _ ingress: IPNetwork?, availability: String?, pools: [String],
        subnetSize: Int
    ) async throws {
        let new = try prepare(membership, spec, ingress, availability, pools, subnetSize)
        // Leftovers of a swarm that was never finished.
        try await discard(membership)
        let sealing = try await keep(new)
        let (part, file) = try begin(new, sealing)
        try await settle(part, file, membership)
    }

    /// Writes the credentials, and the secret that the store's values are sealed with.
    private func keep(_ new: NewSwarm) async throws -> SealingFile {
        let files = configuration.credentials
        let sealing = try await onThread {
            try files.save(new.credentials)
            try files.save(revoked: [], by: new.credentials.key)
            return try SealingFile.load(files)
        }
        try await sealing.take([new.secret], current: new.secret.id)
        return sealing
    }

    @inline(never) private func begin(
        _ new: NewSwarm, _ sealing: SealingFile
    ) throws -> (MembershipRuntime, MembershipFile) {
        let file = MembershipFile(directory: configuration.directory, new.membership)
        let part = try makePart(
            file, new.credentials, revoked: [], sealing, bootstrap: new.bootstrap)
        begin(part)
        return (part, file)
    }

    @inline(never) private func prepare(
        _ membership: Membership, _ spec: ClusterSpec, _ ingress: IPNetwork?, _ availability: String?,
        _ pools: [String], _ subnetSize: Int
    ) throws -> NewSwarm {
        let secret = SealingKeys.Secret()
        let authority = try CertificateAuthority()
        let key = NodeKey()
        let member = Member(nodeID: membership.nodeID, clusterID: membership.clusterID, role: .manager)
        let certificate = try authority.issue(
            CertificateSigningRequest(derEncoded: try key.signingRequest()), for: member,
            addresses: CertificateAuthority.octets(of: [
                membership.advertiseAddress.address, membership.dataPathAddress,
            ]))
        let credentials = try NodeCredentials(key: key, certificate: certificate, roots: [authority.root])
        var cluster = try makeCluster(membership, spec, authority)
        if !pools.isEmpty { cluster.defaultAddrPool = pools }
        cluster.subnetSize = subnetSize
        cluster.sealing = .init(current: secret.id)
        var node = try makeNode(membership, availability, certificate)
        node.membership?.storeSecret = secret.id
        return NewSwarm(
            membership, secret, credentials,
            ManagerRole.Bootstrap(authority: authority, cluster: cluster, node: node, ingressSubnet: ingress))
    }

    /// Waits until a new part answers and puts it on record; one that does not is undone.
    private func settle(_ part: MembershipRuntime, _ file: MembershipFile, _ membership: Membership) async throws {
        do {
            try await started(part)
            // From here on a restart resumes the role.
            try await file.save()
        } catch {
            self.part = nil
            try await uncancelled { [self] in
                try await part.end()
                try await discard(membership)
            }
            throw error
        }
    }

    /// Waits until the manager's side answers.
    /// - Parameter isPatient: A failure is no end: the part tries again.
    func started(
        _ part: MembershipRuntime, isPatient: Bool = false, tooLate: SwarmError = .startTimeout
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await part.state.wait { progress -> Result<Void, any Error>? in
                    if progress.manager != nil { return .success(()) }
                    return isPatient ? nil : progress.failure.map { .failure($0) }
                }.get()
            }
            tasks.addTask {
                try await Task.sleep(for: Self.startDeadline)
                throw tooLate
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }

    private func makeCluster(
        _ membership: Membership, _ spec: ClusterSpec, _ authority: CertificateAuthority
    ) throws -> ClusterObject {
        var cluster = ClusterObject(id: membership.clusterID)
        cluster.createdAt = .now
        cluster.updatedAt = cluster.createdAt
        cluster.spec = spec
        cluster.tlsInfo = try TLSInfo(root: authority.root)
        cluster.dataPathPort = membership.dataPathPort
        let pem = try authority.rootPEM
        cluster.joinTokens = .init(
            worker: JoinToken(rootPEM: pem).description, manager: JoinToken(rootPEM: pem).description)
        return cluster
    }

    private func makeNode(_ membership: Membership, _ availability: String?, _ certificate: Certificate) throws -> Node
    {
        var node = Node(id: membership.nodeID)
        node.createdAt = .now
        node.updatedAt = node.createdAt
        node.spec.role = .manager
        node.spec.availability = availability.flatMap { NodeAvailability(rawValue: $0) } ?? .active
        node.status.addr = membership.dataPathAddress
        var status = ManagerStatus()
        status.addr = membership.advertiseAddress
        node.managerStatus = status
        var own = Node.Membership()
        own.dataPathAddress = membership.dataPathAddress
        own.note(certificate, pem: try certificate.canonicalPEM)
        own.role = .manager
        own.advertiseAddress = membership.advertiseAddress
        own.storeURL = configuration.storeURL(membership)
        node.membership = own
        return node
    }

    /// A membership with the addresses that the user wants or that can be chosen, and new ids.
    private func addresses(
        listen: String, advertise: String, dataPath: String, peer: String?
    ) throws -> Membership {
        let advertise = advertise.isEmpty ? configuration.advertiseAddress : advertise
        let own = try LocalAddress.resolve(advertise, peer: peer, what: "advertise")
        let listenText = listen.isEmpty ? "0.0.0.0:\(LocalAddress.defaultPort)" : listen
        var listening = try LocalAddress.resolve(listenText, peer: nil, what: "listen")
        // All of IPv6's addresses, IPv4's among them, where others come by IPv6.
        if listen.isEmpty, own.address.family == .v6 { listening.address = .unspecified(.v6) }
        // Docker advertises the port it listens on unless one is given.
        let port = HostText.split(advertise)?.port != nil ? own.port : listening.port
        let data =
            dataPath.isEmpty ? own.address : try LocalAddress.resolve(dataPath, peer: nil, what: "data path").address
        return Membership(
            nodeID: RandomID.swarm(), clusterID: RandomID.swarm(), role: .worker,
            listenAddress: TransportAddress(listening.address, port: UInt16(clamping: listening.port)),
            advertiseAddress: TransportAddress(own.address, port: UInt16(clamping: port)),
            dataPathAddress: data, dataPathPort: 4789, managers: [])
    }

    package func joinSwarm(_ request: SwarmJoinRequest) async throws {
        try await changing {
            guard part == nil else { throw SwarmError.alreadyMember }
            guard !request.joinToken.isEmpty else {
                throw SwarmError.noToken
            }
            let token = try JoinToken(request.joinToken)
            guard let first = request.remoteAddrs.first else {
                throw SwarmError.noManagerNamed
            }
            var membership = try addresses(
                listen: request.listenAddr, advertise: request.advertiseAddr, dataPath: request.dataPathAddr,
                peer: first)
            let outcome = try await admission(request, token, membership)
            membership.nodeID = outcome.credentials.member.nodeID
            membership.clusterID = outcome.clusterID
            membership.role = outcome.credentials.member.role.nodeRole
            membership.dataPathPort = outcome.dataPathPort
            membership.managers =
                outcome.managers.isEmpty
                ? request.remoteAddrs.map { .init(nodeID: "", addr: $0) } : outcome.managers
            try await MembershipFile.erase(directory: configuration.directory)
            let files = configuration.credentials
            try await onThread {
                try files.save(outcome.credentials)
                try files.save(revoked: outcome.revoked, by: outcome.credentials.key)
            }
            let sealing = try await onThread { try SealingFile.load(files) }
            let file = MembershipFile(directory: configuration.directory, membership)
            try await file.save()
            await forgetJoinKey()
            let part = try makePart(file, outcome.credentials, revoked: outcome.revoked, sealing, bootstrap: nil)
            begin(part)
            if part.isManager {
                try await started(part, isPatient: true, tooLate: .joinTimeout)
            }
        }
        await untilReady()
    }

    /// Asks the managers, as the same node as before if there was no answer then.
    private func admission(
        _ request: SwarmJoinRequest, _ token: JoinToken, _ membership: Membership
    ) async throws -> Joiner.Outcome {
        let joinKey = configuration.joinKey
        let description = try await executor.describeNode()
        func join() async throws -> Joiner.Outcome {
            let key = try await onThread { try joinKey.take() }
            return try await Joiner(token: token, group: group, key: key).join(
                request.remoteAddrs, description: description, advertiseAddress: membership.advertiseAddress,
                dataPathAddress: membership.dataPathAddress, availability: request.availability ?? "active")
        }
        do {
            return try await join()
        } catch SwarmError.joinRefused(let refusal) where refusal.code == Joiner.keyIsUsed {
            try await onThread { try joinKey.forget() }
            return try await join()
        }
    }

    /// A membership that has begun or ended does so in any case: a key that stays is refused the next time, and replaced then.
    private func forgetJoinKey() async {
        let joinKey = configuration.joinKey
        do { try await onThread { try joinKey.forget() } } catch {
            log.warning("the key of joining stays", metadata: ["path": "\(joinKey.path)", "error": "\(error)"])
        }
    }

    package func leaveSwarm(force: Bool) async throws {
        try await changing {
            guard let part else { throw SwarmError.nothingToLeave }
            if part.isManager, !force { throw leaveWarning(part) }
            // Once begun it is gone through with, whatever becomes of the request.
            try await uncancelled { [self] in
                await takeLeave(part)
                try await part.end()
                await forget(part)
                try await endTasks(force: force)
                try await executor.leaveNetworks()
                try await discard(part.file.value)
            }
        }
    }

    private func forget(_ ended: MembershipRuntime) { if part === ended { part = nil } }

    /// - Parameter force: They are killed; otherwise each has its time to end.
    private func endTasks(force: Bool) async throws {
        let ids = try await executor.presentTasks().keys.sorted()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, id) in ids.enumerated() {
                if index >= Self.parallelStops { try await group.next() }
                group.addTask { [executor, log] in
                    do {
                        if !force { try await executor.stopTask(SwarmTask(id: id)) }
                    } catch {
                        // Removing ends it too, if less gently.
                        log.warning("task could not be stopped", metadata: ["task": "\(id)", "error": "\(error)"])
                    }
                    try await executor.removeTask(id: id)
                }
            }
            try await group.waitForAll()
        }
    }

    /// Ends the store's process and forgets everything of a membership.
    private func discard(_ membership: Membership) async throws {
        try await ManagerRole.supervisor(configuration, membership, log: log).stop()
        try await MembershipFile.erase(directory: configuration.directory)
        await forgetJoinKey()
    }
}
