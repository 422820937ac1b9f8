import Model

/// The one place where a container's phase changes. Total: every event has its answer in every phase; one that means nothing there changes
/// nothing.
extension ContainerPhase {
    /// - Returns: What is to be done now, in order.
    mutating func receive(_ event: ContainerEvent) -> [ContainerEffect] {
        switch event {
        case .startRequested: return start()
        case .started(let pid, let timestamp): return started(pid, timestamp)
        case .startFailed(let code, let error, let timestamp): return startFailed(code, error, timestamp)
        case .stopRequested(let cause, let deadline): return stop(cause, deadline)
        case .restartAbandoned: return setStop(from: .restart, to: .user)
        case .frozen: return freeze()
        case .thawed: return thaw()
        case .memoryKilled(let startedAt):
            guard var run, run.startedAt == startedAt else { return [] }
            run.hadMemoryKill = true
            set(run)
            return []
        case .processEnded(let end): return processEnded(end)
        case .settled(let timestamp, let delay): return settled(timestamp, delay)
        case .adopted(let isAlive): return adopted(isAlive)
        case .lost(let timestamp): return lost(timestamp)
        case .removalBegan: return remove()
        case .removalFailed(let reason):
            guard case .removing(let exit) = self else { return [] }
            self = .dead(exit, reason: reason)
            return []
        }
    }

    // MARK: Starts

    private mutating func start() -> [ContainerEffect] {
        switch self {
        case .created: self = .starting(Start())
        case .exited(let exit): self = .starting(Start(before: exit))
        case .restarting(_, let exit): self = .starting(Start(isRestart: true, before: exit))
        // An earlier one was cut short.
        case .starting(var start):
            start.stop = nil
            self = .starting(start)
        case .running, .stopping: return [.refuse(isPaused ? .paused : .running)]
        case .paused: return [.refuse(.paused)]
        case .removing, .dead: return [.refuse(.beingRemoved)]
        }
        return [.bringUp]
    }

    private mutating func started(_ pid: Int, _ timestamp: Timestamp) -> [ContainerEffect] {
        guard case .starting(let start) = self else { return [] }
        let run = Run(pid: pid, startedAt: timestamp, previousEnd: start.before?.finishedAt ?? .zero)
        self = start.stop.map { .stopping(run, $0) } ?? .running(run)
        return [.publishStart, .watch]
    }

    private mutating func startFailed(_ code: Int, _ error: String, _ timestamp: Timestamp) -> [ContainerEffect] {
        switch self {
        case .starting(let start):
            guard var exit = start.before else {
                self = .created(.failed(code: code, error: error))
                break
            }
            exit.code = code
            exit.error = error
            exit.cause = start.stop.map { ExitCause($0.by) } ?? .startFailed
            self = .exited(exit)
        // It ran for a moment, and could not be put on record.
        case .running(let run), .paused(let run), .stopping(let run, _):
            var cause = ExitCause.startFailed
            if case .stopping(_, let stop) = self { cause = ExitCause(stop.by) }
            self = .exited(
                Exit(code: code, startedAt: run.startedAt, finishedAt: timestamp, error: error, cause: cause))
        case .created, .restarting, .exited, .removing, .dead: return []
        }
        // Of a start anew somebody may have waited for the end since before; nothing more comes.
        return [.release(code: code, isOver: true), .removeIfTemporary]
    }

    // MARK: Stops

    private mutating func stop(_ cause: StopCause, _ deadline: Timestamp?) -> [ContainerEffect] {
        switch self {
        case .running(let run): self = .stopping(run, Stop(by: cause, deadline: deadline))
        case .paused(let run): self = .stopping(run, Stop(by: cause, deadline: deadline, isFrozen: true))
        case .stopping(let run, let stop): self = .stopping(run, stop.merged(with: cause, deadline))
        case .starting(var start):
            start.stop = start.stop?.merged(with: cause, deadline) ?? Stop(by: cause, deadline: deadline)
            self = .starting(start)
            return [.awaitStart]
        case .restarting(_, var exit):
            exit.cause = ExitCause(cause)
            self = .exited(exit)
            return [.release(code: exit.code, isOver: true)]
        case .created, .exited, .removing, .dead: return [.refuse(.notRunning)]
        }
        return [.signal]
    }

    private mutating func setStop(from: StopCause, to: StopCause) -> [ContainerEffect] {
        switch self {
        case .stopping(let run, var stop) where stop.by == from:
            stop.by = to
            self = .stopping(run, stop)
        case .starting(var start) where start.stop?.by == from:
            start.stop?.by = to
            self = .starting(start)
        default: break
        }
        return []
    }

    private mutating func freeze() -> [ContainerEffect] {
        switch self {
        case .running(let run): self = .paused(run)
        case .stopping(let run, var stop) where !stop.isFrozen:
            stop.isFrozen = true
            self = .stopping(run, stop)
        case .paused, .stopping: return [.refuse(.paused)]
        case .created, .starting, .restarting, .exited, .removing, .dead: return [.refuse(.notRunning)]
        }
        return []
    }

    private mutating func thaw() -> [ContainerEffect] {
        switch self {
        case .paused(let run): self = .running(run)
        case .stopping(let run, var stop) where stop.isFrozen:
            stop.isFrozen = false
            self = .stopping(run, stop)
        default: return [.refuse(.notPaused)]
        }
        return []
    }

    // MARK: Ends

    private mutating func processEnded(_ end: ProcessEnd) -> [ContainerEffect] {
        guard var run else { return [] }
        // What is on record already is the truth: the runtime's own traces may be half gone.
        run.end = run.end ?? end
        set(run)
        return [.settle]
    }

    private mutating func settled(_ timestamp: Timestamp, _ delay: Duration?) -> [ContainerEffect] {
        guard let run else { return [] }
        // Docker's code for an end that nobody has seen.
        let end = run.end ?? ProcessEnd(code: 255, wasOutOfMemory: false)
        var exit = Exit(
            code: end.code, wasOutOfMemory: end.wasOutOfMemory || run.hadMemoryKill == true, startedAt: run.startedAt,
            finishedAt: timestamp, cause: .itself)
        var effects: [ContainerEffect] = []
        if case .stopping(_, let stop) = self {
            exit.cause = ExitCause(stop.by)
            effects = [.publishEnd(exit), .release(code: end.code, isOver: true)]
            if stop.by == .restart {
                self = .restarting(at: timestamp, exit)
                return effects
            }
        } else if let delay {
            self = .restarting(at: timestamp.advanced(byNanoseconds: delay.wholeNanoseconds), exit)
            return [.publishEnd(exit), .release(code: end.code, isOver: false), .restart(after: delay)]
        } else {
            effects = [.publishEnd(exit), .release(code: end.code, isOver: true)]
        }
        self = .exited(exit)
        return effects + [.removeIfTemporary]
    }

    // MARK: A new daemon

    private mutating func adopted(_ isAlive: Bool) -> [ContainerEffect] {
        if var run, !isAlive {
            // The number may be another process's by now.
            run.pid = 0
            set(run)
        }
        // Whoever asked for a restart has gone with the earlier daemon.
        return setStop(from: .restart, to: .user)
    }

    private mutating func lost(_ timestamp: Timestamp) -> [ContainerEffect] {
        switch self {
        case .starting(let start):
            if var exit = start.before {
                exit.cause = start.stop.map { ExitCause($0.by) } ?? .lost
                self = .exited(exit)
            } else {
                self = .created(start.stop == nil ? .interrupted : nil)
            }
        case .running(let run), .paused(let run):
            self = .exited(Self.vanished(run, timestamp, run.end == nil ? .lost : .itself))
        case .stopping(let run, let stop): self = .exited(Self.vanished(run, timestamp, ExitCause(stop.by)))
        case .created, .restarting, .exited, .removing, .dead: break
        }
        return []
    }

    /// Of an end that is on record already that is the truth.
    private static func vanished(_ run: Run, _ timestamp: Timestamp, _ cause: ExitCause) -> Exit {
        Exit(
            code: run.end?.code ?? 255, wasOutOfMemory: run.end?.wasOutOfMemory == true || run.hadMemoryKill == true,
            startedAt: run.startedAt, finishedAt: timestamp, cause: cause)
    }

    private mutating func remove() -> [ContainerEffect] {
        switch self {
        case .created, .starting, .restarting, .exited, .removing, .dead: self = .removing(exit)
        case .running, .paused, .stopping: return [.refuse(isPaused ? .paused : .running)]
        }
        return [.destroy]
    }

    private mutating func set(_ run: Run) {
        switch self {
        case .running: self = .running(run)
        case .paused: self = .paused(run)
        case .stopping(_, let stop): self = .stopping(run, stop)
        default: break
        }
    }
}

extension ContainerPhase.Stop {
    /// The earlier end of the two counts.
    fileprivate func merged(with cause: StopCause, _ deadline: Timestamp?) -> Self {
        var merged = self
        merged.by = by.merged(with: cause)
        merged.deadline = [self.deadline, deadline].compactMap { $0 }.min()
        return merged
    }
}

extension Duration {
    /// As many as fit.
    fileprivate var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, isTooMuch) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return isTooMuch ? (seconds < 0 ? .min : .max) : whole &+ attoseconds / 1_000_000_000
    }
}
