/// How a container is set into its host: the `HostConfig` of `POST /containers/create`.
package struct HostConfiguration: Codable, Sendable, Equatable {
    @Nullable package var binds: [String]?
    @Zero package var containerIDFile: String
    @Zero package var logConfig: LogConfiguration
    /// `default`, `bridge`, `host`, `none`, `container:<id>` or a network's name or id.
    @Zero package var networkMode: String
    /// `80/tcp` → where it is published.
    @Nullable package var portBindings: [String: [PortBinding]?]?
    @Zero package var restartPolicy: RestartPolicy
    @Zero package var autoRemove: Bool
    @Zero package var volumeDriver: String
    @Nullable package var volumesFrom: [String]?
    package var mounts: [Mount]?
    package var consoleSize: [Int]?
    @Nullable package var capAdd: StringList?
    @Nullable package var capDrop: StringList?
    @Zero package var cgroupnsMode: String
    @Nullable package var nameServers: [String]?
    @Nullable package var nameServerOptions: [String]?
    @Nullable package var nameSearch: [String]?
    @Nullable package var extraHosts: [String]?
    @Nullable package var groupAdd: [String]?
    @Zero package var ipcMode: String
    @Zero package var cgroup: String
    @Nullable package var links: [String]?
    /// −1,000 to 1,000.
    @Zero package var oomScoreAdj: Int
    @Zero package var pidMode: String
    @Zero package var privileged: Bool
    @Zero package var publishAllPorts: Bool
    @Zero package var readonlyRootfs: Bool
    @Nullable package var securityOpt: [String]?
    /// Options of the root file system; refused.
    package var storageOpt: [String: String]?
    /// Path in the container → options, as in `size=64m,mode=1777`.
    package var tmpfs: [String: String]?
    @Zero package var utsMode: String
    @Zero package var usernsMode: String
    /// Bytes of `/dev/shm`; 0 means 64 MiB.
    @Zero package var shmSize: Int64
    /// Names with dots, and values; of namespaces that the container has for itself.
    package var sysctls: [String: String]?
    @Zero package var runtime: String
    @Zero package var isolation: String
    /// Weight among other containers; 0 means 1,024.
    @Zero package var cpuShares: Int64
    /// Bytes; 0 means no limit.
    @Zero package var memory: Int64
    /// Billionths of a processor.
    @Zero package var nanoCpus: Int64
    @Zero package var cgroupParent: String
    /// 10 to 1,000; 0 means none of its own.
    @Zero package var blkioWeight: UInt16
    /// Microseconds.
    @Zero package var cpuPeriod: Int64
    /// Microseconds in each period.
    @Zero package var cpuQuota: Int64
    @Zero package var cpusetCpus: String
    @Zero package var cpusetMems: String
    /// Limits of single block devices and of real-time scheduling, and annotations: known so that they can be refused.
    @Nullable package var blkioWeightDevice: [JSONValue]?
    @Nullable package var blkioDeviceReadBps: [JSONValue]?
    @Nullable package var blkioDeviceReadIOps: [JSONValue]?
    @Nullable package var blkioDeviceWriteBps: [JSONValue]?
    @Nullable package var blkioDeviceWriteIOps: [JSONValue]?
    /// Microseconds.
    @Zero package var cpuRealtimePeriod: Int64
    /// Microseconds in each period.
    @Zero package var cpuRealtimeRuntime: Int64
    /// By their names.
    package var annotations: [String: String]?
    @Nullable package var devices: [DeviceMapping]?
    @Nullable package var deviceCgroupRules: [String]?
    @Nullable package var deviceRequests: [JSONValue]?
    /// Limits of Windows; of no effect on Linux, as in Docker.
    @Zero package var cpuCount: Int64
    /// Of Windows; the same holds for the next two.
    @Zero package var cpuPercent: Int64
    /// Of Windows.
    @Zero package var iOMaximumIOps: UInt64
    /// Of Windows.
    @Zero package var iOMaximumBandwidth: UInt64
    /// Bytes; 0 means none.
    @Zero package var memoryReservation: Int64
    /// Memory plus swap in bytes; −1 means unlimited swap.
    @Zero package var memorySwap: Int64
    /// 0 to 100; −1 and `null` mean the host's.
    @Nullable package var memorySwappiness: Int64?
    @Nullable package var oomKillDisable: Bool?
    package var `init`: Bool?
    /// 0, −1 and `null` mean no limit.
    @Nullable package var pidsLimit: Int64?
    @Nullable package var ulimits: [UserLimit]?
    @Nullable package var maskedPaths: [String]?
    @Nullable package var readonlyPaths: [String]?

    package init() {}
}

/// How a container's output is kept.
package struct LogConfiguration: Codable, Sendable, Equatable {
    /// `json-file`, `local` or `none`; empty for the engine's default.
    @Zero package var type: String
    /// Options by their names, as in `max-size`.
    @Zero package var config: [String: String]

    package init() {}
}

/// What follows the end of a container's process.
package struct RestartPolicy: Codable, Sendable, Equatable {
    /// Empty or `no`, `always`, `unless-stopped`, `on-failure`.
    @Zero package var name: String
    /// Of `on-failure` alone; 0 means no limit.
    @Zero package var maximumRetryCount: Int

    package init() {}
}

/// A device of the host that the container gets.
package struct DeviceMapping: Codable, Sendable, Equatable {
    @Zero package var pathOnHost: String
    @Zero package var pathInContainer: String
    /// Some of `rwm`; empty means all.
    @Zero package var cgroupPermissions: String

    package init() {}
}

/// A limit of setrlimit(2) for the container's processes.
package struct UserLimit: Codable, Sendable, Equatable {
    /// As in `nofile`.
    @Zero package var name: String
    /// In the limit's own unit; −1 means no limit.
    @Zero package var soft: Int64
    /// The same; not below ``soft``.
    @Zero package var hard: Int64

    package init() {}
}

/// A mount as `--mount` describes it, for containers and for service tasks. What is not given is not written, as in Docker.
package struct Mount: Codable, Sendable, Equatable {
    /// `bind`, `volume`, `tmpfs`; others are refused.
    @OmittedZero package var type: String
    @OmittedZero package var source: String
    @OmittedZero package var target: String
    @OmittedZero package var readOnly: Bool
    package var consistency: String?
    package var bindOptions: BindOptions?
    package var volumeOptions: VolumeOptions?
    package var tmpfsOptions: TmpfsOptions?
    /// Refused; command lines send it.
    package var imageOptions: ImageOptions?

    /// How a directory or file of the host is mounted.
    package struct BindOptions: Codable, Sendable, Equatable {
        @OmittedZero package var propagation: String
        @OmittedZero package var nonRecursive: Bool
        @OmittedZero package var createMountpoint: Bool
        /// What is mounted below the source stays writable where the mount is read-only.
        @OmittedZero package var readOnlyNonRecursive: Bool
        /// A mount that cannot be read-only with all below it is refused.
        @OmittedZero package var readOnlyForceRecursive: Bool
        package init() {}
    }
    /// How a volume is made and mounted.
    package struct VolumeOptions: Codable, Sendable, Equatable {
        @OmittedZero package var noCopy: Bool
        package var labels: [String: String]?
        package var driverConfig: Driver?
        @OmittedZero package var subpath: String
        package init() {}
    }
    /// How an image is mounted; refused.
    package struct ImageOptions: Codable, Sendable, Equatable {
        @OmittedZero package var subpath: String
        package init() {}
    }
    /// How a file system in memory is made.
    package struct TmpfsOptions: Codable, Sendable, Equatable {
        @OmittedZero package var sizeBytes: Int64
        /// Permission bits of its root; 0 means 1777.
        @OmittedZero package var mode: Int
        /// Each a flag or a key and its value.
        package var options: [[String]]?
        package init() {}
    }

    package init() {}
}

/// A driver's name and options, of networks, address management, logs and volumes.
package struct Driver: Codable, Sendable, Equatable {
    @Zero package var name: String
    /// By their names.
    package var options: [String: String]?

    package init() {}
    package init(name: String, options: [String: String]? = nil) {
        self.name = name
        self.options = options
    }
}
