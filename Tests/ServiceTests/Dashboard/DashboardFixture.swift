import AsyncHTTPClient
import Cluster
import Concurrency
import Dashboard
import EngineInterface
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization
import Testing
import X509

/// A cluster of a test's making.
actor FakeDashboard: DashboardBackend {
    var shown = DashboardState(cluster: ClusterView())
    var done: [(DashboardAction, String)] = []
    var askedAfter: [String?] = []
    private var wakes: [AsyncStream<Void>.Continuation] = []
    private var events: [AsyncStream<EventView>.Continuation] = []

    func show(_ state: DashboardState) {
        shown = state
        for wake in wakes { wake.yield() }
    }
    func happen(_ event: EventView) { for stream in events { stream.yield(event) } }
    var hasReaders: Bool { !events.isEmpty }
    /// How many of those who read events, or lines that do not end, have gone.
    let gone = Counter()

    func state() throws -> DashboardState { shown }
    func changes() -> AsyncStream<Void> {
        let (stream, wake) = AsyncStream.makeStream(of: Void.self)
        wakes.append(wake)
        return stream
    }
    func metrics(_: DashboardMetricsQuery) throws -> DashboardMetrics { throw DashboardError(.notKept) }
    func logs(_ query: DashboardLogQuery) -> DashboardLogPage { DashboardLogPage(reachedBack: query.window.from) }
    func allLines(_ query: DashboardLogQuery) -> AsyncThrowingStream<[DashboardLogLine], any Error> {
        let lines = [1, 2].map { stream in
            DashboardLogLine(
                time: 1, stamp: "2026-01-02T03:04:05.00000000\(stream)Z", task: "t1", node: "n1", stream: stream,
                text: "\(query.text ?? "") \u{1b}[2J\rline \(stream)")
        }
        let mark = DashboardLogLine(time: 0, stamp: "", task: "", node: "", stream: 3, text: "n3 did not answer")
        return AsyncThrowingStream { [gone] continuation in
            continuation.yield(lines)
            if query.text == "silent" {
                continuation.onTermination = { _ in gone.withLock { $0 += 1 } }
                return
            }
            continuation.yield([mark])
            continuation.finish()
        }
    }
    func logVolume(_ query: DashboardLogQuery, buckets: Int) -> DashboardLogVolume {
        DashboardLogVolume(from: query.window.from, step: 1, buckets: buckets)
    }
    func followLines(_: [DashboardScope], _ take: @escaping @Sendable ([DashboardLogLine]) -> Void) {
        take([DashboardLogLine(time: 1, stamp: "s", task: "t", node: "n", stream: 1, text: "<b>text</b>")])
    }
    func events(_: DashboardWindow, limit: Int) -> DashboardEventPage { DashboardEventPage() }
    func followEvents(after: String?, _ take: @escaping @Sendable (EventView) -> Void) async {
        askedAfter.append(after)
        let (stream, continuation) = AsyncStream.makeStream(of: EventView.self)
        continuation.onTermination = { [gone] _ in gone.withLock { $0 += 1 } }
        events.append(continuation)
        for await event in stream { take(event) }
    }
    func alertBook() -> DashboardAlertBook {
        var book = DashboardAlertBook()
        var silence = AlertSilenceView(id: "s1")
        silence.labels = ["node": "n1"]
        book.silences = [silence]
        return book
    }
    func perform(_ action: DashboardAction, by user: String) { done.append((action, user)) }
    var refusals: [DashboardRefusal] = []
    func refused(_ refusal: DashboardRefusal) { refusals.append(refusal) }

    var opensTerminals = true
    var terminals: [FakeTerminal] = []

    func open(_ opens: Bool) { opensTerminals = opens }
    func openTerminal(in container: String, size: DashboardTerminalSize, by user: String) throws
        -> any DashboardTerminal
    {
        guard opensTerminals else { throw DashboardError(.notKept) }
        let terminal = FakeTerminal(container: container, user: user, size: size)
        terminals.append(terminal)
        return terminal
    }
}

/// A shell that says again what is typed, and ends at Ctrl-D.
final class FakeTerminal: DashboardTerminal {
    let container: String
    let user: String
    let output: AsyncThrowingStream<OutputChunk, any Error>
    private let writer: AsyncThrowingStream<OutputChunk, any Error>.Continuation
    private let state: Mutex<(size: DashboardTerminalSize, hasLeft: Bool)>

    init(container: String, user: String, size: DashboardTerminalSize) {
        self.container = container
        self.user = user
        (output, writer) = AsyncThrowingStream.makeStream(of: OutputChunk.self)
        state = Mutex((size, false))
        say("$ ")
    }

    var size: DashboardTerminalSize { state.withLock { $0.size } }
    var hasLeft: Bool { state.withLock { $0.hasLeft } }

    func say(_ text: String) {
        writer.yield(OutputChunk(stream: .standardOutput, bytes: ByteBuffer(string: text)))
    }
    func write(_ bytes: ByteBuffer) {
        let text = String(buffer: bytes)
        if text == "\u{4}" { writer.finish() } else { say(text) }
    }
    func resize(_ size: DashboardTerminalSize) { state.withLock { $0.size = size } }
    func exitCode() -> Int? { 7 }
    func leave() {
        state.withLock { $0.hasLeft = true }
        writer.finish()
    }
}

/// A dashboard on loopback, with a viewer and an operator.
struct DashboardFixture: Sendable {
    /// The work of a guess in tests.
    static let cheap = PasswordHash.Cost(rounds: 16, blockSize: 1, parallelism: 1)

    let backend: FakeDashboard
    let server: DashboardServer
    let client: HTTPClient
    let place: ListenerPlan.Place

    static func with(
        handshake: TimeAmount = .seconds(10), accounts: Bool = true, perAddress: Int = 64,
        http1: Bool = false, _ body: @escaping @Sendable (DashboardFixture) async throws -> Void
    ) async throws {
        let directory = "/tmp/apus-dashboard-\(UInt32.random(in: .min ... .max))"
        defer {
            // What is left in the temporary directory does no harm.
            try? FileManager.default.removeItem(atPath: directory)
        }
        let store = try FileAccountStore(directory: directory)
        let signIn = DashboardAccounts(store: store, cost: DashboardFixture.cheap)
        if accounts {
            try await signIn.add(name: "vera", role: .viewer, password: "correct horse")
            try await signIn.add(name: "otto", role: .operator, password: "correct horse")
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let backend = FakeDashboard()
        var configuration = DashboardServer.Configuration()
        configuration.address = "127.0.0.1:\(try freePort())"
        configuration.handshake = handshake
        configuration.connectionsPerAddress = perAddress
        let server = try DashboardServer(
            configuration, backend: backend, accounts: signIn, eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: logger)
        let key = NodeKey()
        server.use(
            DashboardServer.Circumstances(
                advertised: "127.0.0.1",
                identity: DashboardIdentity(
                    chain: try key.selfSigned().serializeAsPEM().pemString, key: try key.pem), name: "production"))
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        var http = HTTPClient.Configuration(tlsConfiguration: tls)
        if http1 { http.httpVersion = .http1Only }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: http)
        let group = ServiceGroup(services: [server], logger: logger)
        do {
            try await run(group, server) { place in
                try await body(DashboardFixture(backend: backend, server: server, client: client, place: place))
            }
        } catch {
            Issue.record("\(error)")
        }
        try await client.shutdown()
    }

    private static func run(
        _ group: ServiceGroup, _ server: DashboardServer,
        _ body: @escaping @Sendable (ListenerPlan.Place) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let place = try await withDeadline(.seconds(30)) { try await server.served.wait { $0.first } }
            do { try await body(place) } catch { Issue.record("\(error)") }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// - Parameter isOwnPage: With the headers that the page sets and others cannot.
    func ask(
        _ method: HTTPMethod, _ path: String, cookie: String? = nil, body: String? = nil, isOwnPage: Bool = true,
        headers: [(String, String)] = []
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: "https://127.0.0.1:\(place.port)\(path)")
        request.method = method
        if let cookie { request.headers.add(name: "Cookie", value: "__Host-apus=\(cookie)") }
        if isOwnPage {
            request.headers.add(name: "X-Apus", value: "1")
            request.headers.add(name: "Sec-Fetch-Site", value: "same-origin")
        }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        return try await client.execute(request, timeout: .seconds(30))
    }

    func signIn(_ name: String, _ password: String = "correct horse") async throws -> HTTPClientResponse {
        try await ask(.POST, "/ui/v1/session", body: #"{"name":"\#(name)","password":"\#(password)"}"#)
    }

    /// The cookie's value.
    func cookie(_ name: String) async throws -> String {
        let answer = try await signIn(name)
        let field = try #require(answer.headers.first(name: "Set-Cookie"))
        return String(field.split(separator: ";")[0].split(separator: "=", maxSplits: 1)[1])
    }

    func text(_ answer: HTTPClientResponse) async throws -> String {
        String(buffer: try await answer.body.collect(upTo: 4 << 20))
    }
}
