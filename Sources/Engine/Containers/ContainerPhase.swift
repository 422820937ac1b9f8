import Model

/// Where a container is in its life, with the facts that belong to each place and no others.
///
/// It changes by ``receive(_:)`` alone. Everything that clients are told of it, Docker's `State` among it, is computed from it.
enum ContainerPhase: Sendable, Equatable {
    /// It has never run. `nil`: nobody has tried.
    case created(Attempt?)
    /// Its networks, files and root are being put together; its process does not run yet.
    case starting(Start)
    case running(Run)
    /// Its processes are frozen.
    case paused(Run)
    /// Its process is to end, and has not yet. One that takes no notice of its signal stays here.
    case stopping(Run, Stop)
    /// It has ended and is started again: by its policy at that moment, or by whoever is restarting it.
    case restarting(at: Timestamp, Exit)
    case exited(Exit)
    /// Removal has begun, and must be brought to its end. `nil`: it never ran.
    case removing(Exit?)
    /// A removal has failed; what is left of the container waits for the next one.
    case dead(Exit?, reason: String)

    /// What came of a first start that did not lead to a run.
    enum Attempt: Sendable, Equatable {
        case failed(code: Int, error: String)
        /// The daemon ended meanwhile: it is to be started all the same.
        case interrupted
    }

    struct Start: Codable, Sendable, Equatable {
        /// It counts as running all the while: a policy or a user's restart starts it again.
        var isRestart = false
        /// A stop that came meanwhile, for when it runs.
        var stop: Stop?
        /// How it ended before; `nil` for a first start.
        var before: Exit?
    }

    struct Run: Codable, Sendable, Equatable {
        /// The first process, as the node sees it; 0 when it is known to have ended.
        var pid: Int
        var startedAt: Timestamp
        /// When the run before ended; zero when there was none.
        var previousEnd = Timestamp.zero
        /// How the process ended, while that is being settled: its own traces go before the rest is done.
        var end: ProcessEnd?
        /// The kernel has killed a process of it for want of memory; `nil` for not, also in records of before this was kept.
        var hadMemoryKill: Bool?
    }

    struct Stop: Codable, Sendable, Equatable {
        var by: StopCause
        /// When SIGKILL follows; `nil` for never.
        var deadline: Timestamp?
        /// Its processes are frozen still, and take no signal but SIGKILL.
        var isFrozen = false
    }

    /// How a run ended, or the start after it that failed.
    struct Exit: Codable, Sendable, Equatable {
        /// The process' exit code, 128 + the signal that ended it, or Docker's code of a start that failed.
        var code: Int
        /// Of any process of the run, not necessarily the first.
        var wasOutOfMemory = false
        var startedAt: Timestamp
        var finishedAt: Timestamp
        /// Why the start failed; else empty.
        var error = ""
        var cause: ExitCause
    }
}

/// Who wants a container's process to end.
enum StopCause: String, Codable, Sendable, CaseIterable {
    /// A stop, or a kill with SIGKILL or the container's stop signal.
    case user
    /// The engine: it is a task's and unhealthy.
    case unhealthy
    /// A user's restart: its end is followed by a start, whatever the policy.
    case restart
    /// A removal by force.
    case removal

    /// What two that came one after the other come to.
    func merged(with next: StopCause) -> StopCause {
        if self == .removal || next == .removal { return .removal }
        if self == .unhealthy || next == .unhealthy { return .unhealthy }
        return self == .restart || next == .restart ? .restart : .user
    }
}

/// What a run's end came from.
enum ExitCause: String, Codable, Sendable, CaseIterable {
    /// The process ended by itself, or by a signal that nobody of the engine's clients sent.
    case itself
    case user
    case unhealthy
    case startFailed
    /// It went without a trace, as with the machine: it is to be started again.
    case lost

    init(_ stop: StopCause) { self = stop == .unhealthy ? .unhealthy : .user }
}

/// How a container's process ended.
struct ProcessEnd: Codable, Sendable, Equatable {
    var code: Int
    var wasOutOfMemory: Bool
}

extension ContainerPhase {
    /// Docker's word for it: the process is there, or about to be there again.
    var isRunning: Bool {
        switch self {
        case .running, .paused, .stopping, .restarting: true
        case .starting(let start): start.isRestart
        case .created, .exited, .removing, .dead: false
        }
    }

    /// Its process is there, and so is its root file system.
    var isUp: Bool { run != nil }

    var run: Run? {
        switch self {
        case .running(let run), .paused(let run), .stopping(let run, _): run
        default: nil
        }
    }

    var isStarting: Bool { if case .starting = self { true } else { false } }
    var isPaused: Bool {
        switch self {
        case .paused: true
        case .stopping(_, let stop): stop.isFrozen
        default: false
        }
    }
    /// It is about to be started again, or being so.
    var isRestarting: Bool {
        switch self {
        case .restarting: true
        case .starting(let start): start.isRestart
        default: false
        }
    }
    var isBeingRemoved: Bool {
        switch self {
        case .removing, .dead: true
        default: false
        }
    }

    /// It is to be running: from its start until a stop, or an end that no restart follows.
    var isRequested: Bool {
        switch self {
        case .starting(let start): start.stop == nil
        case .running, .paused, .restarting, .created(.interrupted): true
        case .exited(let exit): exit.cause == .lost
        case .created, .stopping, .removing, .dead: false
        }
    }

    /// A user's stop or kill: the restart policy does not apply until a user's start.
    var isStoppedByUser: Bool {
        switch self {
        case .stopping: true
        case .starting(let start): start.stop != nil
        case .exited(let exit): exit.cause == .user || exit.cause == .unhealthy
        default: false
        }
    }

    /// How the last run ended; `nil` while it runs or when there was none.
    var exit: Exit? {
        switch self {
        case .starting(let start): start.before
        case .restarting(_, let exit), .exited(let exit): exit
        case .removing(let exit), .dead(let exit, _): exit
        case .created, .running, .paused, .stopping: nil
        }
    }

    /// 0 while it runs, as Docker has it.
    var exitCode: Int { if case .created(.failed(let code, _)) = self { code } else { exit?.code ?? 0 } }

    /// When the present run began, or the last one; zero when there was none.
    var startedAt: Timestamp { run?.startedAt ?? exit?.startedAt ?? .zero }
}

extension ContainerPhase {
    /// Docker's `State` of a container, but for its health.
    var shown: ContainerState {
        var state = ContainerState()
        state.status = status
        state.running = isRunning
        state.paused = isPaused
        state.restarting = isRestarting
        if case .dead = self { state.dead = true }
        if let run {
            state.pid = run.pid
            state.startedAt = run.startedAt
            state.finishedAt = run.previousEnd
            state.outOfMemoryKilled = run.hadMemoryKill == true
        } else if let exit {
            state.exitCode = exit.code
            state.error = exit.error
            state.outOfMemoryKilled = exit.wasOutOfMemory
            state.startedAt = exit.startedAt
            state.finishedAt = exit.finishedAt
        } else if case .created(.failed(let code, let error)) = self {
            state.exitCode = code
            state.error = error
        }
        return state
    }

    /// Docker's word: `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    var status: String {
        switch self {
        case .created: "created"
        case .starting(let start): start.isRestart ? "restarting" : start.before == nil ? "created" : "exited"
        case .running: "running"
        case .paused: "paused"
        case .stopping(_, let stop): stop.isFrozen ? "paused" : "running"
        case .restarting: "restarting"
        case .exited: "exited"
        case .removing: "removing"
        case .dead: "dead"
        }
    }
}
