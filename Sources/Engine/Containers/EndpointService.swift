import Addressing
import Concurrency
import DataPlane
import EngineInterface
import Model

/// A container's places in its networks: taken at its start, given up at its end.
package final class EndpointService: NetworkConnectionBackend {
    let containers: ContainerTable
    let networks: NodeNetworkService
    let ports: PortReservations
    let files: ContainerFileKeeper
    let holders: KeyedCondition<String>
    let events: EventLog

    init(
        containers: ContainerTable, networks: NodeNetworkService, ports: PortReservations, files: ContainerFileKeeper,
        holders: KeyedCondition<String>,
        events: EventLog
    ) {
        self.containers = containers
        self.events = events
        self.files = files
        self.holders = holders
        self.networks = networks
        self.ports = ports
    }

    var network: NetworkCoordinator { networks.network }
    var local: LocalNetworks { networks.networks }

    /// Gives the container its endpoints and addresses, and takes its ports of the node.
    func allocateNetworks(_ id: String) async throws -> ContainerRecord {
        try await attachOverlays(id)
        try checkSealing(of: id)
        try await checkParents(of: id)
        let placed = try await containers.allocate(id) { record, isTaken, isAsked in
            for index in record.endpoints.indices {
                try self.allocate(&record.endpoints[index], at: index, of: record, isTaken, isAsked)
            }
            try EndpointRoutes.check(record.endpoints)
        }
        tellChosen(placed)
        return try await takePorts(id, .start)
    }

    /// Gives one endpoint its id, its interface `ethINDEX` and, on a local network, its address.
    /// - Parameter present: Names of links that are there, on record or not.
    func allocate(
        _ endpoint: inout EndpointRecord, at index: Int, of record: ContainerRecord, beside present: Set<String> = [],
        _ isTaken: (String, IPAddress) -> Bool, _ isAsked: (String, IPAddress) -> Bool
    ) throws {
        endpoint.endpointID = endpoint.newID(ofTask: record.task == nil ? nil : record.id)
        endpoint.interfaceName = try interfaceName(of: endpoint, at: index, in: record, beside: present)
        if endpoint.overlay != nil {
            endpoint.gateways = nil
            return
        }
        guard let local = local.network(endpoint.networkID) ?? local.named(endpoint.networkName) else {
            throw EndpointError.networkNotFound(endpoint.networkName)
        }
        if local.isConfiguration == true { throw NetworkConfigurationError.noEndpoint }
        endpoint.networkID = local.id
        endpoint.networkName = local.name
        endpoint.localDriver = local.parent == nil ? nil : local.driver
        let (id, name) = (local.id, local.name)
        var addresses: [IPNetwork] = []
        for family in IPFamily.allCases {
            let requested = endpoint.requested?.ipamConfig?.address(family) ?? ""
            if requested.isEmpty {
                guard local.families.contains(family) else { continue }
                // What others asked for goes last: they may only not run yet. There may be nothing else, which is no failure.
                let kept = try? self.local.allocate(family, in: id) { isTaken(id, $0) || isAsked(name, $0) }
                addresses.append(try kept ?? self.local.allocate(family, in: id) { isTaken(id, $0) })
            } else if local.isPredefined {
                throw EndpointError.addressOnDefaultNetwork
            } else if local.passesOver(requested, family) {
                continue
            } else if local.hasChosenSubnet(family) {
                throw EndpointError.addressWithoutChosenSubnet
            } else {
                addresses.append(try self.local.claim(requested, family, in: id) { isTaken(id, $0) })
            }
        }
        endpoint.addresses = EndpointAddresses(addresses)
        endpoint.mac = nil
        endpoint.mac =
            endpoint.addresses?.v4 == nil
            ? endpoint.requestedMAC ?? MACAddress(random: endpoint.endpointID) : endpoint.hardwareAddress
        endpoint.gateways = record.configuration.networkDisabled == true ? nil : local.gateways
    }

    /// Wakes those who tell managers of addresses that were chosen here.
    func tellChosen(_ record: ContainerRecord) {
        holders.signal(record.endpoints.filter { $0.overlay == nil }.compactMap(\.attachmentID))
    }

    private func interfaceName(
        of endpoint: EndpointRecord, at index: Int, in record: ContainerRecord, beside present: Set<String>
    ) throws -> String {
        let others = record.endpoints.filter { $0.networkName != endpoint.networkName }
        var taken = Set(others.filter(\.isJoined).map(\.interfaceName))
        for other in others { if let name = try EndpointOptions(other.requested).interfaceName { taken.insert(name) } }
        if let requested = try EndpointOptions(endpoint.requested).interfaceName {
            guard !taken.contains(requested) else {
                throw EndpointError.interfaceTaken("\(requested)")
            }
            return requested
        }
        let network = local.network(endpoint.networkID) ?? local.named(endpoint.networkName)
        let prefix = endpoint.overlay == nil ? network?.interfacePrefix ?? "eth" : "eth"
        var number = index
        taken.formUnion(present)
        while taken.contains("\(prefix)\(number)") { number += 1 }
        return "\(prefix)\(number)"
    }

    /// Gives up everything that the container had in its networks.
    /// - Returns: The places that it had.
    func releaseNetworks(_ id: String) async throws -> [EndpointRecord] {
        let before = containers.record(id)
        defer { holders.signal((before?.endpoints ?? []).compactMap(\.attachmentID)) }
        try await containers.note(id) { record in
            record.leaveNetworks()
            record.publishedPorts = []
        }
        ports.release(id)
        try await network.leave(id)
        if !local.ofSwarm.isEmpty { try await networks.dropNodeLocal() }
        return (before?.endpoints ?? []).filter(\.isJoined)
    }

    /// Tells of the networks and volumes that the container has left.
    func publishLeft(_ record: ContainerRecord, _ endpoints: [EndpointRecord]) {
        for network in record.networkEvents(endpoints, plain: local.plain) {
            events.publish("network", "disconnect", network.id, network.attributes)
        }
        for mount in record.mounts {
            guard let name = mount.name else { continue }
            events.publish("volume", "unmount", name, ["container": record.id, "driver": "local"])
        }
    }

    /// Tells of the networks that the container has joined and of the volumes that it uses.
    func publishJoined(_ record: ContainerRecord) {
        for mount in record.mounts {
            guard let name = mount.name else { continue }
            events.publish(
                "volume", "mount", name,
                [
                    "container": record.id, "destination": mount.destination, "driver": "local",
                    "propagation": mount.propagation, "read/write": String(mount.rw),
                ])
        }
        for network in record.networkEvents(record.endpoints.filter(\.isJoined), plain: local.plain) {
            events.publish("network", "connect", network.id, network.attributes)
        }
    }
}

extension EndpointSettings.AddressRequest {
    /// What is asked for of a family.
    func address(_ family: IPFamily) -> String? {
        switch family {
        case .v4: iPv4Address
        case .v6: iPv6Address
        }
    }

    /// Whether any address is asked for.
    var asksForAddress: Bool { IPFamily.allCases.contains { address($0)?.isEmpty == false } }
}
