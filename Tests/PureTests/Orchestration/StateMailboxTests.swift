import Glibc
import Logging
import Model
import Orchestration
import StateStore
import Synchronization
import Testing

/// Objects as a test tells of them.
private final class TestCopy: SwarmCopy {
    private let history = Mutex(SwarmHistory.unread)
    private let news: AsyncStream<Void>
    private let teller: AsyncStream<Void>.Continuation

    init() { (news, teller) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

    func take(_ update: StoreUpdate) {
        history.withLock { $0.take(update) }
        teller.yield()
    }

    func look(after former: SwarmLook?) -> SwarmLook { history.withLock { $0.snapshot(after: former) }.look }
    /// For one reader.
    func changes() -> AsyncStream<Void> { news }
}

/// How the planner's loop sleeps.
@Suite struct StateMailboxTests {
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// A reader whose first sleep ended by its deadline must still sleep, and be woken, the next time.
    @Test(.timeLimit(.minutes(1))) func `a sleep that a deadline ended is followed by one that costs nothing`()
        async throws
    {
        let copy = TestCopy()
        let board = StateMailbox(copy)
        async let _: Void = board.follow()
        copy.take(.snapshot(StoreListing(values: [], revision: 1)))
        _ = try await board.next(after: 1, notLaterThan: nil)
        _ = try await board.next(after: 1, notLaterThan: Timestamp.now.advanced(bySeconds: 1))
        async let later = board.next(after: 1, notLaterThan: nil)
        let before = Self.processorSeconds()
        try await ContinuousClock().sleep(for: .seconds(1))
        #expect(Self.processorSeconds() - before < 0.7)
        copy.take(.snapshot(StoreListing(values: [], revision: 2)))
        #expect(try await later.state.revision == 2)
    }

    /// A planner that does not see what it has just written would make it once more, as second tasks of a place.
    @Test(.timeLimit(.minutes(1)))
    func `a deadline that has passed does not bring a state older than what was written`()
        async throws
    {
        let copy = TestCopy()
        let board = StateMailbox(copy)
        async let _: Void = board.follow()
        copy.take(.snapshot(StoreListing(values: [], revision: 1)))
        async let next = board.next(after: 2, notLaterThan: Timestamp.now)
        try await ContinuousClock().sleep(for: .milliseconds(200))
        copy.take(.snapshot(StoreListing(values: [], revision: 2)))
        #expect(try await next.state.revision == 2)
    }
}

/// What a leader plans from.
@Suite struct OrchestrationLoopTests {
    private static func service(_ id: String) throws -> StoreTransaction.Put {
        var service = Service(id: id)
        service.spec.name = id
        service.spec.mode.replicated = .init(replicas: 1)
        return .init(StoreKey(.services, id: id), Array(try WireJSON.encode(record: service)))
    }

    /// What the leader before has written last may give away an address that the copy knows as free.
    @Test(.timeLimit(.minutes(1)))
    func `nothing is planned from a copy that lacks what was written before this leadership`() async throws {
        let (store, copy) = (MemoryStore(), TestCopy())
        let cluster = ClusterObject(id: "c")
        let first = StoreTransaction(puts: [
            .init(StoreKey(.clusters, id: "c"), Array(try WireJSON.encode(record: cluster))), try Self.service("a"),
        ])
        _ = try await store.commit(first)
        copy.take(.snapshot(try await store.list(StoreKey.everything)))
        _ = try await store.commit(StoreTransaction(puts: [try Self.service("b")]))
        let counter = Counter()
        let loop = OrchestrationLoop(
            store: store, copy: copy, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { "task\(counter.next())" }
        func tasks() async throws -> Int { try await store.list(StoreKey.prefix(of: .tasks)).values.count }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await store.withLeadership(of: "any", candidate: [], lease: .seconds(2)) { fence in
                    try await loop.run(under: fence)
                }
            }
            defer { group.cancelAll() }
            let mark = StoreKey.beginning(of: "any")
            while try await store.get(mark) == nil { try await Task.sleep(for: .milliseconds(5)) }
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await tasks() == 0)
            copy.take(.snapshot(try await store.list(StoreKey.everything)))
            while try await tasks() == 0 { try await Task.sleep(for: .milliseconds(5)) }
        }
    }
}
