import Addressing
import HashTreeCollections
import Model

/// Gives services their VIPs and ports, nodes their ingress addresses and tasks their attachments.
struct AddressPlanner {
    var supply = AddressSupply()
    /// Services that lack an address or a port: each pass tries again.
    private var waitingServices: Set<String> = []
    /// Nodes that lack an address.
    private var waitingNodes: Set<String> = []
    /// Tasks that lack an address in the only network that they are to have one in.
    private var waitingTasks: [String: Waiting] = [:]

    private struct Waiting {
        var service: String
        var network: String
    }

    /// Published ports chosen by the swarm. Source: Docker's documentation of `--publish`.
    static let dynamicPorts = 30_000...32_767

    mutating func run(_ draft: inout SwarmDraft, _ scope: PlanScope) {
        supply.begin(scope, draft.state)
        for id in scope.services.union(waitingServices).sorted() {
            waitingServices.remove(id)
            guard let service = draft.state.services[id], !Self.hasUnreadNetwork(service.spec, draft.state) else {
                continue
            }
            if !allocate(service, &draft) { waitingServices.insert(id) }
        }
        for id in scope.nodes.union(waitingNodes).sorted() {
            waitingNodes.remove(id)
            guard let node = draft.state.nodes[id] else { continue }
            if !allocate(node, &draft) { waitingNodes.insert(id) }
        }
        for id in tasksToTry(draft, scope) {
            waitingTasks[id] = nil
            draft.looks.waiting += 1
            if let task = draft.state.tasks[id] { allocate(task, &draft) }
        }
    }

    /// Tasks without addresses, but for those that would get none again: nothing of them has changed, nor what is held in their network.
    private mutating func tasksToTry(_ draft: SwarmDraft, _ scope: PlanScope) -> [String] {
        let new = draft.state.tasks.lookup.new
        if scope.isWhole { waitingTasks = [:] }
        if waitingTasks.isEmpty { return new.keys.sorted() }
        if waitingTasks.count > 2 * new.count { waitingTasks = waitingTasks.filter { new[$0.key] != nil } }
        var networks: [String: Bool] = [:]
        func isFull(_ network: String) -> Bool {
            if let known = networks[network] { return known }
            let isFull = supply.isFull(network, draft.base)
            networks[network] = isFull
            return isFull
        }
        return new.keys.filter { id in
            guard let waiting = waitingTasks[id], isFull(waiting.network) else { return true }
            return scope.tasks.contains(id) || draft.changes.tasks.contains(id)
                || scope.services.contains(waiting.service) || draft.changes.services.contains(waiting.service)
        }.sorted()
    }

    /// Whether a network cannot be read that the service is on: what it has there is kept as it is.
    private static func hasUnreadNetwork(_ spec: ServiceSpec, _ state: SwarmState) -> Bool {
        guard !state.unread.isEmpty else { return false }
        return spec.attachedNetworks.contains { state.isUnread(network: $0.target) }
            || spec.ports.contains(where: \.isOnMesh) && state.ingressNetwork == nil
    }

    /// - Returns: Whether the service has all that it is to have.
    private mutating func allocate(_ service: Service, _ draft: inout SwarmDraft) -> Bool {
        var service = service
        var wanted = service.spec.usesVirtualIPs ? service.spec.attachedNetworks.map(\.target) : []
        if service.spec.ports.contains(where: \.isOnMesh), let ingress = draft.state.ingressNetwork {
            wanted.insert(ingress.id, at: 0)
        }
        wanted = wanted.filter { id in
            // A service has no address of its own where nodes choose them: its name leads to its tasks.
            draft.state.networks.shared(id).map { !$0.value.isNodeLocal } ?? false
        }
        let fixed = Dictionary(wanted.map { ($0, service.spec.fixedVirtualIP(in: $0)) }) { first, _ in first }
        var addresses = (service.endpoint.virtualIPs ?? []).filter { held in
            guard wanted.contains(held.networkID) else { return false }
            guard let fixed = fixed[held.networkID].flatMap(\.self), fixed.family == held.addr?.family else {
                return true
            }
            return fixed == held.addr?.address
        }
        var lacksAddress = false
        for network in wanted {
            let families = supply.families(of: network)
            if families.isEmpty { lacksAddress = true }
            for family in families
            where !addresses.contains(where: { $0.networkID == network && $0.addr?.family == family }) {
                let address =
                    if let fixed = fixed[network].flatMap(\.self), fixed.family == family {
                        supply.take(fixed, in: network, for: service.id, draft)
                    } else {
                        supply.take(family, in: network, draft)
                    }
                if let address {
                    addresses.append(VirtualIP(networkID: network, addr: address))
                } else {
                    lacksAddress = true
                }
            }
        }
        service.endpoint.virtualIPs = addresses.isEmpty ? nil : addresses
        service.endpoint.spec = service.spec.endpointSpec
        service.endpoint.ports = assignPorts(of: service, draft)
        draft.put(service)
        return !lacksAddress
            && (service.endpoint.ports ?? []).allSatisfy { !$0.isOnMesh || $0.publishedPort ?? 0 != 0 }
    }

    /// The service's ports with the swarm's choice where the user left one open; a choice once made is kept.
    private func assignPorts(of service: Service, _ draft: SwarmDraft) -> [PortConfig]? {
        guard !service.spec.ports.isEmpty else { return nil }
        var taken = PortCounts()
        let formerPorts = PortCounts(draft.base.services.shared(service.id)?.value.meshPorts ?? [])
        let presentPorts = PortCounts(draft.state.services.shared(service.id)?.value.meshPorts ?? [])
        func isTaken(_ port: PortIdentity) -> Bool {
            taken.count(meeting: port) > 0
                || draft.base.services.lookup.meshPorts.count(meeting: port) > formerPorts.count(meeting: port)
                || draft.state.services.lookup.meshPorts.count(meeting: port) > presentPorts.count(meeting: port)
        }
        let choosesSome = service.spec.ports.contains { ($0.publishedPort ?? 0) == 0 && $0.isOnMesh }
        var earlier = choosesSome ? (service.endpoint.ports ?? []).single : []
        return service.spec.ports.map { port in
            guard (port.publishedPort ?? 0) == 0, port.isOnMesh else { return port }
            var port = port
            if let index = earlier.firstIndex(where: {
                $0.targetPort == port.targetPort && $0.transport == port.transport && $0.isOnMesh
            }) {
                port.publishedPort = earlier.remove(at: index).publishedPort
            } else {
                port.publishedPort = Self.dynamicPorts.first {
                    !isTaken(PortIdentity(transport: port.transport, number: $0))
                }
            }
            taken.insert(PortIdentity(port))
            return port
        }
    }

    /// One of IPv6 is for a node whose program carries the mesh in both families, for as long as it does.
    ///
    /// - Returns: Whether the node has its addresses, or is not to have any yet.
    private mutating func allocate(_ node: Node, _ draft: inout SwarmDraft) -> Bool {
        var node = node
        guard let ingress = draft.state.ingressNetwork, node.description != nil else {
            if draft.state.lacksIngress, node.membership?.ingressAddresses != nil {
                node.membership?.ingressAddresses = nil
                draft.put(node)
            }
            return true
        }
        var membership = node.membership ?? Node.Membership()
        let isDual = membership.hasDualMesh == true
        // What it had in an ingress network of before is nothing in this one.
        var held = HostAddresses(
            (membership.ingressAddresses?.all ?? []).filter { supply.mayGive($0, in: ingress.id) })
        if !isDual, held.v4 != nil { held.v6 = nil }
        let lacking = supply.families(of: ingress.id).filter { held[$0] == nil && ($0 == .v4 || isDual) }
        let more = lacking.isEmpty ? [] : supply.takeAll(in: ingress.id, draft) { lacking.contains($0) }
        held = HostAddresses(held.all + (more ?? []).map(\.address))
        if !held.isEmpty, membership.ingressAddresses != held {
            membership.ingressAddresses = held
            node.membership = membership
            draft.put(node)
        }
        return more != nil && !held.isEmpty
    }

    /// Gives a container outside of services its address; its node is known, so nothing is left to plan.
    private mutating func attach(_ task: SwarmTask, _ requested: NetworkAttachmentSpec, _ draft: inout SwarmDraft) {
        let target = task.spec.networks?.first?.target ?? ""
        guard let network = draft.state.networks[target] else {
            if draft.state.isUnread(network: target) { return }
            return fail(task, "network \(target) not found", &draft)
        }
        func settle(_ addresses: [IPNetwork]) {
            var task = task
            var attachment = NetworkAttachment(network: network, addresses: addresses)
            attachment.aliases = requested.aliases
            task.networksAttachments = [attachment]
            task.status = TaskStatus(.assigned, "address assigned", at: draft.now)
            draft.put(task)
        }
        // Its node chooses, and sees to what is asked for.
        if network.isNodeLocal { return settle([]) }
        var asked: [IPAddress] = []
        switch requested.address {
        case nil: break
        case .hosts(let hosts): asked = hosts.all
        // Refused when it was asked for: nobody can have it.
        case .unread: return fail(task, "Address already in use", &draft)
        }
        var chosen: [IPNetwork] = []
        for address in asked {
            guard let wanted = supply.take(address, in: network.id, for: nil, draft) else {
                supply.giveBack(chosen, in: network.id)
                return fail(task, "Address already in use", &draft)
            }
            chosen.append(wanted)
        }
        guard let addresses = supply.takeAll(in: network.id, beside: chosen, draft) else {
            supply.giveBack(chosen, in: network.id)
            return fail(task, exhausted(network), &draft)
        }
        settle(addresses)
    }

    /// The family that has none left; IPv4 where that is not known.
    private func exhausted(_ network: SwarmNetwork) -> String {
        let family = supply.lackingFamily(in: network.id) == .v4 ? "IPv4" : "IPv6"
        return "no available \(family) addresses on this network's address pools: \(network.spec.name) (\(network.id))"
    }

    private mutating func allocate(_ task: SwarmTask, _ draft: inout SwarmDraft) {
        if let requested = task.spec.networkAttachmentSpec { return attach(task, requested, &draft) }
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
            if network.isNodeLocal {
                var attachment = NetworkAttachment(network: network, addresses: [])
                attachment.aliases = config.aliases
                attachment.driverOpts = config.linkOptions
                attachments.append(attachment)
                continue
            }
            if let reason = lack(of: service, in: network) {
                for attachment in attachments { supply.release(attachment) }
                return fail(task, reason, &draft)
            }
            var chosen: IPNetwork?
            if let fixed = service.spec.fixedTaskIP(in: network.id) {
                forsake(fixed, in: network.id, of: task, &draft)
                chosen = supply.take(fixed, in: network.id, for: service.id, draft)
                guard chosen != nil else {
                    for attachment in attachments { supply.release(attachment) }
                    return fail(task, Self.isTaken(fixed, network), &draft)
                }
            }
            // Nothing answers in a family that the task's own parameters switch off, and of the mesh all are led to whoever has an address.
            let isIPv4Alone = network.spec.ingress == true && task.spec.disablesIPv6
            let own = chosen.map { [$0] } ?? []
            let addresses = supply.takeAll(in: network.id, beside: own, draft) { !isIPv4Alone || $0 == .v4 }
            guard let addresses else {
                supply.giveBack(own, in: network.id)
                for attachment in attachments { supply.release(attachment) }
                if wanted.count == 1 { waitingTasks[task.id] = Waiting(service: service.id, network: network.id) }
                return fail(task, exhausted(network), &draft)
            }
            var attachment = NetworkAttachment(network: network, addresses: addresses)
            attachment.aliases = config.aliases
            attachment.driverOpts = config.linkOptions
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

    /// The task stays new, with the reason in view; the next change of the state tries again.
    private func fail(_ task: SwarmTask, _ reason: String, _ draft: inout SwarmDraft) {
        guard task.status.err != reason else { return }
        var task = task
        task.status.err = reason
        task.status.message = "waiting for addresses"
        draft.put(task)
    }
}

extension TaskSpec {
    /// Whether its own parameters switch IPv6 off.
    fileprivate var disablesIPv6: Bool {
        ["all", "default"].contains { containerSpec?.sysctls?["net.ipv6.conf.\($0).disable_ipv6"] == "1" }
    }
}
