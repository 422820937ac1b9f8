import Addressing
package import Model
package import Orchestration

/// Derives from the swarm's objects what each node is to know of networks: pure, and computed once for all nodes.
package struct NetworkStatePlanner {
    private let objects: SwarmState
    private let peers: [SwarmNetworkState.Peer]
    private let ports: [SwarmNetworkState.MeshPort]
    private var networks: [String: SwarmNetworkState.Network] = [:]
    private let ingressID: String?
    private let dataPathPort: UInt16
    private let controlPorts: [UInt16]
    private let managers: [IPAddress]
    private let subnets: [IPNetwork]

    /// Tasks of which a node has, or is about to have, a container: they hold addresses.
    static func isPresent(_ task: SwarmTask) -> Bool {
        task.nodeID != nil && task.status.state >= .assigned && task.status.state <= .running
    }

    /// - Parameter backends: Ids of the tasks that get new connections; `nil` for every task that runs and is to go on.
    package init(_ objects: SwarmState, backends: Set<String>? = nil) {
        self.objects = objects
        let vteps = Dictionary(objects.nodes.values.map { ($0.id, $0.membership?.dataPathAddress) }) { $1 }
            .compactMapValues { $0 }
        let ingress = objects.networks.values.first { $0.spec.ingress == true }
        ingressID = ingress?.id
        subnets = objects.networks.values.flatMap { $0.addressRanges.map(\.subnet) }.sorted()
        dataPathPort =
            objects.cluster.flatMap { UInt16(exactly: $0.dataPathPort) }.flatMap { $0 == 0 ? nil : $0 } ?? 4789
        let ends = objects.nodes.values.compactMap { $0.managerStatus?.addr.split(separator: ":") }
        managers = Set(ends.compactMap { $0.first.flatMap { IPAddress(ipv4: $0) } }).sorted()
        let usual = [LocalAddress.defaultPort, SwarmConfiguration.usualStorePort].compactMap { UInt16(exactly: $0) }
        controlPorts = Set(ends.compactMap { $0.last.flatMap { UInt16($0) } } + usual).sorted()
        let ingressSubnets = ingress?.addressRanges.map(\.subnet) ?? []
        peers = objects.nodes.values.sorted { $0.id < $1.id }.compactMap { node in
            guard let address = vteps[node.id] else { return nil }
            let ingressAddresses = (node.membership?.ingressAddresses?.all ?? []).compactMap { address in
                ingressSubnets.first { $0.family == address.family }.map {
                    IPNetwork(address: address, prefixLength: $0.prefixLength)
                }
            }
            return SwarmNetworkState.Peer(
                nodeID: node.id, hostname: node.description?.hostname ?? "", address: address,
                ingressAddresses: ingressAddresses.isEmpty ? nil : EndpointAddresses(ingressAddresses),
                assignedIngressTag: node.membership?.assignedIngressTag)
        }
        let present = objects.tasks.values.filter(Self.isPresent).sorted { $0.id < $1.id }
        let eligible = present.filter { task in
            // A backend is a task that runs, is to go on running, and whose node answers.
            backends?.contains(task.id)
                ?? (task.status.state == .running && task.isWanted
                    && objects.nodes[task.nodeID ?? ""]?.status.state == .ready)
        }
        ports = Self.meshPorts(objects, eligible: eligible, ingressID: ingress?.id)
        for network in objects.networks.values where network.vni != nil {
            networks[network.id] = SwarmNetworkState.Network(
                network: network,
                endpoints: present.flatMap { task in
                    Self.attachments(of: task, in: network.id).compactMap { attachment in
                        guard let nodeID = task.nodeID, let vtep = vteps[nodeID] else { return nil }
                        let (container, names) = Self.names(of: task)
                        return SwarmNetworkState.Endpoint(
                            addresses: attachment.endpointAddresses.hosts, assignedTag: attachment.assignedTag,
                            nodeID: nodeID, taskID: task.id, vtep: vtep, containerID: container, names: names)
                    }
                },
                services: Self.services(objects, in: network.id, present: present, eligible: eligible))
        }
    }

    /// The networks a node takes part in: ingress, and those of its tasks.
    package func networkIDs(of nodeID: String) -> Set<String> {
        var ids = Set(ingressID.map { [$0] } ?? [])
        for task in objects.tasks.values where task.nodeID == nodeID && Self.isPresent(task) {
            for attachment in task.networksAttachments ?? [] { ids.insert(attachment.network.id) }
        }
        return ids
    }

    /// What one node is told. The version is the caller's to set: it grows only when the rest differs.
    package func state(of nodeID: String) -> SwarmNetworkState {
        var state = SwarmNetworkState()
        state.peers = peers
        state.ports = ports
        state.subnets = subnets
        state.dataPathPort = dataPathPort
        state.controlPorts = controlPorts
        state.managers = managers
        state.networks = networkIDs(of: nodeID).sorted().compactMap { networks[$0] }
        return state
    }

    /// The id of a task's container, once there is one, and what it is called on its networks, its name first.
    private static func names(of task: SwarmTask) -> (container: String, names: [String]) {
        if let attached = task.spec.networkAttachmentSpec {
            let id = attached.containerID
            let name = task.status.containerStatus?.name ?? attached.containerName
            return (id, [name, String(id.prefix(12))] + attached.aliases)
        }
        let id = task.status.containerStatus?.containerID ?? ""
        return (id, [task.containerName] + (id.isEmpty ? [] : [String(id.prefix(12))]))
    }

    /// Those that have an address.
    private static func attachments(of task: SwarmTask, in networkID: String) -> [NetworkAttachment] {
        (task.networksAttachments ?? []).filter { $0.network.id == networkID && !$0.addresses.isEmpty }
    }

    private static func addresses(of task: SwarmTask, in networkID: String) -> [IPAddress] {
        attachments(of: task, in: networkID).flatMap { $0.addresses.map(\.address) }
    }

    private static func meshPorts(
        _ objects: SwarmState, eligible: [SwarmTask], ingressID: String?
    ) -> [SwarmNetworkState.MeshPort] {
        guard let ingressID else { return [] }
        return objects.services.values.sorted { $0.id < $1.id }.flatMap { service in
            let backends = eligible.filter { $0.serviceID == service.id }.flatMap { addresses(of: $0, in: ingressID) }
            return (service.endpoint.ports ?? []).compactMap { port -> SwarmNetworkState.MeshPort? in
                guard port.isOnMesh,
                    let published = port.publishedPort.flatMap({ UInt16(exactly: $0) }), published > 0,
                    let target = UInt16(exactly: port.targetPort),
                    let transport = port.transport
                else { return nil }
                return SwarmNetworkState.MeshPort(
                    transport: transport, publishedPort: published, targetPort: target,
                    serviceID: service.id, backends: backends)
            }
        }
    }

    private static func services(
        _ objects: SwarmState, in networkID: String, present: [SwarmTask], eligible: [SwarmTask]
    ) -> [SwarmNetworkState.ServiceAddress] {
        objects.services.values.sorted { $0.id < $1.id }.compactMap { service in
            let wanted = (service.spec.taskTemplate.networks ?? []) + (service.spec.networks ?? [])
            let virtual = (service.endpoint.virtualIPs ?? []).filter { $0.networkID == networkID }
            let virtualAddresses = HostAddresses(virtual.compactMap(\.addr?.address))
            let own = present.filter { $0.serviceID == service.id }
            let inNetwork = own.filter { !addresses(of: $0, in: networkID).isEmpty }
            guard !virtual.isEmpty || wanted.contains(where: { $0.target == networkID }) || !inNetwork.isEmpty else {
                return nil
            }
            let backends = eligible.filter { $0.serviceID == service.id }.flatMap { addresses(of: $0, in: networkID) }
            let aliases = wanted.filter { $0.target == networkID }.flatMap { $0.aliases ?? [] }
            return SwarmNetworkState.ServiceAddress(
                serviceID: service.id, name: service.spec.name, aliases: aliases,
                virtualAddresses: virtualAddresses.isEmpty ? nil : virtualAddresses,
                backends: backends, tasks: backends)
        }
    }
}
