import Glibc
package import LinuxSystem
import Netlink

/// A test needs what this machine or user does not have. Tests fail then; they are not skipped.
package struct Unmet: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// Throws unless the tests run as root, as everything with namespaces and mounts must.
package func requireRoot() throws {
    if geteuid() != 0 { throw Unmet(description: "this test needs root") }
}

/// A directory of its own below /tmp, removed afterwards with all that was mounted in it.
package func withTemporaryDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
    let path = "/tmp/apus-test-\(RandomID.hex(bytes: 6))"
    try Files.makeDirectories(path)
    return try await cleaningUp {
        try await body(path)
    } by: {
        try await onThread {
            try Mounts.unmountAll(below: path, lazily: true)
            try Files.removeTree(path)
        }
    }
}

/// Where tests keep their namespaces' names.
private let namespaceDirectory = "/run/apus-test"

/// A fresh network namespace with `lo` up, removed afterwards.
package func withNetworkNamespace<T>(_ body: (NetworkNamespace) async throws -> T) async throws -> T {
    try await withNetworkNamespaces(1) { try await body($0[0]) }
}

/// Several fresh network namespaces with `lo` up, removed afterwards.
package func withNetworkNamespaces<T>(_ count: Int, _ body: ([NetworkNamespace]) async throws -> T) async throws -> T {
    try requireRoot()
    let paths = (0..<count).map { _ in "\(namespaceDirectory)/\(RandomID.hex(bytes: 6))" }
    return try await cleaningUp {
        var namespaces: [NetworkNamespace] = []
        for path in paths {
            let namespace = try await NetworkNamespace.create(at: path)
            try await namespace.run { try RouteSocket().perform(SetLink("lo", isUp: true)) }
            namespaces.append(namespace)
        }
        return try await body(namespaces)
    } by: {
        for path in paths { try await NetworkNamespace(path: path).remove() }
    }
}

/// Runs the work, then the clean-up whatever happened. The work's own error counts for more than the clean-up's.
package func cleaningUp<T>(_ work: () async throws -> T, by cleanUp: () async throws -> Void) async throws -> T {
    let result: T
    do {
        result = try await work()
    } catch {
        do { try await cleanUp() } catch let second { print("clean-up failed as well: \(second)") }
        throw error
    }
    try await cleanUp()
    return result
}
