import Concurrency
import ContainerRuntime
import DockerMessages
import EngineInterface
import Faults
import Glibc
import LinuxSystem
import Logging
import Model
import Synchronization
import Telemetry

/// Containers' lives: starts, stops, ends and what follows them, removals.
///
/// Where a container is in its life is its record's ``ContainerPhase``; here is what has to be done for it to get there. Operations on one
/// container follow one another.
package final class ContainerService: ContainerBackend {
    let containers: ContainerTable
    let waiters: ExitWaiters
    let runtime: any ContainerProcesses
    let surroundings: any ContainerSurroundings
    let companions: ContainerCompanions
    let events: EventLog
    let memoryKills = MemoryKills()
    /// Containers whose removal has begun and not come to its end, and is gone on with.
    let unfinishedRemovals = Mutex<Set<String>>([])
    let background: BackgroundTasks
    let clock: any EngineClock
    let limits: LimitSupport
    let log: Logger
    /// Starts at a time: more of them only make each take longer, and whatever else the node is asked.
    let starts = Slots(2 * Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    init(
        containers: ContainerTable, waiters: ExitWaiters, runtime: any ContainerProcesses,
        surroundings: any ContainerSurroundings, companions: ContainerCompanions, events: EventLog,
        background: BackgroundTasks, clock: any EngineClock, limits: LimitSupport, log: Logger
    ) {
        self.clock = clock
        self.companions = companions
        self.containers = containers
        self.events = events
        self.limits = limits
        self.log = log
        self.runtime = runtime
        self.surroundings = surroundings
        self.waiters = waiters
        self.background = background
    }

    // MARK: Starts

    package func startContainer(_ reference: String) async throws {
        let record = try containers.find(reference)
        if !record.isRunning { try refuseSecondLife(record) }
        try await start(record.id)
    }

    /// A task runs once: when its container ends the task ends, and the swarm makes another one. A second life of the container would be
    /// nobody's.
    func refuseSecondLife(_ record: ContainerRecord) throws {
        guard record.task != nil else { return }
        throw ContainerError.belongsToTask(record.id)
    }

    /// The same for whoever the container belongs to.
    func start(_ reference: String) async throws {
        let id = try containers.find(reference).id
        try await containers.lock.run(id) {
            guard containers.record(id) != nil else { throw ContainerError.notFound(reference) }
            let (_, effects) = try await containers.receive(id, .startRequested, .durable) { record, _ in
                record.restartCount = 0
            }
            if case .refuse(let why) = effects.first {
                throw switch why {
                case .paused: ContainerError.startedWhilePaused
                case .beingRemoved: ContainerError.startedWhileRemoved
                default: ContainerError.alreadyRunning(id)
                }
            }
            try await bringUp(id)
        }
    }

    /// Puts the surroundings together of a container that is starting, and starts its process. Undoes all of it when a step fails.
    func bringUp(_ id: String) async throws {
        do {
            let record = try await surroundings.prepare(id)
            let pid = try await starts.run { try await launch(record) }
            let (started, _) = try await containers.receive(id, .started(pid: pid, at: clock.now)) { record, _ in
                record.health = HealthPlan(record.configuration) == nil ? nil : HealthPlan.begin(record.health)
            }
            await surroundings.hasStarted(started)
            events.publish("container", "start", id, started.eventAttributes)
            background.begin { await self.watch(id) }
        } catch {
            // What made it fail is often that this task is cancelled: the node leaves its swarm, or the task is not wanted any more.
            let failure = error
            await uncancelled { await self.undoStart(id, after: failure) }
            throw error
        }
    }

    /// Joins the container's networks while its process is made, starts it when both are done, and says its pid.
    private func launch(_ record: ContainerRecord) async throws -> Int {
        let created = try await surroundings.withRequest(record) { request in
            async let joined: Void = surroundings.join(record)
            let created = try await runtime.create(request)
            try await surroundings.isMade(record)
            try await joined
            try await surroundings.isJoined(record)
            return created
        }
        for warning in created.warnings {
            log.warning(
                "a container does not get all it asks for",
                metadata: ["container": "\(record.shortID)", "warning": "\(warning)"])
        }
        try await runtime.start(record.id)
        return Int(clamping: created.pid)
    }

    private func undoStart(_ id: String, after error: any Error) async {
        var faults = FaultList()
        do { try await runtime.delete(id) } catch { faults.add(error) }
        for fault in await surroundings.undo(id).faults { faults.add(fault) }
        do {
            // Docker's exit code for a container that could not be started.
            let code = (error as? RuntimeError)?.exitCode ?? 128
            let (record, effects) = try await containers.receive(
                id, .startFailed(code: code, error: DockerMessage.text(of: error), at: clock.now))
            perform(effects, record)
        } catch { faults.add(error) }
        if !faults.faults.isEmpty {
            log.error("a failed start left something behind", metadata: ["container": "\(id)", "error": "\(faults)"])
        }
    }

    /// Tells of what the kernel has killed in containers that go on. Until cancelled.
    func tellOfMemoryKills(_ telemetry: NodeTelemetry) async {
        var last: Int64 = 0
        while !Task.isCancelled {
            // Cancelled: the loop ends.
            guard let snapshot = try? await telemetry.snapshot(after: last) else { break }
            last = snapshot.time
            await tellOfMemoryKills(in: snapshot)
        }
    }

    func tellOfMemoryKills(in snapshot: Snapshot) async {
        for id in memoryKills.untold(in: snapshot) {
            guard let record = containers.record(id), let run = record.phase.run else { continue }
            do {
                // On record first: who hears of it and looks finds it, as with Docker.
                try await containers.receive(id, .memoryKilled(runOf: run.startedAt), .regardless)
            } catch is CancellationError {
                // The daemon ends: it is in memory, and told of all the same.
            } catch {
                log.debug(
                    "a container went while a kill for want of memory was put on record",
                    metadata: ["container": "\(id)", "error": "\(error)"])
            }
            tellOfMemoryKill(record)
        }
    }

    private func tellOfMemoryKill(_ record: ContainerRecord) {
        events.publish("container", "oom", record.id, record.eventAttributes)
    }

    // MARK: What follows from changes of phase

    /// Does those things that a change of phase entails and nobody has to wait for.
    /// - Parameter left: The places in networks that it had until now.
    func perform(_ effects: [ContainerEffect], _ record: ContainerRecord, left: [EndpointRecord] = []) {
        let id = record.id
        for effect in effects {
            switch effect {
            case .publishEnd(let exit):
                var attributes = record.eventAttributes
                let isUntold = memoryKills.takeUntold(id)
                if exit.wasOutOfMemory, isUntold { tellOfMemoryKill(record) }
                attributes["exitCode"] = String(exit.code)
                attributes["execDuration"] = String(max(0, exit.finishedAt.wholeSeconds(since: exit.startedAt)))
                events.publish("container", "die", id, attributes)
                surroundings.hasLeft(record, left)
            case .release(let code, let isOver):
                waiters.ended(id, ExitResult(statusCode: code), isOver: isOver)
            case .restart(let delay):
                let phase = record.phase
                background.begin { await self.restart(id, from: phase, after: delay) }
            case .removeIfTemporary where record.hostConfig.autoRemove && record.task == nil:
                background.begin { await self.removeEnded(id) }
            case .removeIfTemporary, .refuse, .bringUp, .publishStart, .watch, .signal, .awaitStart, .settle, .destroy:
                // Theirs who have told the phase: they do these in the middle of what they do.
                continue
            }
        }
    }
}
