import Synchronization

/// Which of several upstreams has answered last, so that one that is dead is waited for once and not with each query.
final class UpstreamMemory: Sendable {
    /// How long a server that is not the first of its list is preferred before the first is tried again beside it.
    static let trust: Duration = .seconds(30)
    /// Lists remembered at the most; containers may name servers of their own.
    private static let maximumLists = 256

    private struct Preference {
        var server: Upstreams.Server
        var since: ContinuousClock.Instant
    }

    private let preferences = Mutex<[[Upstreams.Server]: Preference]>([:])

    /// In which order a list's servers are to be asked, and how many of them at once.
    func plan(_ servers: [Upstreams.Server], at now: ContinuousClock.Instant = .now) -> (
        order: [Upstreams.Server], atOnce: Int
    ) {
        let known = preferences.withLock { $0[servers] }
        guard let known, known.server != servers.first else { return (servers, 1) }
        let order = [known.server] + servers.filter { $0 != known.server }
        return (order, now - known.since > Self.trust ? 2 : 1)
    }

    /// Keeps which server was the first with a good reply.
    /// - Parameter raced: It was asked together with the list's first.
    func note(
        _ server: Upstreams.Server, of servers: [Upstreams.Server], raced: Bool,
        at now: ContinuousClock.Instant = .now
    ) {
        preferences.withLock { preferences in
            if let known = preferences[servers], known.server == server, !raced { return }
            if preferences[servers] == nil, preferences.count >= Self.maximumLists,
                let oldest = preferences.min(by: { $0.value.since < $1.value.since })
            {
                preferences[oldest.key] = nil
            }
            preferences[servers] = Preference(server: server, since: now)
        }
    }
}
