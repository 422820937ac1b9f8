/// What the engine tells of itself in `GET /info`, before the edge adds what is constant.
package struct SystemInfo: Encodable, Sendable {
    package var id = ""
    package var containers = 0
    package var containersRunning = 0
    package var containersPaused = 0
    package var containersStopped = 0
    package var images = 0
    package var driver = "overlay2"
    package var driverStatus: [[String]] = []
    package var plugins = Plugins()
    package var memoryLimit = true
    package var swapLimit = true
    package var cpuCfsPeriod = true
    package var cpuCfsQuota = true
    package var cpuShareLimits = true
    package var cpuSets = true
    package var pidsLimit = true
    package var iPv4Forwarding = true
    package var debug = false
    package var nFd = 0
    package var oomKillDisable = true
    package var nGoroutines = 0
    package var systemTime = Timestamp.zero
    package var loggingDriver = "json-file"
    package var cgroupDriver = "cgroupfs"
    package var cgroupVersion = "1"
    package var nEventsListener = 0
    package var kernelVersion = ""
    package var operatingSystem = ""
    package var systemVersion = ""
    package var systemType = "linux"
    package var architecture = ""
    package var indexServerAddress = "https://index.docker.io/v1/"
    package var registryConfig = RegistryInfo()
    package var nCPU = 0
    /// Bytes.
    package var memTotal: Int64 = 0
    package var dockerRootDir = ""
    package var name = ""
    package var labels: [String] = []
    package var experimentalBuild = false
    package var serverVersion = ""
    /// By the names that containers ask for them by.
    package var runtimes: [String: Runtime] = [:]
    package var defaultRuntime = "runc"
    package var swarm = SwarmInfo()
    package var liveRestoreEnabled = true
    package var isolation = ""
    package var initBinary = ""
    package var securityOptions: [String] = []
    @Nullable package var warnings: [String]?
    @Nullable package var genericResources: [JSONValue]?
    /// There is no container device interface here, hence no devices that it found.
    package var cdiSpecDirs: [String] = []
    @Nullable package var discoveredDevices: [JSONValue]?
    /// What subnets of the node's own networks are cut from; `nil` where nobody has said anything.
    package var defaultAddressPools: [DefaultAddressPool]?

    package init() {}

    /// Drivers that there are, by their kinds.
    package struct Plugins: Encodable, Sendable {
        package var volume = ["local"]
        package var network = ["bridge", "host", "ipvlan", "macvlan", "null", "overlay"]
        package var log = ["json-file"]
        @Nullable package var authorization: [String]?
        package init() {}
    }
    /// A program that makes containers.
    package struct Runtime: Encodable, Sendable {
        package var runtimePath: String
        package init(path: String) { runtimePath = path }
    }
    /// A block, and the prefix length of the subnets that it is cut into.
    package struct DefaultAddressPool: Encodable, Sendable {
        package var base: String
        /// Bits of a subnet's prefix.
        package var size: Int
        package init(base: String, size: Int) {
            self.base = base
            self.size = size
        }
    }
    /// How registries are asked.
    package struct RegistryInfo: Encodable, Sendable {
        package var insecureRegistryCIDRs = ["127.0.0.0/8"]
        /// By `host` or `host:port`; `docker.io` is always there.
        package var indexConfigs: [String: Index] = [:]
        package var mirrors: [String] = []
        package init() {}
    }
    /// One registry.
    package struct Index: Encodable, Sendable {
        package var name: String
        package var mirrors: [String]
        package var secure: Bool
        package var official: Bool
        package init(name: String, mirrors: [String], secure: Bool, official: Bool) {
            self.mirrors = mirrors
            self.name = name
            self.official = official
            self.secure = secure
        }
    }
}

/// Something that happened, as `GET /events` tells it.
package struct EngineEvent: Sendable, Equatable {
    /// `container`, `image`, `network`, `volume`, `daemon`, `node`, `service`.
    package var type: String
    /// As in `start`, `die`, `connect`.
    package var action: String
    package var actorID: String
    /// More about it by names, which depend on type and action; filters for labels look here.
    package var attributes: [String: String]
    /// `local` or `swarm`.
    package var scope: String
    package var time: Timestamp

    package init(
        type: String, action: String, actorID: String, attributes: [String: String] = [:], scope: String = "local",
        time: Timestamp = .now
    ) {
        self.type = type
        self.action = action
        self.actorID = actorID
        self.attributes = attributes
        self.scope = scope
        self.time = time
    }
}

/// A volume as list and inspect answer it.
package struct VolumeResource: Codable, Sendable, Equatable {
    @Zero package var createdAt: Timestamp
    package var driver = "local"
    package var labels: [String: String]?
    @Zero package var mountpoint: String
    @Zero package var name: String
    /// The driver's options by their names.
    package var options: [String: String]?
    package var scope = "local"
    /// Only where it was asked for.
    package var usageData: VolumeUsage?
    package init() {}

    private enum CodingKeys: String, CodingKey {
        case createdAt, driver, labels, mountpoint, name, options, scope, usageData
    }

    /// Labels and options are written as `null` when there are none.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(driver, forKey: .driver)
        try container.encode(labels, forKey: .labels)
        try container.encode(mountpoint, forKey: .mountpoint)
        try container.encode(name, forKey: .name)
        try container.encode(options, forKey: .options)
        try container.encode(scope, forKey: .scope)
        try container.encodeIfPresent(usageData, forKey: .usageData)
    }
}

/// The body of `POST /volumes/create`.
package struct VolumeRequest: Codable, Sendable, Equatable {
    @Zero package var name: String
    @Zero package var driver: String
    /// `type`, `device` and `o` of the local driver (mount(8)).
    package var driverOpts: [String: String]?
    package var labels: [String: String]?
    package init() {}
}
