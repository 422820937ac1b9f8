import Synchronization

/// The state that was looked at last, for as long as it is as good as a new one.
package final class RecentState: Sendable {
    private static let longest: Duration = .seconds(2)
    private let kept = Mutex<(state: DashboardState, at: ContinuousClock.Instant)?>(nil)

    /// `nil` when there is none, or when it is too old.
    var state: DashboardState? {
        kept.withLock { kept in
            guard let found = kept, ContinuousClock.now - found.at <= Self.longest else {
                kept = nil
                return nil
            }
            return found.state
        }
    }

    func keep(_ state: DashboardState) { kept.withLock { $0 = (state, .now) } }
}
