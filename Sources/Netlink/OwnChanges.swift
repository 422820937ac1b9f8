import Synchronization

/// What sockets of this process change, so that a ``NetlinkListener`` need not tell of it: whoever changes something knows.
package final class OwnChanges: Sendable {
    private struct Sender: Hashable {
        let port: UInt32
        let isNetfilter: Bool
    }

    /// Messages to come that do not say who has changed something.
    private struct Unnamed {
        var count: Int
        var until: ContinuousClock.Instant
    }

    private struct State {
        var senders: [Int32?: Set<Sender>] = [:]
        var unnamed: [Int32?: Unnamed] = [:]
    }

    /// A message comes with the change; one that has not come by then does not come.
    private static let timeout = Duration.seconds(1)

    private let state = Mutex(State())

    package init() {}

    /// What these sockets change is ours from now on. Nobody else in their namespace can have their ports while they are open.
    /// - Parameter namespaceID: by which the listener's namespace knows theirs; `nil` for its own.
    package func add(_ route: RouteSocket, _ connections: ConntrackSocket, in namespaceID: Int32?) {
        let ports = (route.port, connections.port)
        state.withLock { state in
            state.senders[namespaceID, default: []].insert(Sender(port: ports.0, isNetfilter: false))
            state.senders[namespaceID, default: []].insert(Sender(port: ports.1, isNetfilter: true))
        }
    }

    /// Before the namespace's sockets are closed, whose ports others may have then.
    package func remove(namespaceID: Int32?) {
        state.withLock { state in
            state.senders[namespaceID] = nil
            state.unnamed[namespaceID] = nil
        }
    }

    /// So many rows of neighbour or forwarding tables are about to be changed of which the kernel tells without saying by whom.
    package func expect(_ count: Int, in namespaceID: Int32?) {
        if count == 0 { return }
        let now = ContinuousClock.now
        state.withLock { state in
            let left = state.unnamed[namespaceID].map { $0.until > now ? $0.count : 0 } ?? 0
            state.unnamed[namespaceID] = Unnamed(count: left + count, until: now + Self.timeout)
        }
    }

    /// Whether a message tells of nothing new; each that was expected counts once.
    func contains(_ message: NetlinkMessage, isNetfilter: Bool, in namespaceID: Int32?) -> Bool {
        let sender = Sender(port: message.port, isNetfilter: isNetfilter)
        let isNeighbour =
            message.type == MessageType.newNeighbour || message.type == MessageType.deleteNeighbour
        return state.withLock { state in
            if message.port != 0 { return state.senders[namespaceID]?.contains(sender) == true }
            guard !isNetfilter, isNeighbour, var unnamed = state.unnamed[namespaceID], unnamed.count > 0,
                unnamed.until > .now
            else { return false }
            unnamed.count -= 1
            state.unnamed[namespaceID] = unnamed
            return true
        }
    }
}
