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
    /// For whoever reads the bundle; `run.oci.…` are crun's own.
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
    /// `NAME=VALUE`.
    package var env: [String]?
    /// Absolute, in the container.
    package var cwd = "/"
    package var capabilities: RuntimeCapabilities?
    package var rlimits: [RuntimeLimit]?
    package var noNewPrivileges: Bool?
    package var apparmorProfile: String?
    package var selinuxLabel: String?
    /// -1,000 to 1,000 (`/proc/PID/oom_score_adj`).
    package var oomScoreAdj: Int?

    package init() {}

    /// Of the terminal, in characters.
    package struct ConsoleSize: Codable, Sendable, Equatable {
        /// Lines.
        package var height: UInt
        /// Columns.
        package var width: UInt
        package init(height: UInt, width: UInt) {
            self.height = height
            self.width = width
        }
    }
}

/// Who the process is, by numbers of the container's user namespace.
package struct RuntimeUser: Codable, Sendable, Equatable {
    package var uid: UInt32
    package var gid: UInt32
    /// Of the process; 0022 when missing.
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
    /// In setrlimit(2)'s unit for the limit; the largest number for none.
    package var hard: UInt64
    /// The same; at most `hard`.
    package var soft: UInt64

    package init(type: String, hard: UInt64, soft: UInt64) {
        self.type = type
        self.hard = hard
        self.soft = soft
    }
}

/// The container's root file system.
package struct RuntimeRoot: Codable, Sendable, Equatable {
    /// A directory of the host, absolute or in the bundle.
    package var path: String
    package var readonly: Bool?

    package init(path: String, readonly: Bool? = nil) {
        self.path = path
        self.readonly = readonly
    }
}

/// One mount; they are made in order.
package struct RuntimeMount: Codable, Sendable, Equatable {
    /// Absolute, in the container.
    package var destination: String
    package var type: String?
    /// A path of the host for binds, a device or any word otherwise.
    package var source: String?
    /// mount(8)'s, and the runtimes' own: `rbind`, `rro`…
    package var options: [String]?

    package init(destination: String, type: String? = nil, source: String? = nil, options: [String]? = nil) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
    }
}

/// Programs that the runtime calls on the way (runtime-spec, config.md, "POSIX-platform Hooks").
package struct RuntimeHooks: Codable, Sendable, Equatable {
    package var prestart: [RuntimeHook]?
    package var createRuntime: [RuntimeHook]?
    package var createContainer: [RuntimeHook]?
    package var startContainer: [RuntimeHook]?
    package var poststart: [RuntimeHook]?
    package var poststop: [RuntimeHook]?

    package init() {}
}

/// A program of the host that gets the container's state on its standard input.
package struct RuntimeHook: Codable, Sendable, Equatable {
    /// Absolute.
    package var path: String
    /// The program's own name first, as in execv(3).
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
