// What the page shows of the cluster, as JSON in the spelling of these properties. Times are milliseconds since 1970. Nothing here has values of
// variables, of secrets or of the store: whoever may look may see all of it.

/// The cluster as the manager that is asked knows it.
package struct DashboardState: Sendable, Equatable {
    package var cluster: ClusterView
    package var nodes: [NodeView] = []
    package var services: [ServiceView] = []
    package var tasks: [TaskView] = []
    package var networks: [NetworkView] = []
    /// Containers that belong to no task, of all nodes.
    package var containers: [ContainerView] = []
    package var alerts: [AlertView] = []
    package var paths: [PathView] = []

    package init(cluster: ClusterView) { self.cluster = cluster }
}

/// The cluster itself, and who answers.
package struct ClusterView: Codable, Sendable, Equatable {
    package var id = ""
    package var name = ""
    /// Who answers: the node's name and its id.
    package var node = ""
    package var nodeID = ""
    package var version = ""
    package var managers = 0
    /// Managers that answer; with half of them or fewer nothing can be changed.
    package var reachable = 0
    /// Repairs of what was changed by hand or lost, of the last hour; `nil` where they are not counted.
    package var repairs: Int?
    /// Whether there is a history of metrics to ask for.
    package var hasHistory = false
    /// Whether operators may open terminals in containers.
    package var hasTerminal = false
    package init() {}
}

/// A member of the swarm.
package struct NodeView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var name = ""
    /// `worker` or `manager`.
    package var role = "worker"
    package var isLeader = false
    /// `ready`, `down`, `unknown`, `disconnected`.
    package var state = "unknown"
    package var availability = "active"
    /// Of managers: `reachable`, `unreachable`, `unknown`.
    package var reachability: String?
    package var address = ""
    package var engine = ""
    package var system = ""
    /// Processors, with fractions.
    package var cpus: Double = 0
    /// Bytes.
    package var memory: Int64 = 0
    package var message: String?
    /// How many containers that belong to no task it has beside those that are shown; `nil` for none.
    package var moreContainers: Int?
    package var labels: [String: String] = [:]
    /// How many labels there are beside those that are shown; `nil` for none.
    package var moreLabels: Int?
    /// The object's version, Docker's `Version.Index`.
    package var version: UInt64 = 0
    package var use: NodeUse?
    package init(id: String) { self.id = id }
}

/// How much of a node is in use: shares from 0 to 1, but for the clock.
package struct NodeUse: Codable, Sendable, Equatable {
    /// Of all its processors.
    package var cpu: Double?
    /// What cannot be taken back at once.
    package var memory: Double?
    /// Of the file system with containers and images.
    package var disk: Double?
    /// Of the connections that the kernel may track.
    package var conntrack: Double?
    /// Seconds that the node's clock is ahead.
    package var clock: Double?
    /// When it was measured.
    package var at: Int64 = 0
    package init() {}
}

/// A service, and how it fares.
package struct ServiceView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var name = ""
    package var image = ""
    /// `replicated`, `global`, `replicated-job`, `global-job`.
    package var mode = "replicated"
    package var running = 0
    package var desired = 0
    /// Of jobs alone.
    package var completed: Int?
    /// The object's version, Docker's `Version.Index`.
    package var version: UInt64 = 0
    /// Milliseconds since 1970.
    package var createdAt: Int64 = 0
    /// Milliseconds since 1970.
    package var updatedAt: Int64 = 0
    package var ports: [PortView] = []
    package var addresses: [AddressView] = []
    package var networks: [String] = []
    package var labels: [String: String] = [:]
    /// How many labels there are beside those that are shown; `nil` for none.
    package var moreLabels: Int?
    /// Bytes a task; `nil` for no limit.
    package var memoryLimit: Int64?
    /// Processors a task; `nil` for no limit.
    package var cpuLimit: Double?
    package var constraints: [String] = []
    /// How many constraints there are beside those that are shown; `nil` for none.
    package var moreConstraints: Int?
    package var update: UpdateView?
    package var canRollBack = false
    package var use: TaskUse?
    package init(id: String) { self.id = id }
}

/// A port of a service, or several in a row.
package struct PortView: Codable, Sendable, Equatable {
    /// 0 while the swarm has not chosen one.
    package var published: Int
    /// Within the task.
    package var target: Int
    /// `tcp`, `udp` or `sctp`.
    package var transport: String
    /// `ingress` or `host`.
    package var mode: String
    /// Of several the last that is published.
    package var last: Int?
}

/// An address in a network, the network by its id.
package struct AddressView: Codable, Sendable, Equatable {
    package var network: String
    /// Without a length of the prefix; empty while there is none.
    package var address: String
}

/// How the last update fares, or has fared.
package struct UpdateView: Codable, Sendable, Equatable {
    /// Docker's words: `updating`, `paused`, `completed`, `rollback_started`, ….
    package var state: String
    package var message: String?
    /// Tasks that were made from then on belong to it.
    package var startedAt: Int64?
    /// `nil` while it is under way.
    package var completedAt: Int64?
    /// Tasks at once; 0 for all.
    package var parallelism: UInt64
}

/// What tasks use now: cores, and bytes.
package struct TaskUse: Codable, Sendable, Equatable {
    /// Cores.
    package var cpu: Double?
    /// Bytes, the working set.
    package var memory: Double?
    /// When it was measured.
    package var at: Int64 = 0
    package init() {}
}

/// A task: what came of a place of a service, once.
package struct TaskView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var service = ""
    /// `nil` for tasks of global services.
    package var slot: Int?
    /// The node's id; `nil` until the task is placed.
    package var node: String?
    package var state = "new"
    package var desired = "running"
    package var image = ""
    /// Milliseconds since 1970.
    package var createdAt: Int64 = 0
    /// When it came into its state.
    package var since: Int64 = 0
    package var message: String?
    /// Why it ended, where it did not end well.
    package var error: String?
    package var exitCode: Int?
    /// The container's id; `nil` until there is one.
    package var container: String?
    package var addresses: [AddressView] = []
    /// Bytes a task; `nil` for no limit.
    package var memoryLimit: Int64?
    package var use: TaskUse?
    package init(id: String) { self.id = id }
}

/// A network of the swarm.
package struct NetworkView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var name = ""
    package var driver = ""
    package var scope = ""
    package var subnets: [String] = []
    package var isEncrypted = false
    package var isInternal = false
    package var isIngress = false
    package var isAttachable = false
    /// Milliseconds since 1970.
    package var createdAt: Int64 = 0
    /// Addresses in use and altogether, of the first subnet; `nil` where they are not counted.
    package var used: Int?
    /// Addresses that can be given; `nil` where they are not counted.
    package var total: Int?
    package init(id: String) { self.id = id }
}

/// A container beside the swarm.
package struct ContainerView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var name = ""
    package var image = ""
    package var state = ""
    /// As in `Up 4 seconds`.
    package var status = ""
    /// Milliseconds since 1970; 0 when that cannot be said.
    package var createdAt: Int64 = 0
    /// Its id.
    package var node = ""
    package var use: TaskUse?
    package init(id: String) { self.id = id }
}

/// An alert that fires, or is silenced.
package struct AlertView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var rule = ""
    /// `critical` needs a person, `warning` will soon.
    package var severity = "warning"
    /// `service`, `node`, `task`, `network`, `cluster`, and its id.
    package var kind = ""
    package var subject = ""
    package var text = ""
    /// When it began to fire.
    package var since: Int64 = 0
    /// `nil` while it is told.
    package var silencedUntil: Int64?
    package init(id: String) { self.id = id }
}

/// What a node last measured on its way to another.
package struct PathView: Codable, Sendable, Equatable, Identifiable {
    package var id: String { "\(from) \(to) \(kind)" }
    /// The id of the node that measured.
    package var from: String
    /// The id of the node at the other end.
    package var to: String
    /// `control`, `vxlan` or `esp`.
    package var kind: String
    /// Seconds; `nil` when nothing came back.
    package var roundTrip: Double?
    /// 0 to 1.
    package var loss: Double
    /// The longest packet of the underlay that passes, in bytes.
    package var mtu: Int?
    /// When it was measured.
    package var at: Int64
    /// What to do about it, in words for people.
    package var advice: String?

    private enum CodingKeys: String, CodingKey { case from, to, kind, roundTrip, loss, mtu, at, advice }

    package init(from: String, to: String, kind: String, roundTrip: Double?, loss: Double, mtu: Int?, at: Int64) {
        self.at = at
        self.from = from
        self.kind = kind
        self.loss = loss
        self.mtu = mtu
        self.roundTrip = roundTrip
        self.to = to
    }
}

/// Something that happened, as lists and the strip show it.
package struct EventView: Codable, Sendable, Equatable {
    /// Where a stream goes on; empty where events have none.
    package var cursor = ""
    /// Milliseconds since 1970.
    package var time: Int64
    /// Docker's, as in `container`.
    package var type: String
    /// Docker's, as in `health_status`.
    package var action: String
    package var id: String
    package var name = ""
    /// Whom it is shown with: the ids of its service, its task and its node.
    package var service: String?
    package var task: String?
    package var node: String?
    /// What words about it need: exit code, reason, user; never values of variables.
    package var attributes: [String: String] = [:]
    package init(time: Int64, type: String, action: String, id: String) {
        self.action = action
        self.id = id
        self.time = time
        self.type = type
    }
}
