package import StateStore

/// A state, and what has become other than it was when it was looked at last.
package struct SwarmLook: Sendable {
    package let state: SwarmState
    package let changes: SwarmChanges
    /// Of two looks the later one has a larger number, if the store has told anything between.
    fileprivate let sequence: UInt64

    /// Whether the store has told anything since another look.
    func isNewer(than other: SwarmLook?) -> Bool { other.map { sequence > $0.sequence } ?? true }
}

/// A copy of the swarm's objects that somebody keeps up to date, for all who read it.
package protocol SwarmCopy: Sendable {
    /// The objects as they are now, and which have changed since an earlier look; all of them when there was none.
    func look(after former: SwarmLook?) -> SwarmLook
    /// An element at once, and one after each time the store has told something; those that come faster than they are read become one.
    func changes() -> AsyncStream<Void>
}

/// A state that is kept up to date, and for a while what has changed in it, for any number of readers of which each goes on from its own
/// last look.
package struct SwarmHistory: Sendable {
    /// So many changed objects are remembered; whoever is further behind has the states compared.
    static let limit = 8192

    package private(set) var state = SwarmState()
    /// What the updates have changed, oldest first; the last one is number ``sequence``.
    private var steps: [SwarmChanges] = []
    private var sequence: UInt64 = 0
    private var remembered = 0

    package init() {}

    /// A state that is stale until the store has been read.
    package static var unread: SwarmHistory {
        var history = SwarmHistory()
        history.state.isStale = true
        return history
    }

    /// Takes in what the store tells.
    /// - Parameter note: Told of each write of a task, see ``SwarmState/take(_:tasks:)``.
    package mutating func take(_ update: StoreUpdate, tasks note: ((TaskStep) -> Void)? = nil) {
        let changes = state.take(update, tasks: note)
        sequence += 1
        steps.append(changes)
        remembered += changes.count + 1
        guard remembered > Self.limit else { return }
        // Half of it at a time, so that a step costs the same however many are kept.
        var kept = steps[...]
        while remembered > Self.limit / 2, let first = kept.first {
            remembered -= first.count + 1
            kept = kept.dropFirst()
        }
        steps = Array(kept)
    }

    /// What a look needs; it is made of it by ``Snapshot/look``, which may take a while and needs no lock.
    package struct Snapshot: Sendable {
        fileprivate let state: SwarmState
        fileprivate let sequence: UInt64
        fileprivate let former: SwarmLook?
        /// `nil` when they are not remembered any more.
        fileprivate let steps: ArraySlice<SwarmChanges>?

        package var look: SwarmLook {
            var changes = SwarmChanges()
            if let former {
                if let steps {
                    for step in steps { changes.formUnion(step) }
                } else {
                    changes = SwarmChanges(from: former.state, to: state)
                }
            } else {
                changes = SwarmChanges(all: state)
            }
            return SwarmLook(state: state, changes: changes, sequence: sequence)
        }
    }

    /// The state as it is now, with all that has changed since an earlier look; with everything when there was none.
    package func snapshot(after former: SwarmLook?) -> Snapshot {
        guard let former else { return Snapshot(state: state, sequence: sequence, former: nil, steps: nil) }
        let missed = Int(clamping: sequence - min(former.sequence, sequence))
        let steps = missed <= steps.count ? steps.suffix(missed) : nil
        return Snapshot(state: state, sequence: sequence, former: former, steps: steps)
    }
}
