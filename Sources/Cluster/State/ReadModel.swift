package import Model
package import Orchestration
import ServiceLifecycle
package import StateStore
import Synchronization

/// A manager's copy of all objects, kept up to date by one watch.
package final class ReadModel: ServiceLifecycle.Service, SwarmCopy {
    private struct State {
        var history = SwarmHistory.unread
        /// Since when `history` may be behind; `nil` while it is not.
        var staleSince: ContinuousClock.Instant? = .now
        var followers: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextFollower = 0
    }

    /// How long a write waits at the most until its own effect is seen here.
    static let catchUpDeadline = Duration.seconds(5)

    private let store: any ObjectStore
    private let state = Mutex(State())

    /// Told of what happens to tasks.
    private let tellOfTask: (@Sendable (EngineEvent, EventID) -> Void)?

    /// - Parameter tellOfTask: Told of what happens to tasks, write by write, in order.
    package init(store: any ObjectStore, tellOfTask: (@Sendable (EngineEvent, EventID) -> Void)? = nil) {
        self.store = store
        self.tellOfTask = tellOfTask
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await self.store.follow(StoreKey.everything) { update in self.take(update) }
        }
    }

    /// Takes what this end of the store knows, for a start without quorum.
    func prime() async throws {
        let listing = try await store.listStale(StoreKey.everything)
        take(.snapshot(listing))
        take(.stale)
    }

    /// Waits for the copy to be up to date.
    func becomesFresh(within limit: Duration) async -> Bool {
        await waits(within: limit) { !$0.isStale }
    }

    /// A copy that shares its objects with this one: it costs nothing.
    package var objects: SwarmState { state.withLock { $0.history.state } }
    /// True while the store cannot be reached.
    package var isStale: Bool { state.withLock { $0.history.state.isStale } }
    /// Since when it cannot; `nil` while it can.
    var staleSince: ContinuousClock.Instant? { state.withLock { $0.staleSince } }

    /// The objects as they are now, and which have changed since an earlier look; all of them when there was none.
    ///
    /// It costs what has changed. A reader that is far behind, or sees the store listed anew, is told the same: what differs.
    package func look(after former: SwarmLook?) -> SwarmLook {
        state.withLock { $0.history.snapshot(after: former) }.look
    }

    /// An element at once, and one after each change; changes that come faster than they are read become one.
    package func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextFollower += 1
            state.followers[state.nextFollower] = continuation
            return state.nextFollower
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.followers.removeValue(forKey: id) }
        }
        continuation.yield()
        return stream
    }

    /// Returns when this copy has a revision, or after a deadline: the write has happened all the same.
    package func catchUp(to revision: Int64) async {
        _ = await hasCaughtUp(to: revision)
    }

    /// The same; tells whether the copy has the revision.
    func hasCaughtUp(to revision: Int64) async -> Bool {
        await waits(within: Self.catchUpDeadline) { $0.revision >= revision }
    }

    /// Returns when a node has told what it is and counts as ready, or when cancelled.
    func waitUntilReady(_ nodeID: String) async {
        for await _ in changes() {
            guard let node = objects.nodes[nodeID], node.status.state == .ready else { continue }
            if node.description?.hostname.isEmpty == false { return }
        }
    }

    private func waits(within limit: Duration, for condition: @escaping @Sendable (SwarmState) -> Bool) async -> Bool {
        if condition(objects) { return true }
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in self.changes() where condition(self.objects) { return true }
                return false
            }
            group.addTask {
                // Cancelled when the condition holds: nothing else can be thrown.
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Tells what happens in the swarm from now on, and which objects cannot be read, until cancelled.
    func publish(_ tell: @Sendable (EngineEvent) -> Void) async {
        var before: SwarmLook?
        for await _ in changes() {
            let look = look(after: before)
            let now = look.state
            // A state without a quorum says nothing new.
            if now.isStale { continue }
            for record in SwarmEvents.newlyUnread(before: before?.state, now: now) {
                tell(record.event(scope: "swarm"))
            }
            for event in NetworkConflicts(now).events(since: before?.state, look.changes) { tell(event) }
            if let before {
                for event in SwarmEvents(before: before.state, now: now, changes: look.changes).events { tell(event) }
            }
            before = look
        }
    }

    /// Takes in what the store tells.
    func take(_ update: StoreUpdate) {
        let (followers, steps) = state.withLock { state in
            var steps: [TaskStep] = []
            state.history.take(update, tasks: tellOfTask == nil ? nil : { steps.append($0) })
            state.staleSince = state.history.state.isStale ? state.staleSince ?? .now : nil
            return (Array(state.followers.values), steps)
        }
        for follower in followers { follower.yield() }
        guard let tellOfTask else { return }
        for step in steps { for told in TaskEvents(step).events { tellOfTask(told.event, told.id) } }
    }
}
