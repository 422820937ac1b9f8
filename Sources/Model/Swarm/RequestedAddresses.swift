package import Addressing

/// The addresses that a container asks for in a network of the swarm, at most one a family.
///
/// In JSON: one text, with a comma between two. A manager of an earlier build, which knows IPv4 alone, refuses what it cannot give.
package enum RequestedAddresses: Sendable, Equatable {
    /// None for any.
    case hosts(HostAddresses)
    /// A text that says no addresses, or two of one family: kept as it is, so that it can be refused where it is asked for.
    case unread(String)

    package init(_ text: String) {
        let texts = text.split(separator: ",", omittingEmptySubsequences: true)
        let addresses = texts.compactMap { IPAddress($0) }
        let hosts = HostAddresses(addresses)
        self = hosts.all.count == texts.count ? .hosts(hosts) : .unread(text)
    }
}

extension RequestedAddresses: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .hosts(let hosts): try container.encode(hosts.all.map(\.description).joined(separator: ","))
        case .unread(let text): try container.encode(text)
        }
    }
}
