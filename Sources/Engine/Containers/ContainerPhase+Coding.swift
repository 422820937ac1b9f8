import Model

/// As it is kept: an object with the phase's name and the facts that belong to it. Docker's names are not used, so that neither is taken
/// for the other.
extension ContainerPhase: Codable {
    private enum Name: String, Codable {
        case created, starting, running, paused, stopping, restarting, exited, removing, dead
    }

    private enum Keys: String, CodingKey { case name, attempt, start, run, stop, exit, at, reason }

    private struct KeptAttempt: Codable {
        var code: Int?
        var error: String?
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        func exit() throws -> Exit { try values.decode(Exit.self, forKey: .exit) }
        func run() throws -> Run { try values.decode(Run.self, forKey: .run) }
        switch try values.decode(Name.self, forKey: .name) {
        case .created:
            let attempt = try values.decodeIfPresent(KeptAttempt.self, forKey: .attempt)
            self = .created(
                attempt.map { attempt in
                    attempt.code.map { .failed(code: $0, error: attempt.error ?? "") } ?? .interrupted
                })
        case .starting: self = .starting(try values.decode(Start.self, forKey: .start))
        case .running: self = .running(try run())
        case .paused: self = .paused(try run())
        case .stopping: self = .stopping(try run(), try values.decode(Stop.self, forKey: .stop))
        case .restarting: self = .restarting(at: try values.decode(Timestamp.self, forKey: .at), try exit())
        case .exited: self = .exited(try exit())
        case .removing: self = .removing(try values.decodeIfPresent(Exit.self, forKey: .exit))
        case .dead:
            self = .dead(
                try values.decodeIfPresent(Exit.self, forKey: .exit),
                reason: try values.decode(String.self, forKey: .reason))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(name, forKey: .name)
        try values.encodeIfPresent(run, forKey: .run)
        switch self {
        case .created(.failed(let code, let error)):
            try values.encode(KeptAttempt(code: code, error: error), forKey: .attempt)
        case .created(.interrupted): try values.encode(KeptAttempt(), forKey: .attempt)
        case .created(nil), .running, .paused: break
        case .starting(let start): try values.encode(start, forKey: .start)
        case .stopping(_, let stop): try values.encode(stop, forKey: .stop)
        case .restarting(let timestamp, let exit):
            try values.encode(timestamp, forKey: .at)
            try values.encode(exit, forKey: .exit)
        case .exited(let exit): try values.encode(exit, forKey: .exit)
        case .removing(let exit): try values.encodeIfPresent(exit, forKey: .exit)
        case .dead(let exit, let reason):
            try values.encodeIfPresent(exit, forKey: .exit)
            try values.encode(reason, forKey: .reason)
        }
    }

    private var name: Name {
        switch self {
        case .created: .created
        case .starting: .starting
        case .running: .running
        case .paused: .paused
        case .stopping: .stopping
        case .restarting: .restarting
        case .exited: .exited
        case .removing: .removing
        case .dead: .dead
        }
    }
}

/// What a record said of a container's life before it had a phase: Docker's `State`, and flags beside it.
struct ContainerFlags: Decodable {
    var state = ContainerState()
    var isStoppedByUser = false
    var isWanted = false
    var isStarting = false
    var isBeingRemoved = false
    var ending: ProcessEnd?
    var isBeingRestarted: Bool?
    var endedUnhealthy: Bool?

    /// Flags that contradicted each other are read as the daemon of their time acted on them.
    var phase: ContainerPhase {
        let hasRun = state.startedAt != .zero
        let exit = hasRun ? exit : nil
        if isBeingRemoved { return .removing(exit) }
        let cause: StopCause = endedUnhealthy == true ? .unhealthy : isBeingRestarted == true ? .restart : .user
        let stop = ContainerPhase.Stop(by: cause, deadline: nil, isFrozen: state.paused)
        if isStarting {
            return .starting(
                ContainerPhase.Start(
                    isRestart: state.restarting, stop: state.restarting && isStoppedByUser ? stop : nil, before: exit))
        }
        if state.restarting, let exit {
            return isStoppedByUser && isBeingRestarted != true
                ? .exited(exit) : .restarting(at: state.finishedAt, exit)
        }
        if state.running {
            let run = ContainerPhase.Run(
                pid: state.pid, startedAt: state.startedAt, previousEnd: state.finishedAt, end: ending)
            return isStoppedByUser ? .stopping(run, stop) : state.paused ? .paused(run) : .running(run)
        }
        if let exit { return .exited(exit) }
        if isWanted { return .created(.interrupted) }
        return .created(state.error.isEmpty ? nil : .failed(code: state.exitCode, error: state.error))
    }

    private var exit: ContainerPhase.Exit {
        ContainerPhase.Exit(
            code: state.exitCode, wasOutOfMemory: state.outOfMemoryKilled, startedAt: state.startedAt,
            finishedAt: state.finishedAt, error: state.error, cause: cause)
    }

    private var cause: ExitCause {
        if endedUnhealthy == true { return .unhealthy }
        if isStoppedByUser { return .user }
        if !state.error.isEmpty { return .startFailed }
        return isWanted && !state.restarting ? .lost : .itself
    }
}
