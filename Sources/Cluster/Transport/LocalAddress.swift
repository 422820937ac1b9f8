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
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let host = parts.first ?? ""
        guard parts.count <= 2, let port = parts.count == 2 ? Int(parts[1], radix: 10) : defaultPort,
            (1...65_535).contains(port)
        else { throw SwarmError.invalidAddress(field: what, text: text) }
        if host.isEmpty {
            let target =
                try peer.flatMap { IPAddress(ipv4: try NodeTransport.split($0).host) } ?? IPAddress(192, 0, 2, 1)
            if let address = try toward(target), !address.isUnspecified { return (address, port) }
            let others = Set(try ofDevices().filter { !$0.address.isLoopback }.map(\.address))
            guard let only = others.first, others.count == 1 else {
                throw SwarmError.noOwnAddress
            }
            return (only, port)
        }
        if let address = IPAddress(ipv4: host) { return (address, port) }
        guard let device = try ofDevices().first(where: { $0.name == host }) else {
            throw SwarmError.neitherAddressNorInterface(field: what, text: host)
        }
        return (device.address, port)
    }

    private static func ofDevices() throws -> [(name: String, address: IPAddress)] {
        try System.enumerateDevices().compactMap { device in
            guard let text = device.address?.ipAddress, let address = IPAddress(ipv4: text) else { return nil }
            return (device.name, address)
        }
    }
}
