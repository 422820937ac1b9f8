package import Glibc

/// The name of a Unix socket in the file system, as the calls that take a `sockaddr` want it (unix(7)).
package struct UnixSocketAddress: Sendable, Equatable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// Hands a `sockaddr` and its length to a system call; returns what the call returns, with `errno` as the call left it.
    /// - Throws: `ENAMETOOLONG` for a path that no socket can have.
    package func withPointer(_ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) throws(SystemError) -> CInt {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8)
        guard octets.count < MemoryLayout.size(ofValue: name.sun_path) else {
            throw SystemError(errno: ENAMETOOLONG, attempting: "use the socket \(path)")
        }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: octets) }
        return withUnsafePointer(to: name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
