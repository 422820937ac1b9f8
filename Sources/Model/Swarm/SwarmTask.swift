package import Addressing

/// One container's worth of a service, on one node, once: a task's state only advances, and a slot gets a new task, never a
/// restarted one. Called `Task` in the API; the name is taken in Swift.
package struct SwarmTask: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    package var name: String?
    @Zero package var labels: [String: String]
    @Boxed package var spec = TaskSpec()
    @Zero package var serviceID: String
    /// From 1 for replicated services, from 0 for replicated jobs; absent for global ones.
    package var slot: Int?
    package var nodeID: String?
    @Zero package var status: TaskStatus
    @Zero package var desiredState: TaskState
    package var networksAttachments: [NetworkAttachment]?
    package var genericResources: [GenericResource]?
    /// Which execution of a job the task belongs to.
    package var jobIteration: ObjectVersion?
    /// What only the swarm itself needs; the API does not show it.
    @Boxed package var assignment: Assignment? = nil

    package init(id: String) { self.id = id }

    /// What the swarm fills in when it makes a task, so that its node needs no other object.
    package struct Assignment: Codable, Sendable, Equatable {
        @Zero package var serviceName: String
        @Zero package var serviceLabels: [String: String]
        /// The service's ports, published ones filled in.
        @Zero package var ports: [PortConfig]
        /// The service's addresses, per network.
        @Zero package var virtualIPs: [VirtualIP]
        /// How many tasks of the same specification had ended in this place, one after another, before this one.
        @Zero package var attempt: Int
        /// When tasks of this place were last restarted, as far as the restart policy's window asks for it.
        package var restarts: [Timestamp]?
        /// What was to be published when the task was made; another request makes the task outdated.
        package var endpointSpec: EndpointSpec?
        /// An update has made the task, and watches it.
        @Zero package var isUpdate: Bool
        /// How it logs when its service does not say: the swarm's word at the time when it was made.
        package var logDriver: Driver?
        /// When the task was first reported to run.
        package var runningSince: Timestamp?
        package init() {}

        fileprivate func sharing(_ other: Self) -> Self {
            var shared = self
            if serviceName == other.serviceName { shared.serviceName = other.serviceName }
            if serviceLabels == other.serviceLabels { shared.serviceLabels = other.serviceLabels }
            if ports == other.ports { shared.ports = other.ports }
            if virtualIPs == other.virtualIPs { shared.virtualIPs = other.virtualIPs }
            if endpointSpec == other.endpointSpec { shared.endpointSpec = other.endpointSpec }
            if logDriver == other.logDriver { shared.logDriver = other.logDriver }
            return shared
        }
    }

    /// Whether the task is made by a service's template as it is.
    package func isMade(by spec: ServiceSpec) -> Bool { _spec == spec.boxedTemplate }

    /// Refers to the specification and the networks that others have in memory where its own are the same: of thousands of tasks of a service each
    /// would have them once more.
    ///
    /// - Parameters:
    ///   - service: The task's, if it is known.
    ///   - others: Tasks that may have the same, such as an earlier version of it.
    package mutating func share(with service: Service?, _ others: [SwarmTask]) {
        let specs =
            [service?.spec.boxedTemplate, service?.previousSpec?.boxedTemplate].compactMap(\.self)
            + others.map { $0._spec }
        if let spec = specs.first(where: { $0 == _spec }) { _spec = spec }
        if let service, service.id == serviceID { serviceID = service.id }
        for other in others {
            if _assignment == other._assignment { _assignment = other._assignment }
            if networksAttachments == other.networksAttachments { networksAttachments = other.networksAttachments }
        }
        guard let other = others.first else { return }
        for index in (networksAttachments ?? []).indices {
            networksAttachments?[index].share(with: other.networksAttachments ?? [])
        }
        guard let assignment, let known = other.assignment, _assignment != other._assignment else { return }
        self.assignment = assignment.sharing(known)
    }

    /// Takes out what its node pulls the image with: for whoever is neither a node nor the store.
    package mutating func leaveOutCredentials() {
        if spec.registryAuth != nil { spec.registryAuth = nil }
    }

    /// Its service's labels, as they were when the task was made.
    package var serviceLabels: [String: String] { assignment?.serviceLabels ?? [:] }

    /// `<service>.<slot>.<task id>`, or with the node's id for global services: the name of the task's container.
    package var containerName: String {
        "\(assignment?.serviceName ?? serviceID).\(slot.map(String.init) ?? nodeID ?? "").\(id)"
    }
}

/// A task's place in its one-way life, in order.
package enum TaskState: String, Codable, Sendable, CaseIterable, Comparable {
    case new, allocated, pending, assigned, accepted, preparing, ready, starting, running
    case complete, shutdown, failed, rejected, remove, orphaned

    /// Position in ``allCases``. States are compared all the time: it is not looked for.
    package var order: Int {
        switch self {
        case .new: 0
        case .allocated: 1
        case .pending: 2
        case .assigned: 3
        case .accepted: 4
        case .preparing: 5
        case .ready: 6
        case .starting: 7
        case .running: 8
        case .complete: 9
        case .shutdown: 10
        case .failed: 11
        case .rejected: 12
        case .remove: 13
        case .orphaned: 14
        }
    }
    package static func < (left: Self, right: Self) -> Bool { left.order < right.order }
    /// No further state but removal follows.
    package var isTerminal: Bool { self > .running }
}

extension SwarmTask {
    /// It runs though the swarm wants it to stop: nodes let go of it before it is told so, and then it takes its time to end.
    package var isDraining: Bool { status.state == .running && desiredState > .complete }
}

/// How far a task has come, and why not further.
package struct TaskStatus: Codable, Sendable, Equatable {
    @Zero package var timestamp: Timestamp
    @Zero package var state: TaskState
    package var message: String?
    package var err: String?
    package var containerStatus: ContainerStatus?
    package var portStatus: PortStatus?
    /// Addresses that the node has chosen for the task, in networks whose addresses nodes choose. In what nodes report alone: managers keep them
    /// where the swarm's own are, see ``NetworkAttachment``.
    package var chosenAddresses: [ChosenAddresses]?

    package init() {}
    package init(_ state: TaskState, _ message: String, at timestamp: Timestamp, error: String? = nil) {
        self.state = state
        self.message = message
        self.timestamp = timestamp
        err = error
    }

    /// The task's container.
    package struct ContainerStatus: Codable, Sendable, Equatable {
        @Zero package var containerID: String
        /// In its node's pid namespace; 0 when it does not run.
        @Zero package var processID: Int
        @Zero package var exitCode: Int
        /// What the container that holds an attachment is called now; absent for containers of services.
        package var name: String?
        package init() {}
    }
    /// A task's addresses in one network, as its node has chosen them.
    package struct ChosenAddresses: Codable, Sendable, Equatable {
        @Zero package var networkID: String
        /// With their subnets' prefix lengths, one of a family.
        @Zero package var addresses: [IPNetwork]

        package init(networkID: String, addresses: [IPNetwork]) {
            self.addresses = addresses
            self.networkID = networkID
        }
    }
    /// Ports of its node that the task has for itself (mode `host`).
    package struct PortStatus: Codable, Sendable, Equatable {
        package var ports: [PortConfig]?
        package init() {}
    }
}

/// A task's addresses in one network.
package struct NetworkAttachment: Codable, Sendable, Equatable {
    @Boxed package var network = SwarmNetwork.zero
    /// With their subnets' prefix lengths. Where nodes choose them, none until the node has told.
    @Zero package var addresses: [IPNetwork]
    package var aliases: [String]?
    /// Options of the task's link, see ``NetworkAttachmentConfig/linkOptions``. Absent where there are none, and from managers of before.
    package var driverOpts: [String: String]?
    /// `nil`: the one that follows from the addresses.
    package var assignedTag: EndpointTag?

    package init(network: SwarmNetwork, addresses: [IPNetwork], assignedTag: EndpointTag? = nil) {
        self.network = network
        self.addresses = addresses
        self.assignedTag = assignedTag
    }

    fileprivate mutating func share(with others: [NetworkAttachment]) {
        guard let known = others.first(where: { $0._network == _network }) else { return }
        _network = known._network
        if driverOpts == known.driverOpts { driverOpts = known.driverOpts }
    }

    package var endpointAddresses: EndpointAddresses { EndpointAddresses(addresses) }
    package var tag: EndpointTag { assignedTag ?? EndpointTag(defaultFor: endpointAddresses.hosts) }
}
