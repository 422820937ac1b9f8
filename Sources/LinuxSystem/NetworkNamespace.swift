import CLinux
import Glibc
import Synchronization

/// A network namespace that has a name: a file with the namespace bound to it (network_namespaces(7)).
package struct NetworkNamespace: Sendable, Hashable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Held while a name is looked at and given: two that give the same would lay one namespace on top of the other.
    private static let naming = Mutex(())

    /// The namespace at `path`, made unless it is already there. Directories above it are made too. Its `lo` is down.
    /// Of several that ask at the same time one makes it, and all get it.
    /// - Parameter prepare: Done on a thread inside before it has its name, so that what has one is never half made: when
    ///   this throws, there is none.
    package static func create(
        at path: String, preparing prepare: @escaping @Sendable () throws -> Void = {}
    ) async throws -> NetworkNamespace {
        try await onThread {
            let namespace = NetworkNamespace(path: path)
            if namespace.exists() { return namespace }
            // Not under the lock: the kernel takes a while for it. One that was made in vain goes when its thread leaves it.
            ThreadPlace.note(.away)
            try check(clinux_unshare(clinux_clone_newnet), "unshare network namespace")
            try prepare()
            return try name("/proc/thread-self/ns/net", path)
        }
    }

    /// A namespace without a name, which goes with the last descriptor, socket or thread that is in it. Its `lo` is down.
    package static func makeNameless() async throws -> NamelessNamespace {
        let raw = try await onThread {
            ThreadPlace.note(.away)
            try check(clinux_unshare(clinux_clone_newnet), "unshare network namespace")
            return try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY).release()
        }
        return NamelessNamespace(Descriptor(owning: raw))
    }

    private static func name(_ source: String, _ path: String) throws(SystemError) -> NetworkNamespace {
        let namespace = NetworkNamespace(path: path)
        return try naming.withLock { (_) throws(SystemError) in
            if namespace.exists() { return namespace }
            try Files.makeDirectories(Files.parent(of: path), mode: 0o755)
            let file = try Descriptor.open(path, O_RDONLY | O_CREAT, mode: 0o444)
            _ = consume file
            try Mounts.bind(source, to: path)
            return namespace
        }
    }

    /// Gives a namespace that is there already a name: `source` is where it is found, as `/proc/PID/ns/net`. Blocking.
    package static func bind(_ source: String, at path: String) throws(SystemError) -> NetworkNamespace {
        try name(source, path)
    }

    /// Takes the name away; the namespace itself goes when nothing else is in it. Missing is fine.
    package func remove() async throws {
        let path = path
        try await onThread {
            try Self.naming.withLock { _ in
                // More than one may lie on top of each other: EINVAL says that the last has gone.
                while clinux_umount2(path, clinux_mnt_detach) == 0 {}
                if errno != ENOENT, errno != EINVAL { throw SystemError(errno: errno, attempting: "unmount \(path)") }
                if unlink(path) != 0, errno != ENOENT {
                    throw SystemError(errno: errno, attempting: "remove \(path)")
                }
            }
        }
    }

    /// Removes names in a directory that no namespace is bound to: those of a process that was killed between making a name and binding it.
    /// Blocks.
    package static func removeUnbound(in directory: String) throws {
        for name in try Files.list(directory) {
            let namespace = NetworkNamespace(path: directory + "/" + name)
            try naming.withLock { _ in
                if namespace.exists() { return }
                if unlink(namespace.path) != 0, errno != ENOENT {
                    throw SystemError(errno: errno, attempting: "remove \(namespace.path)")
                }
            }
        }
    }

    /// Runs blocking work on a thread inside the namespace.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await onThread {
            try enter()
            return try body()
        }
    }

    /// Puts the calling thread into the namespace, for the rest of what ``onThread(stackBytes:_:)`` runs on it, or of its life.
    package func enter() throws(SystemError) {
        let file = try Descriptor.open(path, O_RDONLY)
        KernelCounters.note(.entry)
        ThreadPlace.note(.away)
        try check(clinux_setns(file.raw, clinux_clone_newnet), "enter network namespace \(path)")
    }

    /// Whether there is a namespace at the path; a file without one does not count.
    package func exists() -> Bool { clinux_is_namespace(path) == 1 }

    /// A descriptor of the namespace, as netlink's `IFLA_NET_NS_FD` takes it.
    package func open() throws(SystemError) -> Descriptor { try Descriptor.open(path, O_RDONLY) }

    /// The namespace of the calling thread.
    package static let current = NetworkNamespace(path: "/proc/thread-self/ns/net")
    /// The namespace this process was started in.
    package static let own = NetworkNamespace(path: "/proc/self/ns/net")

    /// Names in a directory of namespaces that have one bound to them; none if the directory is missing.
    package static func list(in directory: String) throws -> [NetworkNamespace] {
        try Files.list(directory).map { NetworkNamespace(path: directory + "/" + $0) }.filter { $0.exists() }
    }
}

/// A network namespace that is held by a descriptor alone: a killed process leaves nothing of it behind.
package final class NamelessNamespace: Sendable {
    private let descriptor: Descriptor

    fileprivate init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// By a path that holds for as long as this object does, and for this process.
    package var namespace: NetworkNamespace { NetworkNamespace(path: "/proc/self/fd/\(descriptor.raw)") }
    /// The same path, for other processes of root.
    package var pathForOthers: String { "/proc/\(getpid())/fd/\(descriptor.raw)" }
}
