import Addressing
import Cluster
import EngineInterface
import Logging
import Model
import Telemetry

/// What the swarm's part of the node tells for metrics.
struct SwarmMetrics: Sendable {
    let swarm: any SwarmBackend & NodeBackend & ServiceBackend & TaskBackend
    let networks: any NetworkBackend
    /// What nodes have told of themselves; `nil` on a node that is not told.
    let board: @Sendable () async -> PulseBoard?
    /// Where nodes serve their metrics, by their ids.
    let addresses: @Sendable () async -> [String: NodeMetricsAddress]
    /// What networks have of addresses; nothing on a node that is no manager.
    let subnets: @Sendable () async -> [SubnetCount]
    /// How posting of alerts goes; `nil` where nobody is to be told.
    let webhook: @Sendable () async -> PostingState?
    /// What the manager's member of the store tells; `nil` where it does not.
    let store: @Sendable () async -> StoreMetrics?
    let log: Logger

    /// `nil` on a node that is in no swarm.
    func facts() async -> SwarmFacts? {
        let info = await swarm.swarmInfo()
        guard info.localNodeState == "active" else { return nil }
        var facts = SwarmFacts(nodeID: info.nodeID, swarmID: info.cluster?.id ?? "", manager: nil)
        guard info.controlAvailable else { return facts }
        facts.store = await store()
        facts.webhook = await webhook()
        do {
            facts.manager = counts(
                info, nodes: try await swarm.listNodes(Filters()),
                services: try await swarm.listServices(Filters(), withStatus: false),
                tasks: try await swarm.listTasks(Filters()),
                networks: try await networks.listNetworks(Filters(["scope": ["swarm"]])))
        } catch { log.debug("the swarm's metrics are left out", metadata: ["error": "\(error)"]) }
        return facts
    }

    private func counts(
        _ info: SwarmInfo, nodes: [Node], services: [Service], tasks: [SwarmTask], networks: [NetworkResource]
    ) -> SwarmFacts.Counts {
        var counts = SwarmFacts.Counts()
        counts.services = services.count
        counts.networks = networks.count
        counts.isLeader = nodes.contains { $0.id == info.nodeID && $0.managerStatus?.leader == true }
        for node in nodes { counts.nodes[node.status.state.rawValue, default: 0] += 1 }
        for task in tasks { counts.tasks[task.status.state.rawValue, default: 0] += 1 }
        return counts
    }

    /// Where nodes serve their metrics: those that do and that others reach; `nil` on a node that is no manager.
    func targets() async -> [ScrapeTarget]? {
        let info = await swarm.swarmInfo()
        guard info.localNodeState == "active", info.controlAvailable else { return nil }
        do {
            let addresses = await addresses()
            return try await swarm.listNodes(Filters()).sorted { $0.id < $1.id }.compactMap { node in
                guard let served = addresses[node.id] else { return nil }
                // What is on loopback is this node's to scrape.
                let here = node.id == info.nodeID && served.host.isLoopback ? served.description : nil
                guard let address = served.reached(at: node.status.addr) ?? here else { return nil }
                return ScrapeTarget(address: address, labels: labels(of: node))
            }
        } catch {
            log.debug("targets are not known at present", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func labels(of node: Node) -> [String: String] {
        var labels = [
            "id": node.id, "address": node.status.addr?.description ?? "", "hostname": node.description?.hostname ?? "",
            "availability": node.spec.availability.rawValue, "role": node.spec.role.rawValue,
            "status": node.status.state.rawValue,
            "engine_version": node.description?.engine.engineVersion ?? "",
            "platform_architecture": node.description?.platform.architecture ?? "",
            "platform_os": node.description?.platform.system ?? "",
        ]
        if let manager = node.managerStatus {
            labels["manager_address"] = manager.addr?.description ?? ""
            labels["manager_leader"] = manager.leader == true ? "true" : "false"
            labels["manager_reachability"] = manager.reachability
        }
        for (name, value) in node.spec.labels { labels["label_" + name] = value }
        return labels
    }

    /// Places that tasks have on networks, until they have ended.
    private static func endpoints(of tasks: [SwarmTask], in networks: [NetworkResource]) -> [ClusterFacts.Endpoints] {
        var counts: [String: Int] = [:]
        for task in tasks where !task.status.state.isTerminal {
            for attachment in task.networksAttachments ?? [] { counts[attachment.network.id, default: 0] += 1 }
        }
        return networks.map {
            ClusterFacts.Endpoints(network: $0.name, networkID: $0.identifier, count: counts[$0.identifier] ?? 0)
        }
    }

    /// `nil` on a node that is no manager.
    func cluster() async -> ClusterFacts? {
        let info = await swarm.swarmInfo()
        guard info.localNodeState == "active", info.controlAvailable else { return nil }
        do {
            let nodes = try await swarm.listNodes(Filters())
            let services = try await swarm.listServices(Filters(), withStatus: true)
            let tasks = try await swarm.listTasks(Filters())
            let networks = try await networks.listNetworks(Filters(["scope": ["swarm"]]))
            let board = await board() ?? PulseBoard()
            var facts = ClusterFacts()
            facts.nodes = nodes.map { node in
                ClusterFacts.Node(
                    id: node.id, hostname: node.description?.hostname ?? "", state: node.status.state.rawValue,
                    pulse: board.pulse(ofNode: node.id, now: Timestamp.now.seconds))
            }
            facts.subnets = await subnets()
            facts.endpoints = Self.endpoints(of: tasks, in: networks)
            var states: [String: [String: Int]] = [:]
            var draining: [String: Int] = [:]
            for task in tasks {
                states[task.serviceID, default: [:]][task.status.state.rawValue, default: 0] += 1
                if task.isDraining { draining[task.serviceID, default: 0] += 1 }
            }
            facts.services = services.map { service in
                ClusterFacts.Service(
                    id: service.id, name: service.spec.name,
                    desired: Int(clamping: service.serviceStatus?.desiredTasks ?? 0), tasks: states[service.id] ?? [:],
                    draining: draining[service.id] ?? 0, updateState: service.updateStatus?.state ?? "")
            }
            let names = Dictionary(services.map { ($0.id, $0.spec.name) }, uniquingKeysWith: { first, _ in first })
            facts.tasks = tasks.map { task in
                let service = names[task.serviceID] ?? ""
                return ClusterFacts.TaskName(
                    id: task.id, serviceName: service,
                    name: "\(service).\(task.slot.map(String.init) ?? task.nodeID ?? "")")
            }
            facts.swarm = SwarmFacts(
                nodeID: info.nodeID, swarmID: info.cluster?.id ?? "",
                manager: counts(info, nodes: nodes, services: services, tasks: tasks, networks: networks))
            return facts
        } catch {
            log.debug("the swarm's metrics are not known at present", metadata: ["error": "\(error)"])
            return nil
        }
    }
}
