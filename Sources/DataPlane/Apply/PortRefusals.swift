import Model
import Synchronization

/// Published ports that programs of the node have, as when a daemon comes back after one has taken them: they lead to their containers all the same,
/// and are tried again until they are had or not published any more.
final class PortRefusals: Sendable {
    struct Refused: Sendable {
        let owner: String
        let ports: [HostPort]
        let isAhead: Bool

        /// Rows, which are not held by sockets, are not looked through again: of so many ports one is always in use.
        var tried: [HostPort] { ports.filter { $0.published.hostPorts.count == 1 } }
        var rows: [HostPort] { ports.filter { $0.published.hostPorts.count > 1 } }
    }

    /// Between two tries.
    static let pause = Duration.seconds(2)

    private let byOwner = Mutex<[String: Refused]>([:])

    /// Keeps what cannot be had of what an owner is to have.
    /// - Returns: What could not be had before.
    func note(_ ports: [HostPort], of owner: String, isAhead: Bool) -> [HostPort] {
        byOwner.withLock { byOwner in
            let before = byOwner[owner]?.ports ?? []
            byOwner[owner] = ports.isEmpty ? nil : Refused(owner: owner, ports: ports, isAhead: isAhead)
            return before
        }
    }

    /// An owner has no ports any more.
    func forget(_ owner: String) { byOwner.withLock { $0[owner] = nil } }

    /// Others have no ports any more.
    func forget(allBut owners: Set<String>) {
        byOwner.withLock { byOwner in
            if !byOwner.isEmpty { byOwner = byOwner.filter { owners.contains($0.key) } }
        }
    }

    /// Those of which there is something to try.
    var open: [Refused] { byOwner.withLock { $0.values.filter { !$0.tried.isEmpty } } }
}
