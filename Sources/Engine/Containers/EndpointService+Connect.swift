import Addressing
import Concurrency
import DataPlane
import EngineInterface
import Faults
import LinuxSystem
package import Model

/// Joining networks and leaving them by hand.
extension EndpointService {
    package func connectNetwork(_ reference: String, container: String, settings: EndpointSettings?) async throws {
        let record = try containers.find(container)
        // On a worker only a manager may know the network: it is asked when the container joins.
        let found = try await joinable(reference, among: try await networks.knownNetworks())
        let name = found?.name ?? reference
        try record.checkConnection(to: name)
        try EndpointOptions.check(settings)
        if settings?.ipamConfig?.asksForAddress == true, name == "bridge" {
            throw EndpointError.addressOnDefaultNetwork
        }
        if settings?.aliases?.isEmpty == false, name == "bridge" {
            throw EndpointOptionError.aliasOnDefaultNetwork
        }
        try await containers.lock.run(record.id) {
            guard let before = containers.record(record.id) else {
                throw ContainerError.notFound(container)
            }
            try before.checkConnection(to: name)
            guard name != LocalNetwork.noneName else { return try await putOnNone(before, true, found) }
            if before.endpoints.contains(where: { $0.networkName == name }) {
                // One that this node does not know is the swarm's.
                let isOfSwarm = found.map { $0.scope == "swarm" } ?? true
                try await containers.update(record.id, durably: true) { record in
                    record.renewRequest(on: name, isOfSwarm: isOfSwarm, settings)
                }
                return
            }
            let networksBefore = Set(before.endpoints.map(\.networkName))
            try await containers.update(record.id, durably: true) { record in
                record.endpoints.append(
                    EndpointRecord(networkID: found?.identifier ?? "", networkName: name, requested: settings))
            }
            guard let current = containers.record(record.id), current.isUp else {
                return
            }
            do {
                try await files.renew(from: before, to: try await joinRunning(record.id))
            } catch {
                try await uncancelled { [self] in
                    try await drop(record.id) { !networksBefore.contains($0.networkName) }
                    try await bringBackGateway(of: before)
                    try await renewPorts(record.id, .disconnection)
                    try await network.refresh()
                }
                throw error
            }
        }
    }

    /// Gives a running container its places in the networks that its record names and that it has not joined yet.
    func joinRunning(_ id: String, _ occasion: PortOccasion = .connection) async throws -> ContainerRecord {
        let places = containers.record(id)?.endpoints.filter(\.isJoined) ?? []
        let before = Set(places.map(\.endpointID))
        // What makes room for a new place, or was left before, goes after that has come.
        let present = network.dataPlane.linkNames(inSandbox: id).union(places.map(\.interfaceName))
        try await attachOverlays(id)
        try checkSealing(of: id)
        try await checkParents(of: id)
        let joined = try await containers.allocate(id) { record, isTaken, isAsked in
            for place in record.endpoints.indices where !record.endpoints[place].isJoined {
                let taken = present.union(record.endpoints.filter(\.isJoined).map(\.interfaceName))
                guard let free = (0...taken.count).first(where: { !taken.contains("eth\($0)") }) else { continue }
                try self.allocate(&record.endpoints[place], at: free, of: record, beside: present, isTaken, isAsked)
            }
            try EndpointRoutes.check(record.endpoints)
        }
        tellChosen(joined)
        try await renewPorts(id, occasion)
        try await network.join(id)
        try await network.applyParameters(joined.endpoints, of: joined.id)
        for endpoint in joined.endpoints where !before.contains(endpoint.endpointID) {
            events.publish(
                "network", "connect", endpoint.networkID,
                ["container": id, "name": endpoint.networkName, "type": endpoint.driver])
        }
        return joined
    }

    package func disconnectNetwork(_ reference: String, container: String, force: Bool) async throws {
        let record = try containers.find(container)
        guard let found = try await known(reference) else { return try await leaveUnknown(reference, record.id) }
        try record.checkDisconnection(from: found.name)
        if record.task != nil, found.scope == "swarm" {
            throw EndpointError.belongsToTask(record.id)
        }
        try await containers.lock.run(record.id) {
            guard let before = containers.record(record.id) else { throw ContainerError.notFound(container) }
            try before.checkDisconnection(from: found.name)
            guard found.name != LocalNetwork.noneName else { return try await putOnNone(before, false, found) }
            try await drop(record.id, findsGateway: before.isUp) { $0.networkName == found.name }
            guard let left = containers.record(record.id), left.isRunning else { return }
            let after = try await joinGateway(left)
            if after == nil { try await renewPorts(record.id, .disconnection) }
            try await network.refresh()
            try await files.renew(from: before, to: after ?? left)
            // One that waits to be started again has left all of them at its end, and that was told.
            guard left.isUp else { return }
            events.publish(
                "network", "disconnect", found.identifier,
                ["container": record.id, "name": found.name, "type": found.driver])
        }
    }

    /// `nil` where the node knows no such network.
    private func known(_ reference: String) async throws -> NetworkResource? {
        let all = try await networks.knownNetworks()
        do { return try NodeNetworkService.find(reference, in: all) } catch let refusal as any Fault
            where refusal.kind == .notFound
        { return nil }
    }

    /// Takes a network off a container that does not run: it may be gone, or of the swarm, and a worker knows those alone that something is on.
    /// - Throws: ``NetworkError/notFound(_:)`` where the container is not on it, or runs.
    private func leaveUnknown(_ reference: String, _ id: String) async throws {
        try await containers.lock.run(id) {
            // Of a place that was never joined the id is empty.
            guard !reference.isEmpty, let record = containers.record(id), !record.isUp, record.task == nil,
                let place = record.endpoints.first(where: { [$0.networkName, $0.networkID].contains(reference) })
            else { throw NetworkError.notFound(reference) }
            let name = place.networkName
            try await drop(id) { $0.networkName == name }
        }
    }

    /// Gives a running container its place on `docker_gwbridge` where its record has got one for what it has left.
    /// - Returns: `nil` where it needs none. Where there is no room it goes on without, as it has left the network all the same, and that is told.
    private func joinGateway(_ record: ContainerRecord) async throws -> ContainerRecord? {
        let waits = record.endpoints.contains { $0.isAutomatic == true && !$0.isJoined }
        guard record.isUp, waits else { return nil }
        do { return try await joinRunning(record.id, .disconnection) } catch {
            network.reportUnfinished(record.id, error)
            try await uncancelled { [self] in try await drop(record.id) { $0.isAutomatic == true } }
            return nil
        }
    }

    /// Takes endpoints out of a record, and its way out with the last that needed one.
    /// - Parameter findsGateway: Where what goes was the way out of one that is on a network of the swarm, too, it gets another.
    func drop(
        _ id: String, findsGateway: Bool = false, where isMeant: @Sendable (EndpointRecord) -> Bool
    ) async throws {
        let released = containers.record(id)?.endpoints.filter(isMeant).compactMap(\.attachmentID) ?? []
        let open = openBridges
        let gateway = findsGateway ? local.named(LocalNetwork.gatewayBridgeName)?.id : nil
        // Also when it cannot be put on record: they are held by nobody.
        defer { holders.signal(released) }
        try await containers.update(id, durably: true) { record in
            record.endpoints.removeAll(where: isMeant)
            if record.task == nil { record.setGatewayEndpoint(gateway: gateway, openBridges: open) }
        }
    }

    /// Gives a container back the way out that had made room for a network which could not be joined, unless somebody has its address meanwhile.
    private func bringBackGateway(of before: ContainerRecord) async throws {
        guard let gateway = before.endpoints.first(where: { $0.isAutomatic == true }) else { return }
        _ = try await containers.allocate(before.id) { record, isTaken, _ in
            let isFree = gateway.addresses?.hosts.all.contains { isTaken(gateway.networkID, $0) } != true
            if isFree, !record.endpoints.contains(where: { $0.networkName == gateway.networkName }) {
                record.endpoints.append(gateway)
            }
        }
    }

    /// Whether a container is on `none` is only said: it has nothing there.
    private func putOnNone(_ record: ContainerRecord, _ isOn: Bool, _ network: NetworkResource?) async throws {
        let after = try await containers.update(record.id, durably: true) { $0.isOnNoneByHand = isOn }
        // One that waits to be started again has left its networks, and joins them then.
        guard after.isUp, let network else { return }
        events.publish(
            "network", isOn ? "connect" : "disconnect", network.identifier,
            ["container": record.id, "name": network.name, "type": network.driver])
    }
}
