import Addressing
import Cluster
import EngineInterface
import Model

extension Timestamp {
    /// Since 1970; 0 for the API's word for no moment.
    var milliseconds: Int64 {
        self == .zero ? 0 : clampedNanosecondsSinceEpoch / 1_000_000
    }

    init(milliseconds: Int64) {
        self.init(seconds: milliseconds / 1000, nanoseconds: milliseconds % 1000 * 1_000_000)
    }
}

extension NodeView {
    init(_ node: Node) {
        self.init(id: node.id)
        name = (node.description?.hostname ?? node.spec.name ?? node.id).cut(to: .value)
        role = node.spec.role.rawValue
        isLeader = node.managerStatus?.leader ?? false
        state = node.status.state.rawValue
        availability = node.spec.availability.rawValue
        reachability = node.managerStatus?.reachability
        address = node.status.addr?.description ?? ""
        engine = node.description?.engine.engineVersion ?? ""
        if let platform = node.description?.platform { system = "\(platform.system)/\(platform.architecture)" }
        cpus = Double(node.description?.resources.nanoCPUs ?? 0) / 1e9
        memory = node.description?.resources.memoryBytes ?? 0
        message = node.status.message.flatMap { $0.isEmpty ? nil : $0.cut(to: .reason) }
        labels = node.spec.labels.cut
        moreLabels = ListBound.leftOut(of: node.spec.labels.count)
        version = node.version.index
    }
}

extension ServiceView {
    init(_ service: Service) {
        self.init(id: service.id)
        let spec = service.spec
        name = spec.name
        image = spec.taskTemplate.containerSpec?.image ?? ""
        mode =
            spec.mode.global != nil
            ? "global"
            : spec.mode.replicatedJob != nil
                ? "replicated-job" : spec.mode.globalJob != nil ? "global-job" : "replicated"
        running = Int(clamping: service.serviceStatus?.runningTasks ?? 0)
        desired = Int(clamping: service.serviceStatus?.desiredTasks ?? 0)
        if mode.hasSuffix("job") { completed = Int(clamping: service.serviceStatus?.completedTasks ?? 0) }
        version = service.version.index
        createdAt = service.createdAt.milliseconds
        updatedAt = service.updatedAt.milliseconds
        ports = (service.endpoint.ports ?? []).map {
            PortView(
                published: $0.publishedPort ?? 0, target: $0.targetPort, transport: $0.protocol ?? "tcp",
                mode: $0.publishMode ?? "ingress", last: $0.count > 1 ? $0.publishedPorts?.upperBound : nil)
        }
        addresses = (service.endpoint.virtualIPs ?? []).map {
            AddressView(network: $0.networkID, address: $0.addr.map { "\($0.address)" } ?? "")
        }
        networks = (spec.taskTemplate.networks ?? spec.networks ?? []).compactMap(\.target)
        labels = spec.labels.cut
        moreLabels = ListBound.leftOut(of: spec.labels.count)
        memoryLimit = spec.taskTemplate.resources?.limits?.memoryBytes
        cpuLimit = spec.taskTemplate.resources?.limits?.nanoCPUs.nonZero.map { Double($0) / 1e9 }
        let all = spec.taskTemplate.placement?.constraints ?? []
        constraints = all.prefix(ListBound.most).map { $0.cut(to: .value) }
        moreConstraints = ListBound.leftOut(of: all.count)
        canRollBack = service.previousSpec != nil
        if let status = service.updateStatus, let state = status.state {
            update = UpdateView(
                state: state, message: status.message, startedAt: status.startedAt?.milliseconds,
                completedAt: status.completedAt?.milliseconds,
                parallelism: spec.updateConfig?.parallelism ?? 1)
        }
    }
}

extension TaskView {
    init(_ task: SwarmTask) {
        self.init(id: task.id)
        service = task.serviceID
        slot = task.slot
        node = task.nodeID
        state = task.status.state.rawValue
        desired = task.desiredState.rawValue
        image = task.spec.containerSpec?.image ?? ""
        createdAt = task.createdAt.milliseconds
        since = task.status.timestamp.milliseconds
        message = task.status.message?.cut(to: .reason)
        error = task.status.err.flatMap { $0.isEmpty ? nil : $0.cut(to: .reason) }
        if task.status.state.isTerminal { exitCode = task.status.containerStatus?.exitCode }
        container = task.status.containerStatus?.containerID.nonEmpty
        addresses = (task.networksAttachments ?? []).flatMap { attachment in
            attachment.addresses.map { AddressView(network: attachment.network.id, address: "\($0.address)") }
        }
        memoryLimit = task.spec.resources?.limits?.memoryBytes
    }
}

extension NetworkView {
    init(_ network: NetworkResource) {
        self.init(id: network.identifier)
        name = network.name
        driver = network.driver
        scope = network.scope
        subnets = (network.ipam.config ?? []).compactMap(\.subnet)
        isEncrypted = network.options?["encrypted"].map { $0 != "false" } ?? false
        isInternal = network.internal
        isIngress = network.ingress
        isAttachable = network.attachable
        createdAt = network.created.milliseconds
    }
}

extension [NetworkView] {
    /// Addresses that live tasks and services have, of the first subnet when that is one of IPv4; nodes' own are not among them.
    mutating func countAddresses(of tasks: [SwarmTask], _ services: [Service]) {
        var used: [String: Set<String>] = [:]
        for place in tasks.flatMap(\.shownAddresses) + services.flatMap(\.shownAddresses) {
            used[place.network, default: []].insert(place.address)
        }
        for index in indices {
            let addresses = used[self[index].id]?.count ?? 0
            self[index].count(addresses)
        }
    }
}

extension NetworkView {
    /// Tells that so many addresses are in use, where they are counted.
    mutating func count(_ addresses: Int) {
        guard let length = subnets.first.flatMap(Self.prefixLength), (8...30).contains(length) else { return }
        used = addresses
        total = (1 << (32 - length)) - 2
    }

    private static func prefixLength(_ subnet: String) -> Int? {
        let parts = subnet.split(separator: "/")
        guard parts.count == 2, !subnet.contains(":") else { return nil }
        return parts.last.flatMap { Int($0) }
    }
}

extension SwarmTask {
    /// What is counted of it as in use of networks: one address of each while it is live.
    var shownAddresses: [AddressView] {
        guard !status.state.isTerminal, !isAttachment else { return [] }
        return (networksAttachments ?? []).compactMap { attachment in
            attachment.addresses.first.map { AddressView(network: attachment.network.id, address: "\($0)") }
        }
    }
}

extension Service {
    /// What is counted of it as in use of networks: its own addresses.
    var shownAddresses: [AddressView] {
        (endpoint.virtualIPs ?? []).compactMap { held in
            held.addr.map { AddressView(network: held.networkID, address: "\($0)") }
        }
    }
}

extension ContainerView {
    init(_ container: ContainerSummary, node: String) {
        self.init(id: container.identifier)
        let first = container.names.first ?? container.identifier
        name = first.hasPrefix("/") ? String(first.dropFirst()) : first
        image = container.image
        state = container.state
        status = container.status
        let (milliseconds, isTooFar) = container.created.multipliedReportingOverflow(by: 1000)
        createdAt = isTooFar ? 0 : milliseconds
        self.node = node
    }
}

extension DashboardState {
    /// Adds containers of other nodes than one.
    mutating func add(_ board: StandaloneBoard, but own: String, now: Timestamp) {
        for place in board.places where place.nodeID != own {
            containers.append(ContainerView(place, now: now))
        }
        for index in nodes.indices where nodes[index].id != own {
            let more = board.leftOut(of: nodes[index].id)
            nodes[index].moreContainers = more > 0 ? more : nil
        }
    }
}

extension ContainerView {
    init(_ place: StandaloneBoard.Place, now: Timestamp) {
        let container = place.container
        self.init(id: container.id)
        createdAt = container.created.milliseconds
        image = container.image
        name = container.name
        node = place.nodeID
        state = container.state
        status = container.status(now: now)
    }
}

/// How much is shown of texts of others: every tab is told the whole of it.
enum TextBound: Int {
    case value = 256
    case reason = 4096
}

/// How many labels or constraints of one object are shown.
enum ListBound {
    static let most = 64

    /// How many of so many are not shown; `nil` for none.
    static func leftOut(of count: Int) -> Int? { count > most ? count - most : nil }
}

extension String {
    /// The beginning of it, with a mark where something was left out.
    func cut(to bound: TextBound) -> String {
        guard utf8.count > bound.rawValue else { return self }
        return String(decoding: utf8.prefix(bound.rawValue), as: UTF8.self) + "…"
    }
}

extension [String: String] {
    /// The first in order of their names.
    var cut: [String: String] {
        let few = sorted { $0.key < $1.key }.prefix(ListBound.most).map {
            ($0.key.cut(to: .value), $0.value.cut(to: .value))
        }
        return Dictionary(few) { first, _ in first }
    }
}

extension Int64 {
    fileprivate var nonZero: Int64? { self == 0 ? nil : self }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
