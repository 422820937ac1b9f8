package import Faults

/// Why the store did not do what it was asked.
package struct StateStoreError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart: whether a write may have happened, and what to do next.
    package enum Code: Sendable, Equatable {
        /// No quorum, no connection, or the store did not answer in time. Reads may be repeated; a write has not happened.
        case unavailable
        /// The store did not answer a write in time: it may or may not have happened. Read back before writing again.
        case outcomeUnknown
        /// The revision is no longer kept: list again. The first revision that a watch may still start from.
        case compacted(firstUsable: Int64)
        /// A watcher did not keep up with its bound: list again.
        case watcherTooSlow
        /// More operations or bytes than a transaction takes: split it.
        case tooLarge
        /// The transaction contradicts itself.
        case invalidTransaction
        /// The lease is gone; another may lead already.
        case leadershipLost
        /// The store's quota is used up: only deletes are taken.
        case full
        /// A value is sealed with a secret that this manager does not have.
        case sealed
        /// The store answered what it should not.
        case unexpected
    }

    package let code: Code
    package let attempting: String
    /// The store's own words, for logs.
    package let detail: String?

    package init(_ code: Code, _ attempting: String, detail: String? = nil) {
        self.attempting = attempting
        self.code = code
        self.detail = detail
    }

    package var kind: FaultKind {
        switch code {
        case .unavailable, .outcomeUnknown, .leadershipLost, .full, .sealed: .unavailable
        case .tooLarge: .invalidInput
        case .compacted, .watcherTooSlow, .invalidTransaction, .unexpected: .internalError
        }
    }

    /// Docker's words where the client shows them; our own otherwise.
    package var description: String {
        switch code {
        case .unavailable, .leadershipLost:
            "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. "
                + "Make sure more than half of the managers are online."
        case .outcomeUnknown: "rpc error: code = DeadlineExceeded desc = context deadline exceeded"
        case .compacted(let first): "cannot \(attempting): revisions before \(first) are no longer kept"
        case .watcherTooSlow: "cannot \(attempting): the watcher did not keep up"
        case .tooLarge: "cannot \(attempting): too large"
        case .invalidTransaction: "cannot \(attempting)"
        case .sealed: "cannot \(attempting): \(detail ?? "this manager does not have the secret")"
        case .full: "cannot \(attempting): the swarm's store is full"
        case .unexpected: "cannot \(attempting): \(detail ?? "unexpected answer of the store")"
        }
    }

    /// All that is known, for logs: ``description`` alone hides which call failed.
    package var debugDescription: String { "\(code) while trying to \(attempting)\(detail.map { ": \($0)" } ?? "")" }

    /// Whether the same call may succeed later without anything else being done first.
    package var isTransient: Bool {
        switch code {
        case .unavailable, .outcomeUnknown, .full: true
        case .compacted, .watcherTooSlow, .tooLarge, .invalidTransaction, .leadershipLost, .sealed, .unexpected: false
        }
    }
}
