/// An Ethernet address of six octets.
package struct MACAddress: Hashable, Sendable {
    package let octets: [UInt8]

    /// - Precondition: six octets.
    package init(octets: [UInt8]) {
        precondition(octets.count == 6, "an Ethernet address has six octets")
        self.octets = octets
    }

    /// The address of the endpoint with this IPv4 address: `02:42` and its four octets, so that nothing has to be learnt.
    package init(for address: IPv4Address) { self.init(octets: [0x02, 0x42] + address.octets) }

    /// `aa:bb:cc:dd:ee:ff`, or `nil` when the text is anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var octets: [UInt8] = []
        for part in parts {
            guard part.utf8.count == 2, let octet = UInt8(part, radix: 16) else { return nil }
            octets.append(octet)
        }
        self.octets = octets
    }
}

extension MACAddress: CustomStringConvertible, Codable {
    package var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let address = Self(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "invalid MAC address: \(text)")
        }
        self = address
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
