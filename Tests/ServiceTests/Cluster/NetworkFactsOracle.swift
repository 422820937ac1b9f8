import Addressing
import Model
import Orchestration

@testable import Cluster

extension NetworkFacts {
    /// Computed from nothing: what ``NetworkIndex`` comes to by changes.
    /// - Parameter serving: Tasks that get new connections.
    init(_ objects: SwarmState, serving: Set<String>) {
        self.init()
        let ingress = objects.networks.values.filter { $0.spec.ingress == true }.min { $0.id < $1.id }
        let ends = objects.nodes.values.compactMap { $0.managerStatus?.addr?.description.split(separator: ":") }
        let usual: [UInt16] = [2377, 2380]
        let port = objects.cluster.flatMap { UInt16(exactly: $0.dataPathPort) }.flatMap { $0 == 0 ? nil : $0 }
        var swarm: [NetworkFact] = [
            .settings(
                .init(
                    dataPathPort: port ?? 4789,
                    controlPorts: Set(ends.compactMap { $0.last.flatMap { UInt16($0) } } + usual).sorted(),
                    managers: Set(ends.compactMap { $0.first.flatMap { IPAddress(ipv4: $0) } }).sorted()))
        ]
        let vteps = Dictionary(
            uniqueKeysWithValues: objects.nodes.values.compactMap { node in
                node.membership?.dataPathAddress.map { (node.id, $0) }
            })
        let ingressSubnets = ingress?.addressRanges.map(\.subnet) ?? []
        for node in objects.nodes.values {
            guard let address = vteps[node.id] else { continue }
            let own = (node.membership?.ingressAddresses?.all ?? []).compactMap { address in
                ingressSubnets.first { $0.family == address.family }.map {
                    IPNetwork(address: address, prefixLength: $0.prefixLength)
                }
            }
            swarm.append(
                .peer(
                    .init(
                        nodeID: node.id, hostname: node.description?.hostname ?? "", address: address,
                        ingressAddresses: own.isEmpty ? nil : EndpointAddresses(own),
                        assignedIngressTag: node.membership?.assignedIngressTag)))
        }
        for network in objects.networks.values {
            swarm.append(.subnets(network: network.id, network.addressRanges.map(\.subnet).sorted()))
        }
        let present = objects.tasks.values.filter(TaskShare.isPresent).sorted { $0.id < $1.id }
        let eligible = present.filter { serving.contains($0.id) }
        func addresses(_ task: SwarmTask, _ network: String) -> [IPAddress] {
            (task.networksAttachments ?? []).filter { $0.network.id == network }.flatMap { $0.addresses.map(\.address) }
        }
        let services = objects.services.values.sorted { $0.id < $1.id }
        var taken: Set<NetworkFact.PortKey> = []
        for service in services where ingress != nil {
            for port in service.endpoint.ports ?? [] where port.isOnMesh {
                guard let published = port.publishedPort.flatMap({ UInt16(exactly: $0) }), published > 0,
                    let target = UInt16(exactly: port.targetPort), let transport = port.transport
                else { continue }
                let key = NetworkFact.PortKey(transport, published)
                guard taken.insert(key).inserted else { continue }
                swarm.append(.port(.init(key, targetPort: target, serviceID: service.id)))
                for task in eligible where task.serviceID == service.id {
                    let own = task.nodeID.flatMap { objects.nodes[$0] }?.membership?.ingressAddresses
                    swarm += addresses(task, ingress?.id ?? "").filter { $0.family == .v4 || own?.v6 != nil }
                        .map { .meshBackend(key, $0) }
                }
            }
        }
        apply(NetworkChangeSet(.swarm, sequence: 0, upserts: swarm))
        for network in objects.networks.values where network.isAllocated {
            let id = network.id
            var facts: [NetworkFact] = [.network(network)]
            // Of several with one address the first: the last that is put stays.
            for task in present.reversed() {
                for attachment in (task.networksAttachments ?? []).reversed() where attachment.network.id == id {
                    guard let nodeID = task.nodeID, let vtep = vteps[nodeID], !attachment.addresses.isEmpty else {
                        continue
                    }
                    let container =
                        task.status.state == .running ? task.status.containerStatus?.containerID ?? "" : ""
                    facts.append(
                        .endpoint(
                            network: id,
                            .init(
                                addresses: attachment.endpointAddresses.hosts, assignedTag: attachment.assignedTag,
                                nodeID: nodeID, taskID: task.id, vtep: vtep, containerID: container,
                                names: [task.containerName]
                                    + (container.isEmpty ? [] : [String(container.prefix(12))]))))
                }
            }
            for service in services {
                let wanted = (service.spec.taskTemplate.networks ?? []) + (service.spec.networks ?? [])
                let virtual = (service.endpoint.virtualIPs ?? []).filter { $0.networkID == id }
                let own = present.filter { $0.serviceID == service.id && !addresses($0, id).isEmpty }
                guard !virtual.isEmpty || wanted.contains(where: { $0.target == id }) || !own.isEmpty else { continue }
                let addressed = HostAddresses(virtual.compactMap(\.addr?.address))
                facts.append(
                    .service(
                        network: id,
                        .init(
                            serviceID: service.id, name: service.spec.name,
                            aliases: wanted.filter { $0.target == id }.flatMap { $0.aliases ?? [] },
                            virtualAddresses: addressed.isEmpty ? nil : addressed)))
                for task in eligible where task.serviceID == service.id {
                    facts += addresses(task, id).map { .backend(network: id, service: service.id, $0) }
                }
            }
            apply(NetworkChangeSet(.network(id), sequence: 0, upserts: facts))
        }
    }
}
