/// The body of `POST /containers/create`: the configuration's fields with two more objects beside them.
package struct ContainerCreateRequest: Codable, Sendable, Equatable {
    package var configuration: ContainerConfiguration
    package var hostConfig: HostConfiguration
    package var networkingConfig: NetworkingConfiguration?
    /// The client's API is older than 1.44: what is mounted below a read-only mount stays writable, as it was then. No part of the body.
    package var leavesSubmountsWritable = false

    package init(
        configuration: ContainerConfiguration = ContainerConfiguration(),
        hostConfig: HostConfiguration = HostConfiguration(),
        networkingConfig: NetworkingConfiguration? = nil
    ) {
        self.configuration = configuration
        self.hostConfig = hostConfig
        self.networkingConfig = networkingConfig
    }

    private enum CodingKeys: String, CodingKey { case hostConfig, networkingConfig }

    package init(from decoder: any Decoder) throws {
        configuration = try ContainerConfiguration(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        hostConfig = try container.decodeIfPresent(HostConfiguration.self, forKey: .hostConfig) ?? HostConfiguration()
        networkingConfig = try container.decodeIfPresent(NetworkingConfiguration.self, forKey: .networkingConfig)
    }

    package func encode(to encoder: any Encoder) throws {
        try configuration.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(hostConfig, forKey: .hostConfig)
        try container.encodeIfPresent(networkingConfig, forKey: .networkingConfig)
    }
}

/// The `State` of a container.
package struct ContainerState: Codable, Sendable, Equatable {
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`.
    package var status = "created"
    @Zero package var running: Bool
    @Zero package var paused: Bool
    @Zero package var restarting: Bool
    @Zero package var outOfMemoryKilled: Bool
    @Zero package var dead: Bool
    @Zero package var pid: Int
    @Zero package var exitCode: Int
    @Zero package var error: String
    @Zero package var startedAt: Timestamp
    @Zero package var finishedAt: Timestamp
    package var health: HealthState?
    /// How the shipping of its log stands; nothing where its driver has no receiver.
    package var log: LogShippingState?

    package init() {}
}

/// How the lines of a container fare on their way to its log driver's receiver.
package struct LogShippingState: Codable, Sendable, Equatable {
    package var driver = ""
    /// Of the receiver.
    package var address = ""
    /// `ok`, `behind`, `down`.
    package var status = "ok"
    /// Why the receiver counts as down.
    @Zero package var error: String
    /// Lines that the receiver has been given since the daemon began.
    @Zero package var sent: Int
    /// Lines that it would not take.
    @Zero package var refused: Int
    /// How often lines were gone before they could be sent.
    @Zero package var losses: Int
    /// When the oldest line was written that has not been sent, where there is one.
    package var oldest: Timestamp?

    package init() {}
}

/// How a container's health check fares.
package struct HealthState: Codable, Sendable, Equatable {
    /// `none`, `starting`, `healthy`, `unhealthy`.
    package var status = "none"
    /// Probes in a row that have failed.
    @Zero package var failingStreak: Int
    /// The last five probes, the oldest first.
    @Zero package var log: [HealthResult]

    package init() {}

    /// One probe.
    package struct HealthResult: Codable, Sendable, Equatable {
        @Zero package var start: Timestamp
        @Zero package var end: Timestamp
        @Zero package var exitCode: Int
        @Zero package var output: String
        package init() {}
    }
}

/// A mount point as inspect shows it.
package struct MountPoint: Codable, Sendable, Equatable {
    @Zero package var type: String
    package var name: String?
    @Zero package var source: String
    @Zero package var destination: String
    package var driver: String?
    @Zero package var mode: String
    /// Writable.
    package var rw = true
    @Zero package var propagation: String

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case type, name, source, destination, driver, mode
        case rw = "RW"
        case propagation
    }
}

/// The answer to `GET /containers/{id}/json`. Nodes send it to managers, of other versions too: a new field is optional or `@Zero`.
package struct ContainerInspection: Codable, Sendable {
    package var identifier = ""
    package var created = Timestamp.zero
    package var path = ""
    package var args: [String] = []
    package var state = ContainerState()
    package var image = ""
    package var resolvConfPath = ""
    package var hostnamePath = ""
    package var hostsPath = ""
    package var logPath = ""
    package var name = ""
    package var restartCount = 0
    package var driver = "overlay2"
    package var platform = "linux"
    package var mountLabel = ""
    package var processLabel = ""
    package var appArmorProfile = ""
    @Nullable package var execIDs: [String]?
    package var hostConfig = HostConfiguration()
    package var graphDriver = GraphDriver(name: "overlay2", data: [:])
    /// Bytes that the container has written; absent where it was not asked for.
    package var sizeRw: Int64?
    /// The same with its image's.
    package var sizeRootFs: Int64?
    package var mounts: [MountPoint] = []
    package var config = ContainerConfiguration()
    package var networkSettings = NetworkSettings()

    package init() {}
}

/// Where a root file system lies on the host.
package struct GraphDriver: Codable, Sendable, Equatable {
    package var name: String
    /// `LowerDir`, `UpperDir`, `WorkDir`, `MergedDir`; fewer for images.
    package var data: [String: String]
    package init(name: String, data: [String: String]) {
        self.data = data
        self.name = name
    }
}

/// A container's networks as inspect shows them; the fields beside ``networks`` repeat the default bridge's.
package struct NetworkSettings: Codable, Sendable {
    package var bridge = ""
    package var sandboxID = ""
    package var sandboxKey = ""
    /// `80/tcp` → where it is published; `null` for a port that is only exposed.
    package var ports: [String: [PortBinding]?] = [:]
    package var hairpinMode = false
    package var linkLocalIPv6Address = ""
    package var linkLocalIPv6PrefixLen = 0
    /// Always absent: an endpoint has one address of a family.
    @Nullable package var secondaryIPAddresses: [String]?
    @Nullable package var secondaryIPv6Addresses: [String]?
    package var endpointID = ""
    package var gateway = ""
    package var globalIPv6Address = ""
    package var globalIPv6PrefixLen = 0
    package var ipAddress = ""
    package var ipPrefixLen = 0
    package var iPv6Gateway = ""
    package var macAddress = ""
    /// By name.
    package var networks: [String: EndpointSettings] = [:]

    package init() {}
}

/// One row of `GET /containers/json`.
package struct ContainerSummary: Encodable, Sendable {
    package var identifier = ""
    package var names: [String] = []
    package var image = ""
    package var imageID = ""
    package var command = ""
    /// Seconds since 1970.
    package var created: Int64 = 0
    package var ports: [PortSummary] = []
    package var labels: [String: String] = [:]
    package var state = ""
    /// As in `Up 4 seconds`.
    package var status = ""
    /// Bytes that the container has written; absent where it was not asked for.
    package var sizeRw: Int64?
    /// The same with its image's.
    package var sizeRootFs: Int64?
    package var hostConfig: HostSummary
    package var networkSettings: Networks
    package var mounts: [MountPoint] = []

    package init(networkMode: String, networks: [String: EndpointSettings]) {
        hostConfig = HostSummary(networkMode: networkMode)
        networkSettings = Networks(networks: networks)
    }

    /// The part of the host's configuration that a list shows.
    package struct HostSummary: Encodable, Sendable { package var networkMode: String }
    /// The container's networks by their names.
    package struct Networks: Encodable, Sendable { package var networks: [String: EndpointSettings] }
}

/// A port of a container in a list; without ``publicPort`` it is only exposed.
package struct PortSummary: Encodable, Sendable, Hashable {
    package var ip: String?
    package var privatePort: Int
    package var publicPort: Int?
    package var type: String

    package init(ip: String? = nil, privatePort: Int, publicPort: Int? = nil, type: String) {
        self.ip = ip
        self.privatePort = privatePort
        self.publicPort = publicPort
        self.type = type
    }
}

/// The body of `POST /containers/{id}/exec`.
package struct ExecRequest: Codable, Sendable, Equatable {
    @Zero package var attachStdin: Bool
    @Zero package var attachStdout: Bool
    @Zero package var attachStderr: Bool
    /// Said again where it counts, when the process is started.
    @Zero package var detach: Bool
    @Zero package var detachKeys: String
    @Zero package var tty: Bool
    @Zero package var env: [String]
    @Zero package var cmd: [String]
    @Zero package var privileged: Bool
    @Zero package var user: String
    @Zero package var workingDir: String
    package var consoleSize: [Int]?
    package init() {}
}

/// The answer to `GET /exec/{id}/json`. Nodes send it to managers, as ``ContainerInspection``.
package struct ExecInspection: Codable, Sendable {
    package var id = ""
    package var running = false
    package var exitCode: Int?
    package var processConfig = Process()
    package var openStdin = false
    package var openStderr = true
    package var openStdout = true
    package var canRemove = false
    package var containerID = ""
    package var detachKeys = ""
    package var pid = 0

    package init() {}

    /// What was to be run.
    package struct Process: Codable, Sendable {
        package var tty = false
        package var entrypoint = ""
        package var arguments: [String] = []
        package var privileged = false
        package var user: String?
        package init() {}
        // These names are in lower case on the wire, unlike all around them: the edge writes them so.
    }
}
