import Concurrency
package import LinuxSystem
import Netlink

/// Namespaces of containers outside of passes.
extension NodeDataPlane {
    /// Where a container's network namespace is, made or not.
    package func sandboxNamespace(_ containerID: String) -> NetworkNamespace { layout.sandbox(containerID) }

    /// Makes a container's namespace ahead of its desired state, its loopback up: for a resolver's sockets. It stays until a
    /// desired network that had it has it no more, or until ``discardSandbox(_:)``.
    package func prepareSandbox(_ containerID: String) async throws -> NetworkNamespace {
        let namespace = layout.sandbox(containerID)
        let scope = Scope.sandbox(containerID)
        // The one that the container had before goes first.
        try await ledger.wait { $0.leaving.contains(scope) ? nil : true }
        if namespace.exists() { return namespace }
        ledger.change { $0.prepared.insert(scope) }
        return try await NetworkNamespace.create(at: namespace.path) { try NamespaceWork.prepare() }
    }

    /// Finds the namespace of a running container again, should its name have been taken away while no daemon was there.
    /// - Parameter process: one of the container's.
    package func recover(_ containerID: String, process: Int32) async throws {
        let namespace = layout.sandbox(containerID)
        if namespace.exists() { return }
        let source = "/proc/\(process)/ns/net"
        try await onThread {
            // Never the daemon's own, whatever the process may have become.
            guard try Files.link(source) != Files.link("/proc/self/ns/net") else { return }
            _ = try NetworkNamespace.bind(source, at: namespace.path)
        }
    }

    /// Ports at which somebody serves in a container's namespace, as its kernel tells: neither a thread nor a file is needed once the namespace is open.
    /// - Throws: where there is no such namespace, or the kernel does not tell.
    package func listening(inSandbox containerID: String) async throws -> ListeningSockets {
        let scope = Scope.sandbox(containerID)
        if handles[scope] == nil { try await handles.open([(scope, layout.sandbox(containerID))]) }
        guard let handle = handles[scope] else {
            throw DataPlaneError(code: .incomplete, message: "the namespace of \(containerID) is gone")
        }
        return try await handles.worker.run { try handle.sockets.listening() }
    }

    /// Takes back ``prepareSandbox(_:)`` for a container that is not desired after all. Also gives back its ports.
    package func discardSandbox(_ containerID: String) async throws {
        let scope = Scope.sandbox(containerID)
        ledger.change { $0.prepared.remove(scope) }
        ports.release(containerID)
        // What a pass is taking away is gone when this returns, too.
        try await ledger.wait { $0.leaving.contains(scope) ? nil : true }
        if ledger.value.applied[scope] == nil { try await layout.sandbox(containerID).remove() }
    }
}
