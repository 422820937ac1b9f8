import Concurrency
import ContainerRuntime
import Faults
import LinuxSystem
import Logging
import Model
import Synchronization
import TestKit

@testable import Engine

/// Time that passes when a test says so.
final class TestClock: EngineClock {
    private struct Sleeper {
        var due: Timestamp
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Timestamp(seconds: 1_000_000)
        var next = 0
        var sleepers: [Int: Sleeper] = [:]
    }

    private let state = Mutex(State())

    var now: Timestamp { state.withLock { $0.now } }
    /// How many wait, and until when at the earliest.
    var sleepers: Int { state.withLock { $0.sleepers.count } }
    var nextDue: Timestamp? { state.withLock { $0.sleepers.values.map(\.due).min() } }

    func sleep(for duration: Duration) async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    let due = state.now.advanced(by: duration)
                    if due <= state.now { return .success(()) }
                    state.sleepers[number] = Sleeper(due: due, continuation: continuation)
                    return nil
                }
                if let isOver { continuation.resume(with: isOver) }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: number) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.due <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values.sorted { $0.due < $1.due }
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }
}

extension Timestamp {
    fileprivate func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return advanced(bySeconds: seconds).advanced(byNanoseconds: attoseconds / 1_000_000_000)
    }
}

/// Keeps records in memory; they outlive a daemon.
final class MemoryContainers: ContainerStore {
    struct Full: Error {}

    private let state = Mutex((records: [String: ContainerRecord](), isFull: false))

    func setFull(_ isFull: Bool) { state.withLock { $0.isFull = isFull } }

    func loadContainers() async throws -> [ContainerRecord] { state.withLock { Array($0.records.values) } }

    func save(_ record: ContainerRecord, durably: Bool) async throws {
        try state.withLock { state in
            if state.isFull { throw Full() }
            state.records[record.id] = record
        }
    }

    func deleteContainer(_ id: String, durably: Bool) async throws { state.withLock { $0.records[id] = nil } }
}

/// Networks, files and roots that are only counted.
final class FakeSurroundings: ContainerSurroundings {
    struct Failure: Error {}

    private struct State {
        var joined: Set<String> = []
        var mounted: Set<String> = []
        var failures: [String: Int] = [:]
        var withVolumes: Set<String> = []
    }

    private let state = Mutex(State())
    /// Set by the fixture: what the table has.
    let table = Mutex<ContainerTable?>(nil)

    func isJoined(_ id: String) -> Bool { state.withLock { $0.joined.contains(id) } }
    func isMounted(_ id: String) -> Bool { state.withLock { $0.mounted.contains(id) } }
    /// Containers of which a removal has taken volumes along.
    var withVolumes: Set<String> { state.withLock { $0.withVolumes } }
    /// Has steps fail; the step `cancelled removal` as the task of the removal would, were it cancelled.
    func fail(_ step: String, times: Int = 1) { state.withLock { $0.failures[step, default: 0] += times } }
    func stopFailing() { state.withLock { $0.failures = [:] } }

    private func attempt(_ step: String) throws {
        let fails = state.withLock { state in
            guard let left = state.failures[step], left > 0 else { return false }
            state.failures[step] = left - 1
            return true
        }
        if fails { throw Failure() }
    }

    func prepare(_ id: String) async throws -> ContainerRecord {
        state.withLock { _ = $0.joined.insert(id) }
        try attempt("prepare")
        state.withLock { _ = $0.mounted.insert(id) }
        guard let record = table.withLock({ $0 })?.record(id) else { throw APIError(.notFound, id) }
        return record
    }

    func withRequest(
        _ record: ContainerRecord, _ make: (CreateRequest) async throws -> CreatedContainer
    ) async throws -> CreatedContainer {
        try await make(
            CreateRequest(
                specification: ContainerSpecification(id: record.id, rootDirectory: "/", arguments: record.commandLine),
                logPath: nil, runtime: .runc))
    }

    func join(_ record: ContainerRecord) async throws { try attempt("join") }
    func isMade(_ record: ContainerRecord) async throws {}
    func isJoined(_ record: ContainerRecord) async throws {}
    func hasStarted(_ record: ContainerRecord) async {}

    func release(_ id: String) async throws -> [EndpointRecord] {
        try attempt("release")
        state.withLock { _ = $0.joined.remove(id) }
        return []
    }

    func hasLeft(_ record: ContainerRecord, _ endpoints: [EndpointRecord]) {}
    func unmount(_ id: String) async throws { state.withLock { _ = $0.mounted.remove(id) } }

    func undo(_ id: String) async -> FaultList {
        state.withLock { state in
            state.joined.remove(id)
            state.mounted.remove(id)
        }
        return FaultList()
    }

    func remove(_ record: ContainerRecord, volumes: Bool) async throws {
        do { try attempt("cancelled removal") } catch { throw CancellationError() }
        try attempt("remove")
        if volumes { state.withLock { _ = $0.withVolumes.insert(record.id) } }
    }

    func hasBeenRenamed(_ record: ContainerRecord) async throws {}
    func hasBeenUnlinked(_ parent: ContainerRecord, from child: ContainerRecord, as alias: String) async throws {}
    func writtenBytes(_ record: ContainerRecord) async throws -> Int64 {
        try attempt("size")
        return 0
    }
    func watchLog(of record: ContainerRecord) throws {}
    func takeUpLog(of record: ContainerRecord) throws {}
}

/// Keeps warnings and errors.
struct LifeLog: LogHandler {
    let lines: Kept<[String]>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") } }
}

/// Containers' lives without a kernel: the service, with a runtime, surroundings, a store and a clock that are played.
struct LifeFixture: Sendable {
    let store: MemoryContainers
    let runtime: FakeRuntime
    let surroundings: FakeSurroundings
    let clock: TestClock
    let table: ContainerTable
    let waiters = ExitWaiters()
    let events = EventLog()
    /// What it has warned of.
    let lines = Kept<[String]>([])
    let service: ContainerService
    private let background = BackgroundTasks()

    /// - Parameter earlier: What an earlier daemon has left, which runs no more.
    private init(after earlier: LifeFixture?, _ limits: CgroupLimits) {
        store = earlier?.store ?? MemoryContainers()
        runtime = earlier?.runtime ?? FakeRuntime()
        surroundings = earlier?.surroundings ?? FakeSurroundings()
        clock = earlier?.clock ?? TestClock()
        let log = Logger(label: "life") { [lines] _ in LifeLog(lines: lines) }
        let table = ContainerTable(store: store, log: log)
        self.table = table
        surroundings.table.withLock { $0 = table }
        service = ContainerService(
            containers: table, waiters: waiters, runtime: runtime, surroundings: surroundings,
            companions: ContainerCompanions(), events: events, background: background, clock: clock,
            limits: LimitSupport(known: limits), log: log)
    }

    /// Runs a daemon as long as `body`.
    /// - Parameter limits: What its control groups know.
    @discardableResult
    static func run(
        after earlier: LifeFixture? = nil, limits: CgroupLimits = CgroupLimits(),
        _ body: (LifeFixture) async throws -> Void
    ) async throws -> LifeFixture {
        let fixture = LifeFixture(after: earlier, limits)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await fixture.background.run() }
            defer { group.cancelAll() }
            try await fixture.table.load()
            try await fixture.service.adoptProcesses()
            for record in fixture.table.all {
                fixture.background.begin { await fixture.service.resume(record.id) }
            }
            try await body(fixture)
        }
        return fixture
    }

    func make(_ id: String, _ change: (inout ContainerRecord) -> Void = { _ in }) async throws {
        var record = ContainerRecord(
            id: id, name: "name-\(id)", created: clock.now, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: HostConfiguration(), commandLine: ["program"])
        change(&record)
        try await table.insert(record)
    }

    func phase(_ id: String) -> ContainerPhase? { table.record(id)?.phase }
}
