/// `config.json` of a bundle, as runc reads it: the OCI runtime specification 1.0.2, the parts that Apus writes.
///
/// Absent means the runtime's default: nothing is written for `nil`. Source: opencontainers/runtime-spec, config.md and
/// config-linux.md.
package struct RuntimeSpecification: Codable, Sendable, Equatable {
    package var ociVersion = "1.0.2"
    package var process: RuntimeProcess?
    package var root: RuntimeRoot?
    package var hostname: String?
    package var domainname: String?
    package var mounts: [RuntimeMount]?
    package var hooks: RuntimeHooks?
    package var annotations: [String: String]?
    package var linux: RuntimeLinux?

    package init() {}
}

/// What runs in the container; also, alone, the file that `runc exec --process` reads.
package struct RuntimeProcess: Codable, Sendable, Equatable {
    package var terminal: Bool?
    package var consoleSize: ConsoleSize?
    package var user = RuntimeUser()
    package var args: [String] = []
    package var env: [String]?
    package var cwd = "/"
    package var capabilities: RuntimeCapabilities?
    package var rlimits: [RuntimeLimit]?
    package var noNewPrivileges: Bool?
    package var apparmorProfile: String?
    package var selinuxLabel: String?
    package var oomScoreAdj: Int?

    package init() {}

    package struct ConsoleSize: Codable, Sendable, Equatable {
        package var height: UInt
        package var width: UInt
        package init(height: UInt, width: UInt) {
            self.height = height
            self.width = width
        }
    }
}

package struct RuntimeUser: Codable, Sendable, Equatable {
    package var uid: UInt32
    package var gid: UInt32
    package var umask: UInt32?
    package var additionalGids: [UInt32]?

    package init(uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32]? = nil) {
        self.uid = uid
        self.gid = gid
        self.umask = umask
        self.additionalGids = additionalGids
    }
}

/// Names as in `CAP_NET_ADMIN`.
package struct RuntimeCapabilities: Codable, Sendable, Equatable {
    package var bounding: [String]?
    package var effective: [String]?
    package var permitted: [String]?
    package var inheritable: [String]?
    package var ambient: [String]?

    package init() {}

    /// The sets of a root process with these capabilities, as Docker writes them: no inheritable, no ambient ones.
    package init(_ names: [String]) {
        bounding = names
        effective = names
        permitted = names
    }
}

/// `type` as in `RLIMIT_NOFILE`.
package struct RuntimeLimit: Codable, Sendable, Equatable {
    package var type: String
    package var hard: UInt64
    package var soft: UInt64

    package init(type: String, hard: UInt64, soft: UInt64) {
        self.type = type
        self.hard = hard
        self.soft = soft
    }
}

package struct RuntimeRoot: Codable, Sendable, Equatable {
    package var path: String
    package var readonly: Bool?

    package init(path: String, readonly: Bool? = nil) {
        self.path = path
        self.readonly = readonly
    }
}

package struct RuntimeMount: Codable, Sendable, Equatable {
    package var destination: String
    package var type: String?
    package var source: String?
    package var options: [String]?

    package init(destination: String, type: String? = nil, source: String? = nil, options: [String]? = nil) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
    }
}

package struct RuntimeHooks: Codable, Sendable, Equatable {
    package var prestart: [RuntimeHook]?
    package var createRuntime: [RuntimeHook]?
    package var createContainer: [RuntimeHook]?
    package var startContainer: [RuntimeHook]?
    package var poststart: [RuntimeHook]?
    package var poststop: [RuntimeHook]?

    package init() {}
}

package struct RuntimeHook: Codable, Sendable, Equatable {
    package var path: String
    package var args: [String]?
    package var env: [String]?
    /// Seconds.
    package var timeout: Int?

    package init(path: String, args: [String]? = nil, env: [String]? = nil, timeout: Int? = nil) {
        self.path = path
        self.args = args
        self.env = env
        self.timeout = timeout
    }
}
