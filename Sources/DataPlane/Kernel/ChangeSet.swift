import Netlink
import Synchronization

/// Namespaces in which something has changed since they were last looked at.
final class ChangeSet: Sendable {
    struct Changes: Sendable {
        var isEverything = false
        var isNodeChanged = false
        var namespaces: Set<Int32> = []
    }

    private let changes = Mutex(Changes())

    func add(_ event: NetlinkEvent) {
        changes.withLock { changes in
            switch event {
            case .overflow: changes.isEverything = true
            // A namespace has got a number, or lost it with its end: nothing in another one is different for it.
            case .changed(let change) where change.topic == .namespaceID: break
            case .changed(let change):
                if let id = change.namespaceID { changes.namespaces.insert(id) } else { changes.isNodeChanged = true }
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
