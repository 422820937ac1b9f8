import Addressing
import Model

/// A container as the node's networks see it.
protocol NetworkMember: Sendable {
    var id: String { get }
    /// Without the leading slash.
    var name: String { get }
    var shortID: String { get }
    /// What it calls itself; may be empty.
    var hostname: String { get }
    var endpoints: [EndpointRecord] { get }
    var publishedPorts: [PublishedPort] { get }
    var isOnHostNetwork: Bool { get }
    /// It is on `none`, and on no other network.
    var isOnNone: Bool { get }
    /// The container whose network this one is in; `nil` when it has its own.
    var networkOwner: String? { get }
    /// Whether its processes may give interfaces other addresses.
    var administersNetwork: Bool { get }
    /// It is to have no IPv6, whatever its networks have.
    var disablesIPv6: Bool { get }
    /// It runs, or is about to.
    var isActive: Bool { get }
    /// Its process is there.
    var isUp: Bool { get }
    /// The first process, as the node sees it; 0 when there is none.
    var processID: Int { get }
    /// Resolvers of its own; empty for the node's.
    var nameServers: [String] { get }
    /// The ports of its service; `nil` outside of services.
    var meshPorts: [PortConfig]? { get }
}

extension NetworkMember {
    /// It has a network namespace of its own at present, joined to a network or not.
    var isInSandbox: Bool { isActive && !isOnHostNetwork && networkOwner == nil }
}

/// The node's containers, as its networks need to know them.
protocol NetworkMembers: Sendable {
    var members: [any NetworkMember] { get }
    func member(_ id: String) -> (any NetworkMember)?
    /// Ids of those that have changed, come or gone since they were asked for last.
    func takeChanged() -> Set<String>
    /// Looks at all while none changes: what `decide` does is done before anybody is given a place in a network.
    func examineMembers(_ decide: ([any NetworkMember]) -> Void)
}

/// Networks that several containers are in.
enum SharedNetworks {
    /// Containers whose network is administered by themselves or by another that is in it, of those that run or are about to.
    static func administered(_ containers: [any NetworkMember]) -> Set<String> {
        let owners = Dictionary(containers.map { ($0.id, $0.networkOwner) }) { first, _ in first }
        var found: Set<String> = []
        for record in containers where record.isActive && record.administersNetwork {
            var holder = record.id
            var passed: Set<String> = [holder]
            while let owner = owners[holder].flatMap({ $0 }), passed.insert(owner).inserted { holder = owner }
            found.insert(holder)
        }
        return found
    }
}
