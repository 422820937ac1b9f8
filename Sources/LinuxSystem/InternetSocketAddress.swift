package import Addressing
package import Glibc

/// The name of an internet socket, of either family, as the calls that take a `sockaddr` want it (ip(7), ipv6(7)).
package struct InternetSocketAddress: Sendable, Equatable {
    package let address: IPAddress
    package let port: UInt16

    package init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// What a socket is bound to.
    /// - Throws: ``SystemError`` of getsockname(2); `EAFNOSUPPORT` for a socket of another family.
    package init(of socket: CInt) throws {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        try check(result, "read a socket's address")
        switch CInt(clamping: storage.ss_family) {
        case AF_INET:
            let name = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }
            self.init(
                .v4(IPv4Address(number: UInt32(bigEndian: name.sin_addr.s_addr))),
                port: UInt16(bigEndian: name.sin_port))
        case AF_INET6:
            let name = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in6.self) }
            let octets = withUnsafeBytes(of: name.sin6_addr) { Array($0) }
            self.init(
                IPv6Address(octets: octets).map { .v6($0) } ?? .unspecified(.v6),
                port: UInt16(bigEndian: name.sin6_port))
        default: throw SystemError(errno: EAFNOSUPPORT, attempting: "read a socket's address")
        }
    }

    /// AF_INET or AF_INET6, for socket(2).
    package var family: CInt { address.family == .v4 ? AF_INET : AF_INET6 }

    /// Hands a `sockaddr` and its length to a system call; returns what the call returns, with `errno` as the call left it.
    package func withPointer(_ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        func pass<Name>(_ name: Name) -> CInt {
            withUnsafePointer(to: name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<Name>.size)) }
            }
        }
        switch address {
        case .v4(let address):
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = address.inMemory
            return pass(name)
        case .v6(let address):
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.octets) }
            return pass(name)
        }
    }
}

extension InternetSocketAddress: CustomStringConvertible {
    package var description: String { address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
