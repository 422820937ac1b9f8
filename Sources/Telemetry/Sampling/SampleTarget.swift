package import Glibc

/// A container that is to be sampled, and what is known of it besides.
package struct SampleTarget: Sendable, Equatable {
    /// Whole.
    package var id: String
    /// Without the leading slash.
    package var name: String
    package var image = ""
    /// Of the container, for those who ask for them by name.
    package var labels: [String: String] = [:]
    /// Empty for a container of no service.
    package var serviceID = ""
    package var serviceName = ""
    package var taskID = ""
    /// Path below every hierarchy's root.
    package var group: String
    /// Its first process; `nil` when its network is the host's, which is not counted to it.
    package var networkProcess: pid_t?
    /// Networks by the names of the container's interfaces.
    package var networks: [String: String] = [:]
    /// Seconds since 1970.
    package var startedAt: Int64 = 0
    /// By its policy, since a user has started it.
    package var restarts: Int64 = 0
    /// Of the files of its log; `nil` when it has none.
    package var logBytes: Int64?
    /// `starting`, `healthy` or `unhealthy`; empty without a check.
    package var health = ""
    package var isPaused = false

    package init(id: String, name: String, group: String) {
        self.group = group
        self.id = id
        self.name = name
    }
}

/// Counters of a container on one of its networks, as the container sees them.
package struct NetworkCounters: Sendable, Equatable {
    /// In the container.
    package var interface: String
    /// The network's name; empty until the engine has said which one the link belongs to.
    package var network: String
    package var receivedBytes: Int64 = 0
    package var receivedPackets: Int64 = 0
    package var receiveErrors: Int64 = 0
    /// Packets.
    package var receiveDrops: Int64 = 0
    package var sentBytes: Int64 = 0
    package var sentPackets: Int64 = 0
    package var sendErrors: Int64 = 0
    /// Packets.
    package var sendDrops: Int64 = 0

    init(interface: String, network: String) {
        self.interface = interface
        self.network = network
    }
}

/// What was sampled of one container.
package struct ContainerSample: Sendable, Equatable {
    package var target: SampleTarget
    package var row: SampleRow
    /// When, in seconds since 1970.
    package var seen: Int64 = 0
    /// At most ``mostNetworks``, of networks that the engine knows.
    package var networks: [NetworkCounters] = []

    package static let mostNetworks = 16
}

/// What was sampled at one moment.
package struct Snapshot: Sendable, Equatable {
    /// Seconds since 1970.
    package var time: Int64
    package var node: SampleRow
    /// In the order of their ids.
    package var containers: [ContainerSample]
    /// How long sampling has taken.
    package var nanoseconds: Int64 = 0
    /// Containers that were not sampled because there are too many.
    package var refused = 0
}
