package import LinuxSystem

/// Runs containers: what the engine needs of conmon and of crun or runc, in none of their words.
///
/// Ids are Docker's. Calls for one container come one after the other, except for waiting, attaching and signals.
/// Faults are ``RuntimeError``s; `.noSuchContainer` where nothing was created under an id.
package protocol Runtime: ContainerProcesses, ContainerOutput, ContainerExecs {
    /// How the machine's cgroups are laid out.
    var cgroups: CgroupLayout { get }
    /// What they can limit; what else is asked for is left out, with a ``LimitWarning``.
    var limits: CgroupLimits { get }
}

/// Containers' first processes, from their making to their last trace.
package protocol ContainerProcesses: Sendable {
    /// Makes the container's namespaces and cgroup and its first process, which waits for ``start(_:)``. Viewers that
    /// are attached already see everything. What was left of a failed one is removed.
    func create(_ request: CreateRequest) async throws -> CreatedContainer
    /// Lets the first process of a created container go on.
    /// - Throws: ``RuntimeError`` with Docker's words when the program cannot be run.
    func start(_ id: String) async throws
    /// Sends a signal to the first process, or to all of the container's.
    func kill(_ id: String, signal: CInt, all: Bool) async throws
    /// Freezes all of the container's processes (cgroup freezer); pending signals wait.
    func pause(_ id: String) async throws
    /// Lets frozen processes go on.
    func unpause(_ id: String) async throws
    /// Changes limits of a running container; `nil` stays as it is, and no processes are as many as there can be.
    func update(_ id: String, _ resources: ContainerResources) async throws
    /// Kills what is left and removes every trace; nothing there is fine. Viewers still read all that was written, and then end.
    func delete(_ id: String) async throws
    /// What the container is now; ``ContainerState/absent`` for an unknown id, which is no error.
    func state(_ id: String) async throws -> ContainerProcessState
    /// Returns when the container has ended; at once if it has.
    /// - Throws: `.noSuchContainer` also when it is deleted meanwhile, and how it ended with it.
    func waitForExit(_ id: String) async throws -> ContainerExit

    /// Ids of the containers that are there, running or not.
    func containers() async throws -> [String]
    /// Takes a container over from an earlier daemon: its output, its exit.
    func adopt(_ id: String) async throws -> ContainerProcessState
    /// Removes what an earlier daemon left half made, and containers that are not among `requested`. Returns their ids.
    func sweep(keeping requested: Set<String>) async throws -> [String]
}

/// What containers write, and their terminals.
package protocol ContainerOutput: Sendable {
    /// A viewer of all output from now on; the container need not be there yet.
    func attach(_ id: String) -> OutputViewer
    /// - Throws: `.invalidSpecification` for more than 65,535 lines or columns, `.wrongState` when the container does not run.
    func resizeTerminal(_ id: String, height: Int, width: Int) async throws
    /// Asks conmon to begin a new log file, as it does by itself when one is full. Does not wait for it.
    func reopenLog(_ id: String) async throws
    /// Has `body` called, on no particular thread, each time that the container's log has grown by about so many bytes, and when its output
    /// ends. Nothing more is taken of its output before `body` calls what it was given: a container writes no further ahead than a socket's
    /// buffer. For the life of the container's process.
    func watchLog(_ id: String, every bytes: Int64, _ body: @escaping LogWatch.Body)
}

/// Commands inside containers.
package protocol ContainerExecs: Sendable {
    /// Starts a process in a running container and returns when it runs. Its viewer sees all of its output.
    /// - Throws: `.commandNotFound` and `.commandNotExecutable` with Docker's words; `.wrongState` when the container does not run.
    func startExec(_ request: RuntimeExecRequest) async throws -> any ExecSession
    /// The exit code of an exec that this or an earlier daemon has started; `nil` while it runs or when it is unknown.
    func exitCode(ofExec id: String, container: String) async throws -> Int?
    /// Kills the execs of a container whose ids begin so, and forgets them; none is fine.
    func removeExecs(of container: String, named prefix: String) async throws
}

/// A container to make.
package struct CreateRequest: Sendable {
    package var specification: ContainerSpecification
    /// File for conmon to write the output to, in an existing directory on disk; `nil` for no log.
    package var logPath: String?
    /// Bytes after which conmon begins a new file at that path, whether a daemon runs or not; `nil` for never. What it has written to
    /// the earlier one is gone then, unless that has another name.
    package var logBytes: Int64?
    /// Who is to make it.
    package var runtime: RuntimeName

    package init(
        specification: ContainerSpecification, logPath: String?, logBytes: Int64? = nil, runtime: RuntimeName
    ) {
        self.logBytes = logBytes
        self.logPath = logPath
        self.runtime = runtime
        self.specification = specification
    }
}

/// A container that waits for its start.
package struct CreatedContainer: Sendable, Equatable {
    /// The first process, in the daemon's pid namespace.
    package var pid: Int32
    /// What was asked for and cannot be had, in words for the user.
    package var warnings: [String]

    package init(pid: Int32, warnings: [String]) {
        self.pid = pid
        self.warnings = warnings
    }
}

/// What a container is, as the processes and files of this machine say.
package enum ContainerProcessState: Sendable, Equatable {
    /// Nothing was created under this id, or it has been deleted, or the machine has been restarted.
    case absent
    /// Made, not started.
    case created(pid: Int32)
    case running(pid: Int32)
    case paused(pid: Int32)
    case exited(ContainerExit)
}

/// A process to start in a running container.
package struct RuntimeExecRequest: Sendable {
    /// Unique among the container's execs.
    package var id: String
    /// The running container's id.
    package var container: String
    /// Program and arguments; not empty.
    package var arguments: [String]
    /// Laid over the container's own environment.
    package var environment: [String] = []
    /// Empty for the container's.
    package var workingDirectory = ""
    /// `nil` for the container's.
    package var user: ContainerUser?
    /// What `HOME` is unless an environment says; `nil` leaves it to the runtime.
    package var home: String?
    /// As ``ContainerSpecification/terminal``.
    package var terminal = false
    /// A pipe for the standard input; otherwise it is `/dev/null`.
    package var openInput = false
    /// All capabilities that the daemon may give, and no seccomp profile.
    package var privileged = false
    /// The terminal's size from the start on.
    package var size: TerminalSize?

    package init(id: String, container: String, arguments: [String]) {
        self.arguments = arguments
        self.container = container
        self.id = id
    }
}

/// In characters.
package struct TerminalSize: Sendable, Equatable {
    /// Lines.
    package var height: Int
    /// Columns.
    package var width: Int

    package init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }
}

/// A process that was started in a container.
package protocol ExecSession: Sendable {
    /// In the daemon's pid namespace.
    var pid: Int32 { get }
    /// Its only viewer, there since before it was started.
    var viewer: OutputViewer { get }
    /// Returns its exit code when it is on record.
    func waitForExit() async throws -> Int
    /// - Throws: `.invalidSpecification` for more than 65,535 lines or columns, `.wrongState` when it has ended.
    func resizeTerminal(height: Int, width: Int) async throws
    /// Sends a signal to the process alone.
    func signal(_ signal: CInt) async throws
    /// Forgets it and its files; after its end.
    func remove() async throws
}
