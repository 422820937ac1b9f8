import Synchronization

/// The execs that were made through this manager, and where. Like an engine's they are forgotten when the daemon ends, and when there are too many:
/// the oldest, and none before ``timeout`` is over, for somebody may still ask how it has ended.
final class ExecPlaces: Sendable {
    /// Above as many those that have been there for long go.
    static let most = 8192
    /// As an engine keeps what nobody has asked for.
    static let timeout = Duration.seconds(300)

    typealias Container = (place: TaskContainerPlace, reference: String)

    private struct State {
        var containers: [String: Container] = [:]
        /// Oldest first.
        var order: [(id: String, since: ContinuousClock.Instant)] = []
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> ContinuousClock.Instant

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    subscript(id: String) -> Container? { state.withLock { $0.containers[id] } }

    /// False for an id that is known: nodes choose them at random.
    func remember(_ id: String, _ container: Container) -> Bool {
        let since = now()
        return state.withLock { state in
            guard state.containers[id] == nil else { return false }
            if state.order.count >= Self.most {
                let oldest = state.order.prefix(Self.most / 4).prefix { $0.since.duration(to: since) >= Self.timeout }
                for entry in oldest { state.containers[entry.id] = nil }
                if !oldest.isEmpty { state.order = Array(state.order.dropFirst(oldest.count)) }
            }
            state.containers[id] = container
            state.order.append((id, since))
            return true
        }
    }
}
