import LinuxSystem
import Netlink
import Synchronization

/// Sockets of a namespace that stay open: a socket belongs to the namespace in which it was made, whoever writes to it. So what is asked for by
/// them needs no thread in the namespace.
final class NamespaceHandle: Sendable {
    let route: RouteSocket
    let connections: ConntrackSocket
    let ruleset: RulesetSocket
    let sockets: SocketDiagnostics

    /// In the calling thread's namespace.
    init() throws {
        route = try RouteSocket()
        connections = try ConntrackSocket()
        ruleset = RulesetSocket(sharing: connections)
        sockets = try SocketDiagnostics()
    }
}

/// The handles of all namespaces, and the thread that works with them.
final class NamespaceHandles: Sendable {
    private let handles = Mutex<[Scope: NamespaceHandle]>([:])
    let worker = WorkerThread()

    subscript(_ scope: Scope) -> NamespaceHandle? { handles.withLock { $0[scope] } }

    /// Those of the scopes that have none.
    func missing(among scopes: some Collection<Scope>) -> [Scope] {
        handles.withLock { handles in scopes.filter { handles[$0] == nil } }
    }

    /// Opens handles of namespaces that have none, on one thread that goes through all of them. `nil` for the process's own, which comes first.
    func open(_ places: [(scope: Scope, namespace: NetworkNamespace?)]) async throws {
        if places.isEmpty { return }
        try await onThread { [self] in
            for (scope, namespace) in places.sorted(by: { $0.namespace == nil && $1.namespace != nil }) {
                try namespace?.enter()
                let handle = try NamespaceHandle()
                handles.withLock { $0[scope] = handle }
            }
        }
    }

    func close(_ scope: Scope) { handles.withLock { $0[scope] = nil } }

    /// Closes those of namespaces that are gone.
    func close(allBut scopes: some Collection<Scope>) {
        let left = Set(scopes)
        handles.withLock { handles in handles = handles.filter { left.contains($0.key) } }
    }

    /// How many descriptors they hold.
    var descriptorCount: Int { handles.withLock { $0.count * 3 } }
}
