import Addressing
import Concurrency
import EngineInterface
import Faults
import LinuxSystem
import Model

/// Places of containers outside of services on the swarm's attachable networks.
///
/// Such a place is a task of the swarm. The container's record names it before the swarm is asked, so that after any failure the swarm's
/// task without a record is known to be nobody's; the record forgets it when the container leaves, and the task ends.
extension EndpointService {
    /// Says which networks a new container names, as far as this node knows them. Those that it does not know are looked for again at
    /// the start, which fails without them, as in Docker: they may be made meanwhile, and a swarm has some that a worker was not told of.
    ///
    /// - Throws: ``EndpointError`` for a network that is not to be joined by hand.
    func resolveNetworks(_ record: inout ContainerRecord) async throws {
        guard record.task == nil else { return }
        let all = try await networks.knownNetworks()
        for index in record.endpoints.indices {
            let endpoint = record.endpoints[index]
            let found: NetworkResource
            do {
                guard let known = try await joinable(endpoint.networkName, among: all) else { continue }
                found = known
            } catch let refusal as any Fault where refusal.kind == .notFound { continue }
            record.endpoints[index].networkName = found.name
            if endpoint.requested?.ipamConfig?.asksForAddress == true, found.name == "bridge" {
                throw EndpointError.addressOnDefaultNetwork
            }
            if endpoint.requested?.aliases?.isEmpty == false, found.name == "bridge" {
                throw EndpointOptionError.aliasOnDefaultNetwork
            }
        }
    }

    /// The network that a user names; `nil` when only a manager can tell.
    func joinable(_ reference: String, among all: [NetworkResource]) async throws -> NetworkResource? {
        let found: NetworkResource
        do { found = try NodeNetworkService.find(reference, in: all) } catch let refusal as any Fault
            where refusal.kind == .notFound
        {
            guard let catalog = networks.catalog, await catalog.isMember() else { throw refusal }
            guard await catalog.isManager() else { return nil }
            throw EndpointError.attachedNetworkUnknown(network: reference, cause: Cause(refusal))
        }
        guard found.scope != "swarm" || found.attachable else {
            throw EndpointError.networkNotAttachable(reference)
        }
        return found
    }

    /// Gives the container its places on swarm networks, and a way out beside them if it needs one.
    func attachOverlays(_ id: String) async throws {
        guard let record = containers.record(id), record.task == nil, !record.isOnHostNetwork else { return }
        let known = Set(local.all.filter { $0.isOfSwarm != true }.flatMap { [$0.id, $0.name] })
        let waiting = record.endpoints.filter { endpoint in
            endpoint.overlay == nil && !endpoint.isJoined
                && known.isDisjoint(with: [endpoint.networkID, endpoint.networkName])
        }
        // The most have nothing to do with the swarm: they are not written once more for it.
        guard !waiting.isEmpty || record.endpoints.contains(where: { $0.overlay != nil || $0.isAutomatic == true })
        else { return }
        for endpoint in waiting { try await attach(endpoint, of: record) }
        let gateway = local.named(LocalNetwork.gatewayBridgeName)
        let open = openBridges
        try await containers.update(id) { $0.setGatewayEndpoint(gateway: gateway?.id, openBridges: open) }
    }

    /// Refuses a container that publishes ports on a sealed network while no other leads out of it: nothing would lead to them.
    /// - Throws: ``EndpointError/portInSealedNetwork(_:)``.
    func checkSealing(of id: String) throws(EndpointError) {
        guard let record = containers.record(id), record.task == nil, record.publishes else { return }
        let open = openBridges
        if record.endpoints.contains(where: { $0.overlay == nil && open.contains($0.networkName) }) { return }
        let sealed = record.endpoints.first { endpoint in
            if let overlay = endpoint.overlay { return overlay.isSealed }
            return (local.network(endpoint.networkID) ?? local.named(endpoint.networkName))?.isSealed == true
        }
        if let sealed { throw .portInSealedNetwork(sealed.networkName) }
    }

    /// Names of the node's networks that lead outside.
    var openBridges: Set<String> {
        Set(local.all.filter { ($0.driver == "bridge" || $0.parent != nil) && !$0.isClosed }.map(\.name))
    }

    private func attach(_ endpoint: EndpointRecord, of record: ContainerRecord) async throws {
        let name = endpoint.networkName
        guard let catalog = networks.catalog, await catalog.isMember() else {
            throw EndpointError.networkNotFound(name)
        }
        let attachmentID = RandomID.swarm()
        func change(_ body: (inout EndpointRecord) -> Void) async throws {
            try await containers.update(record.id) { record in
                guard let index = record.endpoints.firstIndex(where: { $0.networkName == name }) else { return }
                body(&record.endpoints[index])
            }
        }
        try await change { $0.attachmentID = attachmentID }
        do {
            let requested = IPFamily.allCases.compactMap { endpoint.requested?.ipamConfig?.address($0) }
                .filter { !$0.isEmpty }.joined(separator: ",")
            let place = try await catalog.attach(
                attachmentID, to: name,
                NetworkAttachmentSpec(
                    containerID: record.id, containerName: record.name, aliases: endpoint.requested?.aliases ?? [],
                    address: requested.isEmpty ? nil : RequestedAddresses(requested)))
            let joined = try EndpointRecord(place)
            if joined.overlay?.isEncrypted == true, let reason = network.encryption.obstacle {
                throw EndpointError.encryptionImpossible(network: joined.networkName, reason: reason)
            }
            if place.network.isNodeLocal { try await networks.ensureNodeLocal(place.network) }
            try await change { endpoint in
                endpoint.networkID = joined.networkID
                endpoint.networkName = joined.networkName
                endpoint.addresses = joined.addresses
                endpoint.mac = joined.mac
                endpoint.overlay = joined.overlay
            }
        } catch {
            // Whatever becomes of the record's writing: nobody holds it any more.
            defer { holders.signal([attachmentID]) }
            // Heeds no cancellation: writes to the node's store go on to their end.
            try await change { $0.leave() }
            throw error
        }
    }

    /// A start or an end that was cut short may have left places in networks, and with them names and ports, to containers that do not run.
    func dropStaleAttachments() async throws {
        for record in containers.all where !record.isRunning {
            let holdsSome = record.endpoints.contains { $0.attachmentID != nil || $0.isJoined }
            guard holdsSome || !record.publishedPorts.isEmpty else { continue }
            try await containers.update(record.id) { record in
                record.leaveNetworks()
                record.publishedPorts = []
            }
        }
    }

    /// The node leaves the swarm: containers outside of services go on without its networks.
    func dropAttachments() async throws {
        for record in containers.all where record.task == nil {
            let dropped = record.endpoints.compactMap(\.attachmentID)
            guard !dropped.isEmpty else { continue }
            defer { holders.signal(dropped) }
            try await containers.update(record.id) { record in
                record.endpoints.removeAll { $0.attachmentID != nil || $0.isAutomatic == true }
            }
        }
    }
}
