/// The `linux` section of `config.json` (runtime-spec, config-linux.md).
package struct RuntimeLinux: Codable, Sendable, Equatable {
    package var uidMappings: [RuntimeIDMapping]?
    package var gidMappings: [RuntimeIDMapping]?
    package var sysctl: [String: String]?
    package var resources: RuntimeResources?
    /// Absolute (`/apus/ID`): the same path in every hierarchy.
    package var cgroupsPath: String?
    package var namespaces: [RuntimeNamespace] = []
    package var devices: [RuntimeDevice]?
    package var seccomp: RuntimeSeccomp?
    /// `private`, `rprivate`, `slave`, `rslave`, `shared`, `rshared`, `unbindable`, `runbindable`.
    package var rootfsPropagation: String?
    package var maskedPaths: [String]?
    package var readonlyPaths: [String]?
    package var mountLabel: String?

    package init() {}
}

/// A namespace to make, or with `path` to enter.
package struct RuntimeNamespace: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable { case pid, network, mount, ipc, uts, user, cgroup, time }

    package var type: Kind
    package var path: String?

    package init(_ type: Kind, path: String? = nil) {
        self.type = type
        self.path = path
    }
}

package struct RuntimeIDMapping: Codable, Sendable, Equatable {
    package var containerID: UInt32
    package var hostID: UInt32
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
    package var major: Int64?
    package var minor: Int64?
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
    package var major: Int64?
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
    package var limit: Int64?
    package var reservation: Int64?
    /// Memory and swap together.
    package var swap: Int64?
    package var kernel: Int64?
    package var swappiness: UInt64?
    package var disableOOMKiller: Bool?

    package init() {}
}

package struct RuntimeCPU: Codable, Sendable, Equatable {
    package var shares: UInt64?
    /// Microseconds in each period.
    package var quota: Int64?
    /// Microseconds.
    package var period: UInt64?
    package var realtimeRuntime: Int64?
    package var realtimePeriod: UInt64?
    /// As in `0-2,7`.
    package var cpus: String?
    package var mems: String?

    package init() {}
}

package struct RuntimePIDs: Codable, Sendable, Equatable {
    package var limit: Int64
    package init(limit: Int64) { self.limit = limit }
}

package struct RuntimeBlockIO: Codable, Sendable, Equatable {
    package var weight: UInt16?
    package var weightDevice: [Weight]?
    package var throttleReadBpsDevice: [Throttle]?
    package var throttleWriteBpsDevice: [Throttle]?
    package var throttleReadIOPSDevice: [Throttle]?
    package var throttleWriteIOPSDevice: [Throttle]?

    package init() {}

    package struct Weight: Codable, Sendable, Equatable {
        package var major: Int64
        package var minor: Int64
        package var weight: UInt16
        package init(major: Int64, minor: Int64, weight: UInt16) {
            self.major = major
            self.minor = minor
            self.weight = weight
        }
    }

    /// Bytes or operations a second.
    package struct Throttle: Codable, Sendable, Equatable {
        package var major: Int64
        package var minor: Int64
        package var rate: UInt64
        package init(major: Int64, minor: Int64, rate: UInt64) {
            self.major = major
            self.minor = minor
            self.rate = rate
        }
    }
}

package struct RuntimeHugePageLimit: Codable, Sendable, Equatable {
    package var pageSize: String
    package var limit: UInt64
    package init(pageSize: String, limit: UInt64) {
        self.pageSize = pageSize
        self.limit = limit
    }
}
