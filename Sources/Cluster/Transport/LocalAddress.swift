import Addressing
import EngineInterface
import Glibc
import LinuxSystem
import NIOCore

/// Which of the node's own addresses others reach it by.
enum LocalAddress {
    static let defaultPort = 2377

    /// The address that a packet to another host would carry: what the routing table says.
    /// - Returns: `nil` without a route.
    static func toward(_ host: IPAddress) throws -> IPAddress? {
        let place = InternetSocketAddress(host, port: UInt16(clamping: defaultPort))
        let descriptor = Descriptor(
            owning: try check(
                socket(place.family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0), "make a socket"))
        // Connecting a datagram socket sends nothing (udp(7)); it only chooses the route.
        guard place.withPointer({ connect(descriptor.raw, $0, $1) }) == 0 else { return nil }
        return try InternetSocketAddress(of: descriptor.raw).address
    }

    /// Turns what the user gives, an address or an interface's name, each with or without a port, into an address and a port.
    ///
    /// - Parameter peer: A manager's address: with nothing given, the address on the way to it is taken.
    /// - Throws: ``SwarmError`` when it is neither, or nothing can be chosen.
    static func resolve(_ text: String, peer: String?, what: String) throws -> (address: IPAddress, port: Int) {
        guard let parts = HostText.split(text), let port = parts.port.map({ Int($0, radix: 10) }) ?? defaultPort,
            (1...65_535).contains(port)
        else { throw SwarmError.invalidAddress(field: what, text: text) }
        let host = parts.host
        if host.isEmpty {
            let known = try peer.flatMap { IPAddress(try NodeTransport.split($0).host) }
            // Documentation's addresses are behind the default route (RFC 5737, RFC 3849).
            for target in known.map({ [$0] }) ?? [IPAddress(192, 0, 2, 1), .v6(outside6)] {
                if let address = try toward(target), !address.isUnspecified { return (address, port) }
            }
            let others = Set(try ofDevices().filter { !$0.address.isLoopback }.map(\.address))
            for family in IPFamily.allCases {
                let own = others.filter { $0.family == family }
                if own.isEmpty { continue }
                guard let only = own.first, own.count == 1 else { break }
                return (only, port)
            }
            throw SwarmError.noOwnAddress
        }
        if let address = IPAddress(host) { return (address, port) }
        let own = try ofDevices().filter { $0.name == host }
        guard let device = own.first(where: { $0.address.family == .v4 }) ?? own.first else {
            throw SwarmError.neitherAddressNorInterface(field: what, text: host)
        }
        return (device.address, port)
    }

    private static let outside6 = IPv6Address(high: 0x2001_0db8 << 32, low: 1)

    private static func ofDevices() throws -> [(name: String, address: IPAddress)] {
        try System.enumerateDevices().compactMap { device in
            // Link-local addresses of IPv6 come with a zone, and are none that others could use.
            guard let text = device.address?.ipAddress, let address = IPAddress(text) else { return nil }
            if address.v6?.isLinkLocal == true { return nil }
            return (device.name, address)
        }
    }
}
