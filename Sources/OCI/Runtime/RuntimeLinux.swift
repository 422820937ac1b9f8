/// The `linux` section of `config.json` (runtime-spec, config-linux.md).
package struct RuntimeLinux: Codable, Sendable, Equatable {
    package var uidMappings: [RuntimeIDMapping]?
    package var gidMappings: [RuntimeIDMapping]?
    /// Parameters with dots (`net.ipv4.ip_forward`) and their values; only those of a namespace of the container's own.
    package var sysctl: [String: String]?
    package var resources: RuntimeResources?
    /// Absolute (`/apus/ID`): the same path in every hierarchy.
    package var cgroupsPath: String?
    package var namespaces: [RuntimeNamespace] = []
    package var devices: [RuntimeDevice]?
    package var seccomp: RuntimeSeccomp?
    /// `private`, `rprivate`, `slave`, `rslave`, `shared`, `rshared`, `unbindable`, `runbindable`.
    package var rootfsPropagation: String?
    /// Covered, so that they cannot be read.
    package var maskedPaths: [String]?
    /// Mounted read-only over themselves.
    package var readonlyPaths: [String]?
    package var mountLabel: String?

    package init() {}
}

/// A namespace to make, or with `path` to enter.
package struct RuntimeNamespace: Codable, Sendable, Equatable {
    /// In the runtimes' words: `network` is what unshare(1) calls net.
    package enum Kind: String, Codable, Sendable { case pid, network, mount, ipc, uts, user, cgroup, time }

    package var type: Kind
    /// A namespace's file, as in `/proc/1/ns/net`.
    package var path: String?

    package init(_ type: Kind, path: String? = nil) {
        self.type = type
        self.path = path
    }
}

/// A range of user or group ids of a user namespace (user_namespaces(7)).
package struct RuntimeIDMapping: Codable, Sendable, Equatable {
    /// The first id as it is seen in the container.
    package var containerID: UInt32
    /// The first id as it is on the host.
    package var hostID: UInt32
    /// How many ids in a row.
    package var size: UInt32

    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }
}

/// A device node to make. `type` is `c`, `b`, `u` or `p`.
package struct RuntimeDevice: Codable, Sendable, Equatable {
    package var path: String
    package var type: String
    /// Number of the driver; both numbers are missing for a FIFO (`p`).
    package var major: Int64?
    /// Number of the device.
    package var minor: Int64?
    /// Permission bits; the runtime's 0666 when missing.
    package var fileMode: UInt32?
    package var uid: UInt32?
    package var gid: UInt32?

    package init(
        path: String, type: String, major: Int64? = nil, minor: Int64? = nil, fileMode: UInt32? = nil,
        uid: UInt32? = nil,
        gid: UInt32? = nil
    ) {
        self.path = path
        self.type = type
        self.major = major
        self.minor = minor
        self.fileMode = fileMode
        self.uid = uid
        self.gid = gid
    }
}

/// Limits of the container's cgroup; also what `runc update --resources` reads.
package struct RuntimeResources: Codable, Sendable, Equatable {
    package var devices: [RuntimeDeviceRule]?
    package var memory: RuntimeMemory?
    package var cpu: RuntimeCPU?
    package var pids: RuntimePIDs?
    package var blockIO: RuntimeBlockIO?
    package var hugepageLimits: [RuntimeHugePageLimit]?
    /// Keys and values of cgroup version 2 files, as in `memory.high`.
    package var unified: [String: String]?

    package init() {}
}

/// `type` is `c`, `b` or `a`; `access` some of `rwm`; no number means all.
package struct RuntimeDeviceRule: Codable, Sendable, Equatable {
    package var allow: Bool
    package var type: String?
    /// Number of the driver; `nil` for all.
    package var major: Int64?
    /// Number of the device; `nil` for all.
    package var minor: Int64?
    package var access: String?

    package init(allow: Bool, type: String? = nil, major: Int64? = nil, minor: Int64? = nil, access: String? = nil) {
        self.allow = allow
        self.type = type
        self.major = major
        self.minor = minor
        self.access = access
    }
}

/// Bytes; -1 is unlimited.
package struct RuntimeMemory: Codable, Sendable, Equatable {
    /// Beyond it processes are ended.
    package var limit: Int64?
    /// What is left to the container when memory is short (`memory.low`).
    package var reservation: Int64?
    /// Memory and swap together.
    package var swap: Int64?
    /// Of the kernel's own; without effect on today's kernels.
    package var kernel: Int64?
    /// 0 to 100; cgroup version 1 alone.
    package var swappiness: UInt64?
    package var disableOOMKiller: Bool?

    package init() {}
}

/// Time of processors, and which of them.
package struct RuntimeCPU: Codable, Sendable, Equatable {
    /// Weight among others that want to run: 2 to 262,144, 1,024 unless given.
    package var shares: UInt64?
    /// Microseconds in each period.
    package var quota: Int64?
    /// Microseconds.
    package var period: UInt64?
    /// Microseconds in each real-time period; cgroup version 1 alone.
    package var realtimeRuntime: Int64?
    /// Microseconds.
    package var realtimePeriod: UInt64?
    /// As in `0-2,7`.
    package var cpus: String?
    /// Nodes of memory, as ``cpus``.
    package var mems: String?

    package init() {}
}

/// How many tasks there may be: processes and threads.
package struct RuntimePIDs: Codable, Sendable, Equatable {
    /// 0 and less mean no limit.
    package var limit: Int64
    package init(limit: Int64) { self.limit = limit }
}

/// Access to block devices: weights, and bounds for single devices.
package struct RuntimeBlockIO: Codable, Sendable, Equatable {
    /// 10 to 1,000 among others that read and write; 0 and missing leave it.
    package var weight: UInt16?
    package var weightDevice: [Weight]?
    package var throttleReadBpsDevice: [Throttle]?
    package var throttleWriteBpsDevice: [Throttle]?
    package var throttleReadIOPSDevice: [Throttle]?
    package var throttleWriteIOPSDevice: [Throttle]?

    package init() {}

    /// A weight for one device.
    package struct Weight: Codable, Sendable, Equatable {
        /// Number of the device's driver.
        package var major: Int64
        /// Number of the device.
        package var minor: Int64
        /// 10 to 1,000.
        package var weight: UInt16
        package init(major: Int64, minor: Int64, weight: UInt16) {
            self.major = major
            self.minor = minor
            self.weight = weight
        }
    }

    /// Bytes or operations a second.
    package struct Throttle: Codable, Sendable, Equatable {
        /// Number of the device's driver.
        package var major: Int64
        /// Number of the device.
        package var minor: Int64
        /// At most so many.
        package var rate: UInt64
        package init(major: Int64, minor: Int64, rate: UInt64) {
            self.major = major
            self.minor = minor
            self.rate = rate
        }
    }
}

/// How much of huge pages of one size may be used.
package struct RuntimeHugePageLimit: Codable, Sendable, Equatable {
    /// As in `2MB`.
    package var pageSize: String
    /// Bytes.
    package var limit: UInt64
    package init(pageSize: String, limit: UInt64) {
        self.pageSize = pageSize
        self.limit = limit
    }
}
