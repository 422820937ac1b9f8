package import Model
import Synchronization

/// How long passes have taken since the daemon has started, and how long what was asked for was not there.
package final class PassTimes: Sendable {
    /// What a pass looks at.
    package enum Kind: String, Sendable, CaseIterable {
        /// What has changed, and nothing else.
        case part
        /// Everything that is desired.
        case whole
        /// What is in the kernel, to put right what is other.
        case comparison
    }

    private struct State {
        var passes: [Kind: DurationHistogram] = [:]
        var convergence = DurationHistogram()
    }

    private let state = Mutex(State())

    /// By kind; those that there were none of are missing.
    package var passes: [Kind: DurationHistogram] { state.withLock { $0.passes } }

    /// From the first change that a pass takes up to all of them being in force. Passes in which something has failed are left out.
    package var convergence: DurationHistogram { state.withLock { $0.convergence } }

    func note(_ kind: Kind, since start: ContinuousClock.Instant) {
        let taken = ContinuousClock.now - start
        state.withLock { $0.passes[kind, default: DurationHistogram()].note(taken) }
    }

    func note(convergedSince start: ContinuousClock.Instant) {
        let taken = ContinuousClock.now - start
        state.withLock { $0.convergence.note(taken) }
    }
}
