package import Addressing

/// Where and how a port of the routing mesh answers, when it is not everywhere and by turns.
package struct PortReach: Codable, Hashable, Sendable {
    /// Addresses of a node that answer, as subnets; several nodes have some in one. Host bits are not set.
    package var addresses: [IPNetwork]
    /// Names of links by which calls may come. With neither these nor addresses, whatever is called on a node answers.
    package var links: [String]
    /// Only nodes with a task answer, and their tasks alone.
    package var isLocal: Bool
    /// Calls from one address get one task, on whichever node, as long as the tasks are the same.
    package var isBySource: Bool

    /// More addresses or links are not taken.
    package static let maximumPlaces = 64
    private static let longestLinkName = 15

    package init(
        addresses: [IPNetwork] = [], links: [String] = [], isLocal: Bool = false, isBySource: Bool = false
    ) {
        self.addresses = addresses
        self.links = links
        self.isLocal = isLocal
        self.isBySource = isBySource
    }

    /// Whatever is called on a node answers.
    package var isEverywhere: Bool { addresses.isEmpty && links.isEmpty }
    /// It says nothing that is not so by itself.
    package var isUsual: Bool { self == PortReach() }

    /// Whether a link may have the name: as the kernel takes names, and such that rules can be made of it.
    package static func isLinkName(_ text: String) -> Bool {
        (1...longestLinkName).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || [45, 46, 58, 64, 95].contains(byte)
            } && text != "." && text != ".."
    }
}

/// A place at which a port is published: an address of a node, those in a subnet, or those at which what comes by a link arrives.
package enum PublishPlace: Equatable, Sendable {
    case addresses(IPNetwork)
    case link(String)

    /// As users write it: `192.0.2.1`, `10.0.0.0/8`, `eth1`. `nil` for what is neither.
    package init?(_ text: String) {
        if let address = IPAddress(text) {
            self = .addresses(address.isUnspecified ? .everywhere(address.family) : IPNetwork(address))
        } else if let network = IPNetwork(text) {
            self = .addresses(network)
        } else if PortReach.isLinkName(text), !text.contains(":"), !text.allSatisfy({ "0123456789.".contains($0) }) {
            self = .link(text)
        } else {
            return nil
        }
    }
}
