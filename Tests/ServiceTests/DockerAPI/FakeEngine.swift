import EngineInterface
import Faults
import Model
import NIOCore
import Synchronization

/// An engine without containers: processes are played by a few lines of code, chosen by the command's first word.
///
/// `cat` gives back its input, `exit N` ends with N, `flood N` writes N bytes, `sleep` does nothing until killed.
actor FakeEngine {
    struct FakeContainer {
        var id: String
        var name: String
        var request: ContainerCreateRequest
        var status = "created"
        var exitCode = 0
        var process: FakeProcess
    }

    var containers: [String: FakeContainer] = [:]
    var execs: [String: (request: ExecRequest, process: FakeProcess, container: String)] = [:]
    var waiting: [String: [AsyncStream<ExitResult>.Continuation]] = [:]
    var recorded: [EngineEvent] = []
    var listeners: [Int: (AsyncStream<ToldEvent>.Continuation, EventQuery)] = [:]
    var lastQuery: (filters: Filters, limit: Int?)?
    var loadedBytes = 0
    /// How often somebody's use was measured.
    var measured = 0
    /// How many logs are being followed.
    nonisolated let followedLogs = Counter()
    var createdNetworks: [NetworkRequest] = []
    /// What services were to be made of, or updated to.
    var askedServices: [(spec: ServiceSpec, origin: CredentialsOrigin?)] = []
    /// Of the updates of services that were asked for: whether they go back.
    var rollbacks: [Bool] = []
    var swarmState = SwarmInfo()
    private var count = 0
    /// What all of its ids end with: four hexadecimal digits.
    private let mark: String
    private var hold: AsyncStream<Never>?
    /// Requests for events that wait for leave to go on.
    private(set) var heldEvents = 0

    init(mark: String = "beef") { self.mark = mark }

    /// Has a running container, as if somebody had made and started it.
    func plant(_ id: String, name: String, command: [String], isTerminal: Bool = false) {
        var request = ContainerCreateRequest()
        request.configuration.tty = isTerminal
        containers[id] = FakeContainer(
            id: id, name: name, request: request, status: "running",
            process: FakeProcess(command: command, isTerminal: isTerminal))
    }

    /// The process of a container, or of an exec.
    func process(of id: String) -> FakeProcess? { containers[id]?.process ?? execs[id]?.process }

    /// Lets requests for events wait until the answer is finished.
    func holdEvents() -> AsyncStream<Never>.Continuation {
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        hold = stream
        return continuation
    }

    func waitForLeave() async {
        guard let hold else { return }
        heldEvents += 1
        for await _ in hold {}
        heldEvents -= 1
    }

    var listenerCount: Int { listeners.count }

    func newID() -> String {
        count += 1
        let digits = String(count, radix: 16)
        return String(repeating: "0", count: 60 - digits.count) + digits + mark
    }

    func find(_ reference: String) throws -> FakeContainer {
        let found = containers.values.first {
            $0.name == reference || $0.id == reference || $0.id.hasPrefix(reference)
        }
        guard let found else { throw ContainerError.notFound(reference) }
        return found
    }

    func emit(_ type: String, _ action: String, _ id: String, _ attributes: [String: String]) {
        let event = EngineEvent(type: type, action: action, actorID: id, attributes: attributes)
        recorded.append(event)
        for (listener, query) in listeners.values { listener.yield(told(event, query, Int64(recorded.count))) }
    }

    nonisolated func told(_ event: EngineEvent, _ query: EventQuery, _ position: Int64) -> ToldEvent {
        guard query.hasOptedIn else { return ToldEvent(event) }
        return ToldEvent(
            event, id: EventID(origin: "fake", sequence: position),
            cursor: EventCursor(log: "fake", position: position, time: event.time))
    }

    func listen(_ query: EventQuery) -> AsyncStream<ToldEvent> {
        count += 1
        let key = count
        let (stream, continuation) = AsyncStream.makeStream(
            of: ToldEvent.self, bufferingPolicy: .bufferingNewest(1000))
        for (index, event) in recorded.enumerated() where query.since != nil || query.cursor != nil {
            if Int64(index) < query.cursor?.position ?? 0 { continue }
            continuation.yield(told(event, query, Int64(index) + 1))
        }
        listeners[key] = (continuation, query)
        continuation.onTermination = { _ in Task { await self.unlisten(key) } }  // Bridges a callback to the actor.
        return stream
    }

    private func unlisten(_ key: Int) { listeners[key] = nil }

    func ended(_ id: String, _ code: Int) {
        containers[id]?.status = "exited"
        containers[id]?.exitCode = code
        emit("container", "die", id, ["image": "busybox", "exitCode": "\(code)", "name": containers[id]?.name ?? ""])
        for waiter in waiting.removeValue(forKey: id) ?? [] { waiter.yield(ExitResult(statusCode: code)) }
        if containers[id]?.request.hostConfig.autoRemove == true { containers[id] = nil }
    }

    func register(_ id: String) -> AsyncStream<ExitResult> {
        let (stream, continuation) = AsyncStream.makeStream(of: ExitResult.self)
        if containers[id]?.status == "exited" {
            continuation.yield(ExitResult(statusCode: containers[id]?.exitCode ?? 0))
        } else {
            waiting[id, default: []].append(continuation)
        }
        return stream
    }

    func set(swarm: SwarmInfo) { swarmState = swarm }
}

/// A number that several hold.
final class Counter: Sendable {
    private let value = Mutex(0)
    func withLock<Answer>(_ body: (inout sending Int) -> sending Answer) -> Answer { value.withLock(body) }
}

/// What plays a process: its streams, and when it ended.
final class FakeProcess: AttachedStreams {
    let isTerminal: Bool
    let output: AsyncThrowingStream<OutputChunk, any Error>
    private let continuation: AsyncThrowingStream<OutputChunk, any Error>.Continuation
    private let state = Mutex(State())
    private let pulled = Counter()
    let command: [String]

    struct State {
        var exitCode: Int?
        var input: [UInt8] = []
        var inputEnded = false
        var detached = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var size: (Int, Int)?
    }

    init(command: [String], isTerminal: Bool) {
        self.command = command
        self.isTerminal = isTerminal
        let (stream, continuation) = AsyncThrowingStream<OutputChunk, any Error>.makeStream()
        self.continuation = continuation
        guard command.first == "flood", let size = command.last.flatMap({ Int($0) }) else {
            output = stream
            return
        }
        let pulled = pulled
        output = AsyncThrowingStream(unfolding: {
            guard pulled.withLock({ $0 }) < size else { return nil }
            pulled.withLock { $0 += 65_536 }
            return OutputChunk(stream: .standardOutput, bytes: ByteBuffer(repeating: 0x78, count: 65_536))
        })
    }

    /// How many bytes of a flood were taken.
    var pulledBytes: Int { pulled.withLock { $0 } }

    var exitCode: Int? { state.withLock { $0.exitCode } }
    var input: [UInt8] { state.withLock { $0.input } }
    var isDetached: Bool { state.withLock { $0.detached } }
    var inputHasEnded: Bool { state.withLock { $0.inputEnded } }
    var size: (Int, Int)? {
        get { state.withLock { $0.size } }
        set { state.withLock { $0.size = newValue } }
    }

    func say(_ text: String, to stream: OutputChunk.Stream = .standardOutput) {
        continuation.yield(OutputChunk(stream: stream, bytes: ByteBuffer(string: text)))
    }

    /// Ends the output at once and has the exit code a moment later, as the kernel does.
    func exit(_ code: Int) async {
        continuation.finish()
        for _ in 0..<20 { await Task.yield() }
        let waiters = state.withLock { state in
            state.exitCode = code
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func begin() async -> Int? {
        switch command.first ?? "" {
        case "exit":
            say("o\n")
            say("e\n", to: .standardError)
            return command.count > 1 ? Int(command[1]) : 0
        default: return nil
        }
    }

    func write(_ bytes: ByteBuffer) async throws {
        state.withLock { $0.input += bytes.readableBytesView }
        if command.first == "cat" { continuation.yield(OutputChunk(stream: .standardOutput, bytes: bytes)) }
    }

    func closeInput() async {
        state.withLock { $0.inputEnded = true }
        if command.first == "cat" {
            if command.count > 1 { say(command[1]) }
            await onInputEnd.withLock { $0 }?()
        }
    }

    /// What the engine does when `cat` has read the end.
    let onInputEnd = Mutex<(@Sendable () async -> Void)?>(nil)

    func detach() async { state.withLock { $0.detached = true } }

    func finished() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.exitCode == nil { state.waiters.append(continuation) }
                return state.exitCode != nil
            }
            if isOver { continuation.resume() }
        }
    }
}
