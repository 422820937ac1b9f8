import Glibc
import Templates

/// Addresses as flags take them.
package enum AddressText {
    static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, text, &address) == 1
    }

    static func isAddress(_ text: String) -> Bool { isIPv4(text) || isIPv6(text) }

    /// Address bytes of a network and the length of its prefix.
    private static func network(_ text: String) -> (bytes: [UInt8], bits: Int)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let bits = Int(parts[1]), let bytes = bytes(String(parts[0])),
            (0...bytes.count * 8).contains(bits)
        else { return nil }
        return (bytes, bits)
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var sixteen = in6_addr()
        if inet_pton(AF_INET6, text, &sixteen) == 1 { return withUnsafeBytes(of: &sixteen) { Array($0) } }
        return nil
    }

    /// Whether it is an address with a prefix's length, of either family.
    package static func isNetwork(_ text: String) -> Bool { network(text) != nil }

    /// Whether a network holds an address, or the first address of another network.
    package static func network(_ network: String, contains address: String) -> Bool {
        let plain = address.split(separator: "/").first.map(String.init) ?? address
        guard let (prefix, bits) = Self.network(network), let other = bytes(plain), prefix.count == other.count else {
            return false
        }
        for bit in 0..<bits where (prefix[bit / 8] ^ other[bit / 8]) & (0x80 >> UInt8(bit % 8)) != 0 { return false }
        return true
    }

    /// An address with a port, IPv6 in brackets.
    package static func joined(_ address: String, _ port: String) -> String {
        address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    static func isMAC(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 6 && parts.allSatisfy { $0.count == 2 && UInt8($0, radix: 16) != nil }
    }
}

/// An entry for a container's hosts file, `name:address` or `name=address`.
package enum HostEntry {
    /// - Returns: `name:address`, as containers take it.
    package static func parse(_ text: String, flag: String) throws(ValueError) -> String {
        let separator = text.firstIndex { $0 == "=" || $0 == ":" }
        guard let separator, separator != text.startIndex else {
            throw ValueError("bad format for add-host: \(GoText.quoted(text))")
        }
        let name = text[..<separator]
        var address = String(text[text.index(after: separator)...])
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        guard address == "host-gateway" || AddressText.isAddress(address) else {
            throw ValueError("invalid IP address in add-host: \(GoText.quoted(address))")
        }
        return "\(name):\(address)"
    }

    /// As services take it: `address name`.
    package static func serviceLine(_ text: String) throws(ValueError) -> String {
        let entry = try parse(text, flag: "host")
        guard let colon = entry.firstIndex(of: ":") else { return entry }
        return "\(entry[entry.index(after: colon)...]) \(entry[..<colon])"
    }
}
