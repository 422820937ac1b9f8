import ContainerRuntime
import Glibc
import Synchronization

/// Plays containers' processes: they end when a test says so, or by a signal that they obey.
final class FakeRuntime: ContainerProcesses {
    struct Process {
        var pid: Int32
        var runs = false
        var isFrozen = false
        var exit: ContainerExit?
        /// A signal that came while it was frozen.
        var pending: CInt?
        var waiters: [CheckedContinuation<ContainerExit, any Error>] = []
        /// Those who see its end when it has been deleted.
        var late: [CheckedContinuation<ContainerExit, any Error>] = []
    }

    private struct State {
        var processes: [String: Process] = [:]
        var next: Int32 = 100
        /// How many times the next calls of a name fail.
        var failures: [String: Int] = [:]
        /// Containers whose processes end by SIGKILL alone.
        var deaf: Set<String> = []
        var log: [String] = []
        /// Has ``create(_:)`` wait.
        var gate: [CheckedContinuation<Void, Never>]?
    }

    private let state = Mutex(State())

    // MARK: What a test does

    func fail(_ call: String, times: Int = 1) { state.withLock { $0.failures[call, default: 0] += times } }
    func stopFailing() { state.withLock { $0.failures = [:] } }
    func makeDeaf(_ id: String) { state.withLock { _ = $0.deaf.insert(id) } }
    func isThere(_ id: String) -> Bool { state.withLock { $0.processes[id] != nil } }
    func isRunning(_ id: String) -> Bool {
        state.withLock { state in state.processes[id].map { $0.runs && $0.exit == nil } ?? false }
    }
    /// What it was asked for, in order.
    var calls: [String] { state.withLock { $0.log } }

    /// A process ends by itself.
    /// - Parameter kills: For want of memory, by its group's count.
    func end(_ id: String, code: Int, kills: Int64 = 0) {
        var exit = ContainerExit(code: code, finishedAt: .now, outOfMemory: kills > 0)
        exit.outOfMemoryKills = kills
        let ended = exit
        let waiters = state.withLock { state -> [CheckedContinuation<ContainerExit, any Error>] in
            guard var process = state.processes[id], process.runs, process.exit == nil else { return [] }
            process.exit = ended
            defer { state.processes[id] = process }
            return Self.take(&process.waiters)
        }
        for waiter in waiters { waiter.resume(returning: ended) }
    }

    /// It goes without a trace, as with the machine.
    func vanish(_ id: String) { state.withLock { _ = $0.processes.removeValue(forKey: id) } }

    /// Has those who wait for its end see it too late.
    /// - Returns: Whether somebody waits.
    func delayWaiters(_ id: String) -> Bool {
        state.withLock { state in
            guard var process = state.processes[id], !process.waiters.isEmpty else { return false }
            process.late = Self.take(&process.waiters)
            state.processes[id] = process
            return true
        }
    }

    func holdCreation() { state.withLock { $0.gate = [] } }

    func releaseCreation() {
        let held = state.withLock { state in
            defer { state.gate = nil }
            return state.gate ?? []
        }
        for one in held { one.resume() }
    }

    /// Lets the one go on that has waited longest.
    /// - Returns: Whether one waits.
    func releaseOne() -> Bool {
        let held = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let gate = state.gate, !gate.isEmpty else { return nil }
            return state.gate?.removeFirst()
        }
        held?.resume()
        return held != nil
    }

    private static func take<Value>(_ values: inout [Value]) -> [Value] {
        defer { values = [] }
        return values
    }

    private func note(_ call: String, _ id: String) throws {
        let fails = state.withLock { state in
            state.log.append("\(call) \(id)")
            guard let left = state.failures[call], left > 0 else { return false }
            state.failures[call] = left - 1
            return true
        }
        if fails { throw RuntimeError(.runtimeFailed, "\(call) fails") }
    }

    // MARK: The runtime

    func create(_ request: CreateRequest) async throws -> CreatedContainer {
        let id = request.specification.id
        try note("create", id)
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if state.gate != nil { state.gate?.append(continuation) }
                return state.gate != nil
            }
            if !isHeld { continuation.resume() }
        }
        return try state.withLock { state in
            guard state.processes[id] == nil else { throw RuntimeError(.wrongState, "\(id) is created already") }
            state.next += 1
            state.processes[id] = Process(pid: state.next)
            return CreatedContainer(pid: state.next, warnings: [])
        }
    }

    func start(_ id: String) async throws {
        try note("start", id)
        try state.withLock { state in
            guard state.processes[id] != nil else { throw RuntimeError(.noSuchContainer, id) }
            state.processes[id]?.runs = true
        }
    }

    func kill(_ id: String, signal: CInt, all: Bool) async throws {
        try note("kill \(signal)", id)
        let isObeyed = try state.withLock { state in
            guard let process = state.processes[id], process.runs else { throw RuntimeError(.noSuchContainer, id) }
            guard process.exit == nil else { throw RuntimeError(.wrongState, id) }
            guard signal == SIGKILL || signal == SIGTERM && !state.deaf.contains(id) else { return false }
            if process.isFrozen, signal != SIGKILL {
                state.processes[id]?.pending = signal
                return false
            }
            return true
        }
        if isObeyed { end(id, code: 128 + Int(clamping: signal)) }
    }

    func pause(_ id: String) async throws {
        try note("pause", id)
        try setFrozen(id, true)
    }

    func unpause(_ id: String) async throws {
        try note("unpause", id)
        if let signal = try setFrozen(id, false) { end(id, code: 128 + Int(clamping: signal)) }
    }

    @discardableResult private func setFrozen(_ id: String, _ isFrozen: Bool) throws -> CInt? {
        try state.withLock { state in
            guard var process = state.processes[id], process.runs, process.exit == nil else {
                throw RuntimeError(.wrongState, id)
            }
            process.isFrozen = isFrozen
            defer { state.processes[id] = process }
            defer { if !isFrozen { process.pending = nil } }
            return isFrozen ? nil : process.pending
        }
    }

    func update(_ id: String, _ resources: ContainerResources) async throws {}

    func delete(_ id: String) async throws {
        try note("delete", id)
        let process = state.withLock { $0.processes.removeValue(forKey: id) }
        let exit = process?.exit ?? ContainerExit(code: 137, finishedAt: .now)
        for waiter in process?.waiters ?? [] { waiter.resume(returning: exit) }
        for waiter in process?.late ?? [] { waiter.resume(throwing: RuntimeError(.noSuchContainer, id)) }
    }

    func state(_ id: String) async throws -> ContainerProcessState { try await adopt(id) }

    func waitForExit(_ id: String) async throws -> ContainerExit {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Result<ContainerExit, any Error>? in
                    guard let process = state.processes[id] else {
                        return .failure(RuntimeError(.noSuchContainer, id))
                    }
                    if let exit = process.exit { return .success(exit) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.processes[id]?.waiters.append(continuation)
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            // All of them: they belong to one daemon.
            let waiters = state.withLock { state in
                defer { state.processes[id]?.waiters = [] }
                return state.processes[id]?.waiters ?? []
            }
            for waiter in waiters { waiter.resume(throwing: CancellationError()) }
        }
    }

    func containers() async throws -> [String] { state.withLock { Array($0.processes.keys) } }

    func adopt(_ id: String) async throws -> ContainerProcessState {
        state.withLock { state in
            guard let process = state.processes[id] else { return .absent }
            if let exit = process.exit { return .exited(exit) }
            if !process.runs { return .created(pid: process.pid) }
            return process.isFrozen ? .paused(pid: process.pid) : .running(pid: process.pid)
        }
    }

    func sweep(keeping wanted: Set<String>) async throws -> [String] {
        state.withLock { state in
            let swept = state.processes.keys.filter { !wanted.contains($0) }
            for id in swept { state.processes[id] = nil }
            return swept
        }
    }
}
