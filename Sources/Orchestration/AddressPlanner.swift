import Addressing
import Model

/// Gives services their VIPs and ports, nodes their ingress addresses and tasks their attachments.
///
/// What is in use is read off the objects that own it. The allocators' places in their circles are kept from one run to
/// the next, so that a freed address rests for a while.
struct AddressPlanner {
    private var allocators: [String: AddressAllocator] = [:]
    private var inUse: [String: Set<IPAddress>] = [:]

    /// Published ports chosen by the swarm. Source: Docker's documentation of `--publish`.
    static let dynamicPorts = 30_000...32_767

    mutating func run(_ draft: inout SwarmDraft) {
        collect(draft.state)
        for service in draft.state.services.values.sorted(by: { $0.id < $1.id })
        where !Self.hasUnreadNetwork(service.spec, draft.state) {
            allocate(service, &draft)
        }
        for node in draft.state.nodes.values.sorted(by: { $0.id < $1.id }) { allocate(node, &draft) }
        for task in draft.state.tasks.values.sorted(by: { $0.id < $1.id })
        where task.status.state == .new && task.isWanted {
            allocate(task, &draft)
        }
    }

    /// Whether a network cannot be read that the service is on: what it has there is kept as it is.
    private static func hasUnreadNetwork(_ spec: ServiceSpec, _ state: SwarmState) -> Bool {
        guard !state.unread.isEmpty else { return false }
        return spec.attachedNetworks.contains { state.isUnread(network: $0.target) }
            || spec.ports.contains(where: \.isOnMesh) && state.ingressNetwork == nil
    }

    private mutating func collect(_ state: SwarmState) {
        inUse = [:]
        for network in state.networks.values {
            var fresh = AddressAllocator(network.addressRanges)
            if allocators[network.id]?.ranges == fresh.ranges { continue }
            for address in Self.history(of: network.id, state) { fresh.resume(after: address) }
            allocators[network.id] = fresh
        }
        allocators = allocators.filter { state.networks[$0.key] != nil }
        for service in state.services.values {
            for vip in service.endpoint.virtualIPs ?? [] { claim(vip.addr?.address, in: vip.networkID) }
        }
        for task in state.tasks.values where task.isLive {
            for attachment in task.networksAttachments ?? [] {
                for address in attachment.addresses { claim(address.address, in: attachment.network.id) }
            }
        }
        if let ingress = state.ingressNetwork {
            for address in state.nodes.values.flatMap({ $0.membership?.ingressAddresses?.all ?? [] }) {
                claim(address, in: ingress.id)
            }
        }
    }

    /// Addresses of a network's services and tasks, those that have ended included, the oldest first: a new leader goes on where the
    /// one before was.
    private static func history(of network: String, _ state: SwarmState) -> [IPAddress] {
        let virtual = state.services.values.flatMap { service in
            (service.endpoint.virtualIPs ?? []).filter { $0.networkID == network }.compactMap(\.addr).map {
                (service.createdAt, $0.address)
            }
        }
        let own = state.tasks.values.flatMap { task in
            (task.networksAttachments ?? []).filter { $0.network.id == network }.flatMap(\.addresses).map {
                (task.createdAt, $0.address)
            }
        }
        return (virtual + own).sorted { $0 < $1 }.map(\.1)
    }

    private mutating func claim(_ address: IPAddress?, in network: String) {
        guard let address else { return }
        inUse[network, default: []].insert(address)
    }

    private mutating func take(in network: String) -> IPNetwork? {
        let used = inUse[network] ?? []
        guard let found = allocators[network]?.allocate(isInUse: { used.contains($0) }) else { return nil }
        inUse[network, default: []].insert(found.address)
        return found
    }

    private mutating func allocate(_ service: Service, _ draft: inout SwarmDraft) {
        var service = service
        var wanted = service.spec.usesVirtualIPs ? service.spec.attachedNetworks.map(\.target) : []
        if service.spec.ports.contains(where: \.isOnMesh), let ingress = draft.state.ingressNetwork {
            wanted.insert(ingress.id, at: 0)
        }
        wanted = wanted.filter { draft.state.networks[$0] != nil }
        var addresses = (service.endpoint.virtualIPs ?? []).filter { wanted.contains($0.networkID) }
        for network in wanted where !addresses.contains(where: { $0.networkID == network }) {
            guard let address = take(in: network) else { continue }
            addresses.append(VirtualIP(networkID: network, addr: address))
        }
        service.endpoint.virtualIPs = addresses.isEmpty ? nil : addresses
        service.endpoint.spec = service.spec.endpointSpec
        service.endpoint.ports = assignPorts(of: service, draft.state)
        draft.put(service)
    }

    /// The service's ports with the swarm's choice where the user left one open; a choice once made is kept.
    private func assignPorts(of service: Service, _ state: SwarmState) -> [PortConfig]? {
        guard !service.spec.ports.isEmpty else { return nil }
        var taken = Set(
            state.services.values.filter { $0.id != service.id }
                .flatMap { ($0.endpoint.ports ?? []) + $0.spec.ports }.filter(\.isOnMesh).map { PortIdentity($0) })
        var earlier = service.endpoint.ports ?? []
        return service.spec.ports.map { port in
            guard (port.publishedPort ?? 0) == 0, port.isOnMesh else { return port }
            var port = port
            if let index = earlier.firstIndex(where: {
                $0.targetPort == port.targetPort && $0.transport == port.transport && $0.isOnMesh
            }) {
                port.publishedPort = earlier.remove(at: index).publishedPort
            } else {
                port.publishedPort = Self.dynamicPorts.first {
                    !taken.contains(PortIdentity(transport: port.transport, number: $0))
                }
            }
            taken.insert(PortIdentity(port))
            return port
        }
    }

    private mutating func allocate(_ node: Node, _ draft: inout SwarmDraft) {
        guard let ingress = draft.state.ingressNetwork, node.membership?.ingressAddresses == nil,
            node.description != nil,
            let address = take(in: ingress.id)
        else { return }
        var node = node
        var membership = node.membership ?? Node.Membership()
        membership.ingressAddresses = HostAddresses(address.address)
        node.membership = membership
        draft.put(node)
    }

    /// Gives a container outside of services its address; its node is known, so nothing is left to plan.
    private mutating func attach(_ task: SwarmTask, _ wish: NetworkAttachmentSpec, _ draft: inout SwarmDraft) {
        let target = task.spec.networks?.first?.target ?? ""
        guard let network = draft.state.networks[target] else {
            if draft.state.isUnread(network: target) { return }
            return fail(task, "network \(target) not found", &draft)
        }
        let address: IPNetwork
        if let text = wish.address {
            guard let wanted = take(text, in: network.id) else { return fail(task, "Address already in use", &draft) }
            address = wanted
        } else {
            guard let free = take(in: network.id) else { return fail(task, Self.exhausted(network), &draft) }
            address = free
        }
        var task = task
        var attachment = NetworkAttachment(network: network, addresses: [address])
        attachment.aliases = wish.aliases
        task.networksAttachments = [attachment]
        task.status = TaskStatus(.assigned, "address assigned", at: draft.now)
        draft.put(task)
    }

    /// Takes an address that the user asks for; `nil` when it is in use, kept back, or in none of the network's subnets.
    private mutating func take(_ text: String, in network: String) -> IPNetwork? {
        guard let address = IPAddress(ipv4: text), let allocator = allocators[network],
            let subnet = allocator.subnet(of: address), inUse[network]?.contains(address) != true,
            !allocator.ranges.contains(where: { $0.reserved.contains(address) })
        else { return nil }
        inUse[network, default: []].insert(address)
        return IPNetwork(address: address, prefixLength: subnet.prefixLength)
    }

    private static func exhausted(_ network: SwarmNetwork) -> String {
        "no available IPv4 addresses on this network's address pools: \(network.spec.name) (\(network.id))"
    }

    private mutating func allocate(_ task: SwarmTask, _ draft: inout SwarmDraft) {
        if let wish = task.spec.networkAttachmentSpec { return attach(task, wish, &draft) }
        guard let service = draft.state.services[task.serviceID] else { return }
        var task = task
        var attachments: [NetworkAttachment] = []
        var wanted = service.spec.attachedNetworks
        if service.spec.ports.contains(where: \.isOnMesh), let ingress = draft.state.ingressNetwork {
            var config = NetworkAttachmentConfig()
            config.target = ingress.id
            wanted.insert(config, at: 0)
        }
        for config in wanted {
            guard let network = draft.state.networks[config.target] else {
                return fail(task, "network \(config.target) not found", &draft)
            }
            guard let address = take(in: network.id) else {
                for attachment in attachments { release(attachment) }
                return fail(task, Self.exhausted(network), &draft)
            }
            var attachment = NetworkAttachment(network: network, addresses: [address])
            attachment.aliases = config.aliases
            attachments.append(attachment)
        }
        task.networksAttachments = attachments.isEmpty ? nil : attachments
        var assignment = task.assignment ?? SwarmTask.Assignment()
        assignment.serviceName = service.spec.name
        assignment.serviceLabels = service.spec.labels
        assignment.ports = service.endpoint.ports ?? []
        assignment.virtualIPs = service.endpoint.virtualIPs ?? []
        task.assignment = assignment
        task.status = TaskStatus(.pending, "pending task scheduling", at: draft.now)
        draft.put(task)
    }

    private mutating func release(_ attachment: NetworkAttachment) {
        for address in attachment.addresses { inUse[attachment.network.id]?.remove(address.address) }
    }

    /// The task stays new, with the reason in view; the next change of the state tries again.
    private func fail(_ task: SwarmTask, _ reason: String, _ draft: inout SwarmDraft) {
        guard task.status.err != reason else { return }
        var task = task
        task.status.err = reason
        task.status.message = "waiting for addresses"
        draft.put(task)
    }
}
