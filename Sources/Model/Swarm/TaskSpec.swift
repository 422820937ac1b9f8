/// What each task of a service is made from. Source: Engine API 1.50, `TaskSpec`.
package struct TaskSpec: Codable, Sendable, Equatable {
    package var containerSpec: ContainerSpec?
    package var pluginSpec: JSONValue?
    package var networkAttachmentSpec: NetworkAttachmentSpec?
    package var resources: ResourceRequirements?
    package var restartPolicy: TaskRestartPolicy?
    package var placement: Placement?
    /// Another number replaces the tasks though nothing else has changed.
    @Zero package var forceUpdate: UInt64
    package var runtime: String?
    package var networks: [NetworkAttachmentConfig]?
    package var logDriver: Driver?

    package init() {}
}

/// The container of each task. Source: Engine API 1.50, `TaskSpec.ContainerSpec`.
package struct ContainerSpec: Codable, Sendable, Equatable {
    @Zero package var image: String
    package var labels: [String: String]?
    /// The image's entry point is replaced by this.
    package var command: [String]?
    package var args: [String]?
    package var hostname: String?
    package var env: [String]?
    package var dir: String?
    package var user: String?
    package var groups: [String]?
    package var privileges: JSONValue?
    /// A terminal is made for it. Spelled `TTY` here and `Tty` in a container's configuration.
    package var terminal: Bool?
    package var openStdin: Bool?
    package var readOnly: Bool?
    package var mounts: [Mount]?
    package var stopSignal: String?
    /// Nanoseconds; absent means 10 s.
    package var stopGracePeriod: Int64?
    package var healthcheck: HealthConfiguration?
    package var hosts: [String]?
    package var dnsConfig: NameServiceConfiguration?
    package var secrets: [JSONValue]?
    package var configs: [JSONValue]?
    /// −1,000 to 1,000.
    package var oomScoreAdj: Int?
    package var isolation: String?
    package var `init`: Bool?
    /// Names with dots, and values.
    package var sysctls: [String: String]?
    package var capabilityAdd: [String]?
    package var capabilityDrop: [String]?
    package var ulimits: [UserLimit]?
    /// Not Docker's: see ``PullOptions``.
    package var pullOptions: PullOptions?

    package init() {}
}

/// What is written into a task's `/etc/resolv.conf`.
package struct NameServiceConfiguration: Codable, Sendable, Equatable {
    package var nameservers: [String]?
    package var search: [String]?
    package var options: [String]?
    package init() {}
}

/// What a task may use at most, and what its node must have left for it.
package struct ResourceRequirements: Codable, Sendable, Equatable {
    package var limits: NodeResources?
    package var reservations: NodeResources?
    package init() {}
}

/// Durations in nanoseconds.
package struct TaskRestartPolicy: Codable, Sendable, Equatable {
    /// `none`, `on-failure`, `any` (also when absent).
    package var condition: String?
    /// Before the next task begins; absent means 5 s.
    package var delay: Int64?
    /// 0 means no limit.
    package var maxAttempts: UInt64?
    /// In which ``maxAttempts`` are counted; 0 and absent mean for ever.
    package var window: Int64?
    package init() {}
}

/// On which nodes tasks may run, and where they rather should.
package struct Placement: Codable, Sendable, Equatable {
    /// `node.hostname==x`, `node.labels.zone!=y`, …
    package var constraints: [String]?
    package var preferences: [Preference]?
    /// Of one node; 0 and absent mean no limit.
    package var maxReplicas: UInt64?
    package var platforms: [NodeDescription.Platform]?
    package init() {}

    /// One request; the ones before count for more.
    package struct Preference: Codable, Sendable, Equatable {
        package var spread: Spread?
        package init(spread: Spread?) { self.spread = spread }
    }
    /// Tasks are spread evenly over the values of a label: `node.labels.zone`, `engine.labels.rack`.
    package struct Spread: Codable, Sendable, Equatable {
        @Zero package var spreadDescriptor: String
        package init(_ descriptor: String) { spreadDescriptor = descriptor }
    }
}

/// A network that a service joins, by name or id in a request, by id in the store.
package struct NetworkAttachmentConfig: Codable, Sendable, Equatable {
    @Zero package var target: String
    package var aliases: [String]?
    /// Options of the endpoint by their names: ``addressOptions``, and those of the tasks' links, see ``linkOptions``.
    package var driverOpts: [String: String]?
    package init() {}
}

extension NetworkAttachmentConfig {
    /// What is asked of the tasks' links, by the names of options, as a container's endpoint has it in `DriverOpts`; `nil` for nothing.
    package var linkOptions: [String: String]? {
        let options = (driverOpts ?? [:]).filter { !Self.addressOptions.contains($0.key) }
        return options.isEmpty ? nil : options
    }
}
