import Synchronization

/// The last revision that a watcher has taken in. It moves by the events' own revisions, never by what a reply's header says.
package final class Cursor: Sendable {
    private let last: Atomic<Int64>

    package init(_ revision: Int64) { last = Atomic(revision) }

    /// Of the last event that was taken in; a watch goes on behind it.
    package var revision: Int64 { last.load(ordering: .acquiring) }

    /// To the last of these, which are in order; without events it stays.
    package func advance(over events: [StoreEvent]) {
        if let revision = events.last?.revision { advance(to: revision) }
    }

    /// To a revision; back it never goes.
    package func advance(to revision: Int64) {
        last.max(revision, ordering: .releasing)
    }
}
