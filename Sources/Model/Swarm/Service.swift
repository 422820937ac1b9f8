package import Addressing

/// A service: what should run, and where it is reached. Source: Engine API 1.50, `Service`.
package struct Service: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    @Boxed package var spec = ServiceSpec()
    @Boxed package var previousSpec: ServiceSpec? = nil
    @Zero package var endpoint: ServiceEndpoint
    package var updateStatus: UpdateStatus?
    /// Only in list answers that ask for it.
    package var serviceStatus: ServiceStatus?
    /// Only for jobs.
    package var jobStatus: JobStatus?
    /// How an update that is under way fares; what only the swarm itself needs, so the API does not show it.
    package var rollout: Rollout?
    /// Versions of the object from this one on have the present specification; the API does not show it.
    package var specSince: UInt64?
    /// Set when the user has removed it; it goes when its tasks are gone.
    package var pendingDelete: Bool?

    package init(id: String) { self.id = id }
}

/// What a user may change of a service.
package struct ServiceSpec: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var labels: [String: String]
    @Boxed package var taskTemplate = TaskSpec()
    @Zero package var mode: ServiceMode
    package var updateConfig: UpdateConfiguration?
    package var rollbackConfig: UpdateConfiguration?
    /// Superseded by the task template's; still read.
    package var networks: [NetworkAttachmentConfig]?
    package var endpointSpec: EndpointSpec?

    package init() {}

    /// The template as it is kept in memory: tasks made by it refer to it.
    var boxedTemplate: Boxed<TaskSpec> { _taskTemplate }

    /// Refers to the template of another specification where its own is the same.
    fileprivate mutating func share(with other: ServiceSpec) {
        if _taskTemplate == other._taskTemplate { _taskTemplate = other._taskTemplate }
    }
}

extension Service {
    /// Refers to the templates of an earlier version where its own are the same, as its tasks do.
    package mutating func share(with former: Service) {
        for known in [former.spec, former.previousSpec].compactMap(\.self) {
            spec.share(with: known)
            previousSpec?.share(with: known)
        }
    }

    /// Takes out what nodes pull images with: for whoever is neither a node nor the store.
    package mutating func leaveOutCredentials() {
        if spec.taskTemplate.registryAuth != nil { spec.taskTemplate.registryAuth = nil }
        if previousSpec?.taskTemplate.registryAuth != nil { previousSpec?.taskTemplate.registryAuth = nil }
    }
}

/// Exactly one of the four is set; none means one replica.
package struct ServiceMode: Codable, Sendable, Equatable {
    package var replicated: Replicated?
    package var global: Empty?
    package var replicatedJob: ReplicatedJob?
    package var globalJob: Empty?

    package init() {}

    /// So many tasks that run to their end.
    package struct ReplicatedJob: Codable, Sendable, Equatable {
        /// How many tasks may run at once; absent means 1.
        package var maxConcurrent: UInt64?
        /// How many tasks are to complete; absent means as many as run at once.
        package var totalCompletions: UInt64?
        package init(maxConcurrent: UInt64? = nil, totalCompletions: UInt64? = nil) {
            self.maxConcurrent = maxConcurrent
            self.totalCompletions = totalCompletions
        }
    }

    /// So many tasks that are kept running.
    package struct Replicated: Codable, Sendable, Equatable {
        /// Absent means 1.
        package var replicas: UInt64?
        package init(replicas: UInt64?) { self.replicas = replicas }
    }
}

/// Durations in nanoseconds.
package struct UpdateConfiguration: Codable, Sendable, Equatable {
    /// Tasks that are replaced at once; 0 means all.
    @Zero package var parallelism: UInt64
    /// Between one batch and the next.
    @OmittedZero package var delay: Int64
    /// `pause` (also when absent), `continue` or `rollback`, which is `pause` of rollbacks.
    package var failureAction: String?
    /// How long a new task is watched for failure; 0 means 5 s.
    @OmittedZero package var monitor: Int64
    /// 0 to 1: how many tasks of an update may fail.
    @Zero package var maxFailureRatio: Double
    /// `stop-first` (also when absent) or `start-first`.
    package var order: String?
    package init() {}
}

/// How the last update fares or has fared.
package struct UpdateStatus: Codable, Sendable, Equatable {
    /// `updating`, `paused`, `completed`, `rollback_started`, `rollback_paused`, `rollback_completed`.
    package var state: String?
    package var startedAt: Timestamp?
    package var completedAt: Timestamp?
    package var message: String?
    package init() {}
}

/// What an update has seen since it began.
package struct Rollout: Codable, Sendable, Equatable {
    /// Tasks that were made from then on belong to it.
    @Zero package var since: Timestamp
    /// How many places had to be updated when it began.
    @Zero package var places: Int
    /// Tasks of the update that failed while they were watched.
    @Zero package var failedTasks: [String]
    package init() {}
}

/// A job is executed anew whenever its service is updated.
package struct JobStatus: Codable, Sendable, Equatable {
    @Zero package var jobIteration: ObjectVersion
    package var lastExecution: Timestamp?
    package init(jobIteration: ObjectVersion, lastExecution: Timestamp?) {
        self.lastExecution = lastExecution
        self.jobIteration = jobIteration
    }
}

/// How a service is to be reached.
package struct EndpointSpec: Codable, Sendable, Equatable {
    /// ``EndpointMode/vip`` when absent.
    package var mode: EndpointMode?
    package var ports: [PortConfig]?
    package init() {}
}

/// What a service's name leads to.
package enum EndpointMode: Sendable, Equatable {
    /// An address of the service's own, behind which its tasks take turns.
    case vip
    /// The tasks' addresses, in changing order.
    case dnsrr
    /// Neither, as a request has it: refused by the manager that is asked.
    case other(String)
}

extension EndpointMode: RawRepresentable, Codable {
    package init(rawValue: String) {
        self =
            switch rawValue {
            case "vip": .vip
            case "dnsrr": .dnsrr
            default: .other(rawValue)
            }
    }

    package var rawValue: String {
        switch self {
        case .vip: "vip"
        case .dnsrr: "dnsrr"
        case .other(let text): text
        }
    }
}

/// A port of a service, asked for or given.
package struct PortConfig: Codable, Sendable, Equatable, Hashable {
    package var name: String?
    /// `tcp`, `udp`, `sctp`; absent means `tcp`.
    package var `protocol`: String?
    @Zero package var targetPort: Int
    /// 0 or absent: the swarm chooses one from 30000…32767.
    package var publishedPort: Int?
    /// `ingress` (also when absent) or `host`.
    package var publishMode: String?
    /// Places on each node at which it is published: addresses, subnets, names of links (``PublishPlace``). Docker has no such field: a request
    /// without it leaves what the port has, an empty one publishes everywhere.
    package var publishedOn: [String]?
    /// Only nodes that have a task answer. Not Docker's.
    package var onlyLocal: Bool?
    /// ``affinityToSource``, or absent: tasks take turns. Not Docker's.
    package var affinity: String?
    /// How many ports in a row this is about, each published at the number that is as far from the first as its target; absent: one. What is kept and
    /// sent between nodes has it, see ``single``; answers of the API have not.
    package var inRow: Int?
    package init() {}
}

/// How a service is reached: what was asked for, and what the swarm has given.
package struct ServiceEndpoint: Codable, Sendable, Equatable {
    package var spec: EndpointSpec?
    package var ports: [PortConfig]?
    package var virtualIPs: [VirtualIP]?
    package init() {}
}

/// A service's address in one network.
package struct VirtualIP: Codable, Sendable, Equatable, Hashable {
    @Zero package var networkID: String
    /// With its subnet's prefix length.
    package var addr: IPNetwork?
    package init(networkID: String, addr: IPNetwork?) {
        self.addr = addr
        self.networkID = networkID
    }
}

/// How many tasks there are, and how many there should be.
package struct ServiceStatus: Codable, Sendable, Equatable {
    /// Tasks in the state `running`.
    @Zero package var runningTasks: UInt64
    /// Tasks that are to run.
    @Zero package var desiredTasks: UInt64
    /// Of jobs: tasks of this execution that have completed.
    @Zero package var completedTasks: UInt64
    package init() {}
}

extension PortConfig {
    /// `nil` for a protocol that there is not: a request's, until it is refused.
    package var transport: TransportProtocol? { TransportProtocol(rawValue: self.protocol ?? "tcp") }
    /// The routing mesh carries it, rather than one node's own port.
    package var isOnMesh: Bool { (publishMode ?? "ingress") == "ingress" }
}
