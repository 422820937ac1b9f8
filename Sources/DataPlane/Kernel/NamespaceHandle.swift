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
    private struct State {
        var handles: [Scope: NamespaceHandle] = [:]
        /// By which the node's namespace knows the others.
        var ids: [Scope: Int32] = [:]
    }

    private let state = Mutex(State())
    let worker = WorkerThread()
    /// Closing a socket of netfilter's waits for what its namespace is about to free, for a grace period of the kernel's.
    private let closer = WorkerThread()
    /// What is changed through the handles, which nobody needs to be told of.
    let own = OwnChanges()
    let generations = RulesetGenerations()

    subscript(_ scope: Scope) -> NamespaceHandle? { state.withLock { $0.handles[scope] } }

    func id(of scope: Scope) -> Int32? { state.withLock { $0.ids[scope] } }

    /// Those of the scopes that have none.
    func missing(among scopes: some Collection<Scope>) -> [Scope] {
        state.withLock { state in scopes.filter { state.handles[$0] == nil } }
    }

    /// Opens handles of namespaces that have none, on one thread that goes through all of them. `nil` for the process's own, which comes first.
    func open(_ places: [(scope: Scope, namespace: NetworkNamespace?)]) async throws {
        if places.isEmpty { return }
        try await onThread { [self] in
            for (scope, namespace) in places.sorted(by: { $0.namespace == nil && $1.namespace != nil }) {
                try namespace?.enter()
                let handle = try NamespaceHandle()
                let id = state.withLock { state in
                    state.handles[scope] = handle
                    return state.ids[scope]
                }
                if scope == .node || id != nil { own.add(handle.route, handle.connections, in: id) }
            }
        }
    }

    /// By which the node's namespace knows the others, as far as that is new.
    func identify(_ ids: [Scope: Int32]) {
        for (scope, id) in ids {
            let (handle, isNew) = state.withLock { state in
                let isNew = state.ids.updateValue(id, forKey: scope) != id
                return (state.handles[scope], isNew)
            }
            if isNew, let handle { own.add(handle.route, handle.connections, in: id) }
        }
    }

    /// Makes changes as one transaction, on the worker.
    /// - Throws: ``DataPlaneError`` where the namespace is not open, `NetlinkError`.
    func change(_ scope: Scope, _ changes: RulesetChanges) throws {
        guard let ruleset = self[scope]?.ruleset else {
            throw DataPlaneError(code: .incomplete, message: "the namespace is not open")
        }
        if changes.isEmpty { return }
        try generations.change(scope, over: ruleset) { try ruleset.perform(changes) }
    }

    func close(_ scope: Scope) {
        let (id, handle) = state.withLock { state in
            (state.ids.removeValue(forKey: scope), state.handles.removeValue(forKey: scope))
        }
        if let id { own.remove(namespaceID: id) }
        // Its sockets are closed there, and not before.
        if let handle { closer.post { withExtendedLifetime(handle) {} } }
    }

    /// Closes those of namespaces that are gone.
    func close(allBut scopes: some Collection<Scope>) {
        let left = Set(scopes)
        let gone = state.withLock { state in
            Set(state.handles.keys).union(state.ids.keys).filter { !left.contains($0) }
        }
        for scope in gone { close(scope) }
    }
}
