import Netlink
import Synchronization

/// Namespaces in which something has changed since they were last looked at.
final class ChangeSet: Sendable {
    struct Changes: Sendable {
        var isEverything = false
        /// By the numbers of namespaces, `nil` the node's own: what was told; `nil` where it was not told one by one.
        var told: [Int32?: Set<NetlinkNews>?] = [:]
    }

    private let changes = Mutex(Changes())

    /// - Parameter news: What the event is about; `nil` where that is not told one by one.
    func add(_ event: NetlinkEvent, _ news: Set<NetlinkNews>?) {
        changes.withLock { changes in
            switch event {
            case .overflow: changes.isEverything = true
            // A namespace has got a number, or lost it with its end: nothing in another one is different for it.
            case .changed(let change) where change.topic == .namespaceID: break
            case .changed(let change):
                let before = changes.told[change.namespaceID, default: []]
                changes.told[change.namespaceID] = .some(before.flatMap { before in news.map { before.union($0) } })
            }
        }
    }

    func addAll() { changes.withLock { $0.isEverything = true } }

    func take() -> Changes {
        changes.withLock { changes in
            defer { changes = Changes() }
            return changes
        }
    }
}
