import Addressing

/// What labels say of how ports are published: for clients that know no more of a port than Docker does.
///
/// On a service, `apus.publish.8080/tcp` is about one published port and `apus.publish` about all of them; the value is what the command line takes,
/// as `ip=10.0.0.0/8,interface=eth1,local,affinity=source`. On the swarm, `apus.publish` is where new services publish that say nothing.
package enum PublishingLabel {
    /// About all ports of a service; on the swarm, about those of new services.
    package static let all = "apus.publish"

    /// About one published port of a service.
    package static func one(_ published: Int, _ transport: String) -> String { "\(all).\(published)/\(transport)" }

    /// What a label's value says; `nil` for one that cannot be read.
    package struct Value: Equatable, Sendable {
        package var publishedOn: [String] = []
        package var onlyLocal: Bool?
        package var affinity: String?

        /// - Returns: `nil` for what is no list of settings.
        package init?(_ text: String) {
            for field in text.split(separator: ",", omittingEmptySubsequences: true) {
                let pair = field.split(separator: "=", maxSplits: 1).map { String($0).trimmingSpaces }
                guard let key = pair.first, take(key, pair.count > 1 ? pair[1] : nil) else { return nil }
            }
        }

        /// Whether a text asks for the PROXY protocol, which there is not: who is told so knows why it is not read.
        package static func asksForProxy(_ text: String) -> Bool {
            text.split(separator: ",").contains { field in
                ["proxy", "proxy-protocol"].contains(
                    String(field.prefix { $0 != "=" }).trimmingSpaces.lowercased())
            }
        }

        /// - Returns: Whether there is such a field with such a value.
        package mutating func take(_ key: String, _ value: String?) -> Bool {
            switch (key, value) {
            case ("ip", let text?):
                guard case .addresses? = PublishPlace(text) else { return false }
                publishedOn.append(text)
            case ("interface", let text?):
                guard case .link? = PublishPlace(text) else { return false }
                publishedOn.append(text)
            case ("local", nil), ("local", "true"): onlyLocal = true
            case ("local", "false"): onlyLocal = nil
            case ("affinity", PortConfig.affinityToSource): affinity = value
            case ("affinity", "none"): affinity = nil
            default: return false
            }
            return true
        }

        package init() {}
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension PortConfig {
    /// It says something that Docker's ports do not.
    package var saysMore: Bool { publishedOn != nil || onlyLocal != nil || affinity != nil }

    /// With all that a label says, and nothing else of it.
    package mutating func take(_ value: PublishingLabel.Value) {
        publishedOn = value.publishedOn
        onlyLocal = value.onlyLocal
        affinity = value.affinity
    }
}

extension PortConfig {
    /// What the mesh needs to know of the port beside its numbers; `nil` where that is nothing. What is no place is none: the port answers less.
    package var reach: PortReach? {
        var reach = PortReach(isLocal: onlyLocal == true, isBySource: affinity == Self.affinityToSource)
        let places = (publishedOn ?? []).compactMap { PublishPlace($0) }
        for place in places.prefix(PortReach.maximumPlaces) {
            switch place {
            case .addresses(let network): reach.addresses.append(network.masked)
            case .link(let name): reach.links.append(name)
            }
        }
        // All of one family is not all: what was never open in the other does not become so.
        let whole = Set(reach.addresses.filter { $0.prefixLength == 0 }.map(\.family))
        if whole.count == IPFamily.allCases.count { (reach.addresses, reach.links) = ([], []) }
        return reach.isUsual ? nil : reach
    }

    /// The value of ``affinity`` that there is.
    package static let affinityToSource = "source"
}
