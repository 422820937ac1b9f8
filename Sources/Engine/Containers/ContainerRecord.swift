import ContainerRuntime
import Model

/// Everything that the engine keeps of one container; the one owner of each of these facts.
struct ContainerRecord: VersionedRecord, Identifiable {
    static let recordKind = "container"
    static let recordVersion = 3
    /// Before there were phases, what it said of the container's life was in flags, which are not written any more. Then ports in a row were kept
    /// one by one, which is read as it ever was.
    static let earlierForms: [Int: @Sendable (any Decoder) throws -> ContainerRecord] = [
        1: { try ContainerRecord(from: $0) }, 2: { try ContainerRecord(from: $0) },
    ]

    let id: String
    /// Without the leading slash.
    var name: String
    var created: Timestamp
    /// `sha256:…` of the image's configuration.
    var imageID: String
    /// The request's configuration with the image's defaults filled in.
    @Boxed var configuration: ContainerConfiguration
    @Boxed var hostConfig: HostConfiguration
    /// The command line: entry point, then command.
    var commandLine: [String]
    var phase = ContainerPhase.created(nil)
    /// What its health check has found; results of an earlier run stay to be seen. `nil` without one, and before the first start.
    var health: HealthState?
    /// By its policy, since a user's start.
    var restartCount = 0
    var mounts: [MountPoint] = []
    /// Containers on the default bridge that this one is linked to.
    var links: [Link]?
    /// What ``mounts`` do not show of themselves, by their places.
    var mountDetails: [String: MountDetails]?
    /// Network name → what was requested and, while running, what was allocated.
    var endpoints: [EndpointRecord] = []
    /// Whether it is on `none`, where that was changed by hand; `nil`: as it was made.
    var isOnNoneByHand: Bool?
    /// Filled while running.
    var publishedPorts: [PublishedPort] = []
    /// Set for a swarm task's container.
    var task: TaskReference?
    /// Whether its removal, which has begun, takes volumes without a name along; `nil` as long as nobody has said so.
    var removesVolumes: Bool?

    struct TaskReference: Codable, Sendable, Equatable {
        var taskID: String
        var serviceID: String
        var serviceName: String
        /// What the mesh sends to this container.
        var ports: [PortConfig]
    }

    struct Link: Codable, Sendable, Equatable {
        var containerID: String
        var alias: String
    }

    /// What is to be known of a mount besides how it is shown.
    struct MountDetails: Codable, Sendable, Equatable {
        /// What is mounted below the source is not there.
        var isShallow = false
        /// What is mounted below it stays writable where it is read-only.
        var leavesSubmountsWritable = false
        /// A kernel that cannot make all of it read-only refuses it.
        var isWhollyReadOnly = false
        /// The directory or file of a volume that is mounted instead of the whole.
        var subpath: String?
    }

    func details(of mount: MountPoint) -> MountDetails { mountDetails?[mount.destination] ?? MountDetails() }

    var shortID: String { String(id.prefix(12)) }
    /// Docker's word: its process is there, or about to be there again.
    var isRunning: Bool { phase.isRunning }
    /// Its process is there, and so is its root file system.
    var isUp: Bool { phase.isUp }
    /// Docker's `State` of it.
    var state: Model.ContainerState {
        var state = phase.shown
        state.health = health
        return state
    }
    /// The network or namespace it was made with, by its own name: as Docker since 26.1, no container is shown with `default`.
    var networkMode: String {
        hostConfig.networkMode.isEmpty || hostConfig.networkMode == "default" ? "bridge" : hostConfig.networkMode
    }
    var isOnHostNetwork: Bool { hostConfig.networkMode == "host" }
    var isOnNone: Bool { isOnNoneByHand ?? (networkMode == LocalNetwork.noneName) }

    /// What events and others tell of the container.
    var eventAttributes: [String: String] {
        var attributes = configuration.labels ?? [:]
        attributes["image"] = configuration.image
        attributes["name"] = name
        return attributes
    }
}

extension ContainerRecord: Decodable {
    enum CodingKeys: String, CodingKey {
        case id, name, created, imageID, configuration, hostConfig, commandLine, phase, health, restartCount, mounts
        case links, mountDetails, endpoints, isOnNoneByHand, publishedPorts, task, removesVolumes
    }

    /// Reads the earlier forms as well: one without a phase has flags. What later versions add has a default.
    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try values.decode(String.self, forKey: .id)
        name = try values.decode(String.self, forKey: .name)
        created = try values.decode(Timestamp.self, forKey: .created)
        imageID = try values.decode(String.self, forKey: .imageID)
        var configuration = try values.decode(ContainerConfiguration.self, forKey: .configuration)
        configuration.joinPorts()
        self.configuration = configuration
        var hostConfig = try values.decode(HostConfiguration.self, forKey: .hostConfig)
        hostConfig.joinPorts()
        self.hostConfig = hostConfig
        commandLine = try values.decode([String].self, forKey: .commandLine)
        restartCount = try values.decodeIfPresent(Int.self, forKey: .restartCount) ?? 0
        mounts = try values.decodeIfPresent([MountPoint].self, forKey: .mounts) ?? []
        links = try values.decodeIfPresent([Link].self, forKey: .links)
        mountDetails = try values.decodeIfPresent([String: MountDetails].self, forKey: .mountDetails)
        endpoints = try values.decodeIfPresent([EndpointRecord].self, forKey: .endpoints) ?? []
        isOnNoneByHand = try values.decodeIfPresent(Bool.self, forKey: .isOnNoneByHand)
        publishedPorts = try values.decodeIfPresent([PublishedPort].self, forKey: .publishedPorts) ?? []
        task = try values.decodeIfPresent(TaskReference.self, forKey: .task)
        removesVolumes = try values.decodeIfPresent(Bool.self, forKey: .removesVolumes)
        if let phase = try values.decodeIfPresent(ContainerPhase.self, forKey: .phase) {
            self.phase = phase
            health = try values.decodeIfPresent(HealthState.self, forKey: .health)
        } else {
            let flags = try ContainerFlags(from: decoder)
            phase = flags.phase
            health = flags.state.health
        }
    }
}

extension ContainerRecord: NetworkMember {
    var hostname: String { configuration.hostname }
    var isActive: Bool { phase.isRunning || phase.isStarting }
    var processID: Int { phase.run?.pid ?? 0 }
    var nameServers: [String] { hostConfig.nameServers ?? [] }
    var meshPorts: [PortConfig]? { task?.ports }

    /// Its own parameters are set after those of its networks, and count.
    var disablesIPv6: Bool {
        ["all", "default"].contains { hostConfig.sysctls?["net.ipv6.conf.\($0).disable_ipv6"] == "1" }
    }

    var administersNetwork: Bool {
        LinuxCapabilities.isGiven(
            "CAP_NET_ADMIN",
            CapabilityChange(add: hostConfig.capAdd?.elements ?? [], drop: hostConfig.capDrop?.elements ?? []),
            privileged: hostConfig.privileged)
    }
}
