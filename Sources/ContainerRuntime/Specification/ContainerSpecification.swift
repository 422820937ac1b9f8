/// A container as the engine wants it, in plain values: what ``SpecificationBuilder`` turns into runc's `config.json`.
///
/// Everything is resolved already: no image, no network name, no volume name is known here.
package struct ContainerSpecification: Sendable {
    package var id: String
    /// The mounted root directory of the container, on the host.
    package var rootDirectory: String
    /// The root is mounted read-only; mounts on it are as they say themselves.
    package var readOnlyRoot = false
    /// Program and arguments; not empty.
    package var arguments: [String]
    /// `NAME=value`, laid over `PATH`, `HOSTNAME` and, with a terminal, `TERM`.
    package var environment: [String] = []
    /// Absolute; made in the container when it is missing.
    package var workingDirectory = "/"
    package var user = ContainerUser()
    /// Empty, or in the host's UTS namespace: left as it is.
    package var hostname = ""
    package var domainname = ""
    /// Standard streams are a pseudo-terminal; there is one stream of output then.
    package var terminal = false
    /// A pipe (or the terminal) for the standard input; otherwise it is `/dev/null`.
    package var openInput = false
    /// The input ends when the one who writes it ends it. Without this it stays open for the next.
    package var inputOnce = false
    /// All capabilities that the daemon has, all devices, no seccomp profile, nothing masked or read-only.
    package var privileged = false
    package var capabilities = CapabilityChange()
    /// No execve(2) gives the process more than it has (prctl(2), `PR_SET_NO_NEW_PRIVS`).
    package var noNewPrivileges = false
    package var seccomp = SeccompChoice.standard
    package var namespaces = ContainerNamespaces()
    package var mounts: [ContainerMount] = []
    package var sharedMemory = SharedMemory.own(bytes: SharedMemory.standardBytes)
    package var devices: [ContainerDevice] = []
    /// As in `c 10:200 rwm`, beyond those of ``devices``.
    package var deviceRules: [String] = []
    package var resources = ContainerResources()
    package var limits: [ProcessLimit] = []
    /// −1,000 to 1,000 (`oom_score_adj`); cut to what the daemon may give.
    package var outOfMemoryScore = 0
    /// Names with dots and values; of a namespace that the container has for itself.
    package var sysctls: [String: String] = [:]
    /// `nil` for Docker's lists.
    package var maskedPaths: [String]?
    package var readOnlyPaths: [String]?
    /// Program on the host to run as process 1, which starts the container's own and reaps orphans (Docker's `--init`).
    package var initProgram: String?

    package init(id: String, rootDirectory: String, arguments: [String]) {
        self.arguments = arguments
        self.id = id
        self.rootDirectory = rootDirectory
    }

    /// The container's cgroup in every hierarchy.
    package var cgroup: String { Self.cgroup(of: id) }

    /// The cgroup of a container by its id, below each hierarchy's root.
    package static func cgroup(of id: String) -> String { "/apus/\(id)" }
}

/// Who a process runs as, in numbers; from ``UserResolver``.
package struct ContainerUser: Sendable, Equatable {
    package var uid: UInt32
    package var gid: UInt32
    package var additionalGroups: [UInt32]
    /// What `HOME` is unless the environment says; `nil` leaves it to the runtime.
    package var home: String?

    package init(uid: UInt32 = 0, gid: UInt32 = 0, additionalGroups: [UInt32] = [], home: String? = nil) {
        self.additionalGroups = additionalGroups
        self.gid = gid
        self.home = home
        self.uid = uid
    }
}

/// What to add to Docker's default capabilities and what to take away: names with or without `CAP_`, or `ALL`.
package struct CapabilityChange: Sendable, Equatable {
    package var add: [String]
    package var drop: [String]

    package init(add: [String] = [], drop: [String] = []) {
        self.add = add
        self.drop = drop
    }
}

/// Which filter of system calls a container gets.
package enum SeccompChoice: Sendable, Equatable {
    /// Docker's default profile, for the container's capabilities. None for privileged containers.
    case standard
    /// The same, also for 32-bit programs, whose calls otherwise kill them: adds 15 ms to the start.
    case standardWithSubordinateArchitectures
    case unconfined
    /// A profile in Docker's format.
    case profile([UInt8])
}

/// What a container shares with the host or with another one.
package struct ContainerNamespaces: Sendable, Equatable {
    /// Whose namespace a container is in.
    package enum Sharing: Sendable, Equatable {
        /// Its own, made by runc.
        case own
        case host
        /// Path of a namespace file, as in `/proc/PID/ns/ipc`.
        case path(String)
    }

    package var network = Sharing.own
    package var pid = Sharing.own
    package var ipc = Sharing.own
    package var uts = Sharing.own
    /// Docker's default is the host's with cgroup version 1 and the container's own with version 2.
    package var cgroup = Sharing.host

    package init() {}
}

/// Something to mount into the container.
package struct ContainerMount: Sendable, Equatable {
    /// What is mounted.
    package enum Kind: Sendable, Equatable {
        /// A file or directory of the host's, which exists.
        case bind(source: String)
        /// Options as Docker takes them, as in `size=64m,mode=1777,exec`.
        case tmpfs(options: [String])
    }

    package var kind: Kind
    /// How far a read-only mount reaches.
    package enum Reach: Sendable, Equatable {
        /// Also what is mounted below it, where the kernel can.
        case everything
        /// The same, and refused where it cannot.
        case everythingOrNothing
        /// What is mounted below it stays writable.
        case topOnly
    }

    /// Absolute, in the container; made there when it is missing.
    package var destination: String
    package var readOnly: Bool
    package var reach: Reach
    /// `rprivate`, `rslave`, `rshared` and the same without `r`. Binds only.
    package var propagation: String
    /// Also mount what is mounted below the source.
    package var recursive: Bool

    package init(
        _ kind: Kind, at destination: String, readOnly: Bool = false, reach: Reach = .everything,
        propagation: String = "rprivate", recursive: Bool = true
    ) {
        self.reach = reach
        self.destination = destination
        self.kind = kind
        self.propagation = propagation
        self.readOnly = readOnly
        self.recursive = recursive
    }
}

/// Where `/dev/shm` comes from.
package enum SharedMemory: Sendable, Equatable {
    case own(bytes: Int64)
    /// The host's or another container's directory.
    case bind(String)

    /// 64 MiB, Docker's default.
    package static let standardBytes: Int64 = 64 << 20
}

/// A device of the host's.
package struct ContainerDevice: Sendable, Equatable {
    /// A device, or a directory of devices.
    package var pathOnHost: String
    /// What it is called in the container.
    package var path: String
    /// Some of `rwm`.
    package var access: String

    package init(pathOnHost: String, path: String, access: String = "rwm") {
        self.access = access
        self.path = path
        self.pathOnHost = pathOnHost
    }
}

/// Limits of a container's cgroup, in Docker's units. `nil` or, where Docker takes it so, 0 means none.
package struct ContainerResources: Sendable, Equatable {
    /// Bytes.
    package var memory: Int64?
    /// Bytes.
    package var memoryReservation: Int64?
    /// Memory plus swap in bytes; −1 for unlimited; absent with a memory limit means twice that.
    package var memorySwap: Int64?
    /// 0 to 100; cgroup version 1 alone.
    package var memorySwappiness: Int64?
    /// Processes wait instead of being ended; version 1 alone.
    package var disableOutOfMemoryKiller = false
    /// Weight among others, 1,024 unless given.
    package var cpuShares: Int64?
    /// Microseconds.
    package var cpuPeriod: Int64?
    /// Microseconds in each period.
    package var cpuQuota: Int64?
    /// Billionths of a processor; sets period and quota.
    package var nanoCPUs: Int64?
    /// As in `0-2,7`.
    package var cpus: String?
    /// As in `0-1`.
    package var memoryNodes: String?
    /// ≤ 0 for unlimited.
    package var processes: Int64?
    /// 10 to 1000.
    package var blockIOWeight: UInt16?

    package init() {}
}

/// A resource limit of the processes (setrlimit(2)); `name` as in `nofile`, −1 for unlimited.
package struct ProcessLimit: Sendable, Equatable {
    package var name: String
    /// In setrlimit(2)'s unit for the limit.
    package var soft: Int64
    /// The same; not below ``soft``.
    package var hard: Int64

    package init(name: String, soft: Int64, hard: Int64) {
        self.hard = hard
        self.name = name
        self.soft = soft
    }
}
