/// The addresses of one endpoint in one network, at most one a family, each with its subnet's prefix length.
///
/// In JSON: the text of the only address, as `"10.1.0.7/24"`; where there are two, or none, a list of such texts.
package struct EndpointAddresses: Hashable, Sendable {
    package var v4: IPv4Network?
    package var v6: IPv6Network?

    package init(v4: IPv4Network? = nil, v6: IPv6Network? = nil) {
        self.v4 = v4
        self.v6 = v6
    }

    package init(_ address: IPNetwork) { self.init(v4: address.v4, v6: address.v6) }

    /// The first address of each family.
    package init(_ addresses: some Sequence<IPNetwork>) {
        self.init()
        for address in addresses {
            switch address {
            case .v4(let network): v4 = v4 ?? network
            case .v6(let network): v6 = v6 ?? network
            }
        }
    }

    /// IPv4's first.
    package var all: [IPNetwork] { (v4.map { [.v4($0)] } ?? []) + (v6.map { [.v6($0)] } ?? []) }
    /// The addresses alone.
    package var hosts: HostAddresses { HostAddresses(v4: v4?.address, v6: v6?.address) }
    /// The one that stands for both where there is room for one: IPv4's, unless there is none.
    package var primary: IPNetwork? { v4.map { .v4($0) } ?? v6.map { .v6($0) } }
    package var isEmpty: Bool { v4 == nil && v6 == nil }
}

/// The addresses of one endpoint, at most one a family, without prefix lengths.
///
/// In JSON: the text of the only address, as `"10.1.0.7"`; where there are two, or none, a list of such texts. IPv4 comes before
/// IPv6 in their order.
package struct HostAddresses: Hashable, Sendable {
    package var v4: IPv4Address?
    package var v6: IPv6Address?

    package init(v4: IPv4Address? = nil, v6: IPv6Address? = nil) {
        self.v4 = v4
        self.v6 = v6
    }

    package init(_ address: IPAddress) { self.init(v4: address.v4, v6: address.v6) }

    /// The first address of each family.
    package init(_ addresses: some Sequence<IPAddress>) {
        self.init()
        for address in addresses {
            switch address {
            case .v4(let address): v4 = v4 ?? address
            case .v6(let address): v6 = v6 ?? address
            }
        }
    }

    /// IPv4's first.
    package var all: [IPAddress] { (v4.map { [.v4($0)] } ?? []) + (v6.map { [.v6($0)] } ?? []) }
    /// The one that stands for both where there is room for one: IPv4's, unless there is none.
    package var primary: IPAddress? { v4.map { .v4($0) } ?? v6.map { .v6($0) } }
    package var isEmpty: Bool { v4 == nil && v6 == nil }

    /// The address of a family; `nil` when there is none.
    package subscript(family: IPFamily) -> IPAddress? {
        switch family {
        case .v4: v4.map { .v4($0) }
        case .v6: v6.map { .v6($0) }
        }
    }

    /// Whether it is the one of its family.
    package func contains(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): v4 == address
        case .v6(let address): v6 == address
        }
    }
}

extension HostAddresses: Comparable {
    package static func < (left: Self, right: Self) -> Bool { left.all.lexicographicallyPrecedes(right.all) }
}

extension EndpointAddresses: Codable {
    package init(from decoder: any Decoder) throws { self.init(try AddressTexts.decode(IPNetwork.self, decoder)) }
    package func encode(to encoder: any Encoder) throws { try AddressTexts.encode(all, encoder) }
}

extension HostAddresses: Codable {
    package init(from decoder: any Decoder) throws { self.init(try AddressTexts.decode(IPAddress.self, decoder)) }
    package func encode(to encoder: any Encoder) throws { try AddressTexts.encode(all, encoder) }
}

/// One text for one value, a list for more or none: what was written before there were two families reads on.
private enum AddressTexts {
    static func decode<Value: Decodable>(_ type: Value.Type, _ decoder: any Decoder) throws -> [Value] {
        do { return try [Value].init(from: decoder) } catch DecodingError.typeMismatch {
            return [try decoder.singleValueContainer().decode(type)]
        }
    }

    static func encode(_ values: [some Encodable], _ encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if values.count == 1, let only = values.first {
            try container.encode(only)
        } else {
            try container.encode(values)
        }
    }
}
