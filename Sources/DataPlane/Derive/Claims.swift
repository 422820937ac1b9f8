import Addressing
import Model

/// What sandboxes bring into namespaces that they share with others, counted: where something is brought by one alone, it comes and goes with that one.
/// And who is in which overlay, so that a change within one looks at nobody else.
struct Claims: Equatable, Sendable {
    private enum Claim: Hashable, Sendable {
        /// A port of a bridge, whose link has a name of so many characters.
        case link(String)
        case address(Sandbox.NetworkReference, IPAddress)
        /// One, or a row: as they are held, no two meet without being the same.
        case ports(TransportProtocol, IPAddress, ClosedRange<UInt16>)
    }

    /// A sandbox as an overlay that it is in has to know it: all that a change within the overlay asks of those who are in it.
    struct Member: Equatable, Sendable {
        /// An endpoint that it has in there may use further addresses.
        fileprivate(set) var isLax = false
        /// Of its endpoints in there.
        fileprivate(set) var addresses: [IPAddress] = []
        /// Neither it nor another endpoint of it in there might mean something else by an address.
        fileprivate(set) var isPlain = true
        /// The other overlays that it is in.
        fileprivate(set) var others: Set<String> = []
    }

    private var counts: [Claim: Int] = [:]
    /// By overlay, and by the sandboxes' ids.
    private(set) var members: [String: [String: Member]] = [:]
    /// Of this node's endpoints in each overlay, and how many have each.
    private var macs: [String: [MACAddress: Int]] = [:]
    /// See ``NodeNetwork/localTargets``.
    private(set) var localTargets: [IPAddress: IPAddress] = [:]

    init() {}

    init(_ network: NodeNetwork) {
        if let ingress = network.ingress {
            for address in ingress.gatewayAddresses.hosts.all {
                counts[.address(.bridge(ingress.bridgeID), address), default: 0] += 1
            }
            for address in ingress.addresses.hosts.all {
                counts[.address(.overlay(ingress.overlayID), address), default: 0] += 1
            }
            macs[ingress.overlayID, default: [:]][MACAddress(tag: ingress.tag), default: 0] += 1
        }
        for sandbox in network.sandboxes { change(nil, sandbox) }
    }

    private static func claims(of sandbox: Sandbox) -> [Claim] {
        var claims: [Claim] = []
        for endpoint in sandbox.endpoints {
            claims.append(.link(Layout.nodePort(endpoint.id)))
            for address in endpoint.addresses.hosts.all { claims.append(.address(endpoint.network, address)) }
        }
        for port in sandbox.published {
            claims.append(.ports(port.published.transport, port.published.calledAddress, port.published.hostPorts))
        }
        return claims
    }

    /// Takes a sandbox as it is now in place of what it was; `nil`: there is none.
    mutating func change(_ old: Sandbox?, _ new: Sandbox?) {
        for (ingress, localTarget) in old?.meshTargets ?? [] where localTargets[ingress] == localTarget {
            localTargets[ingress] = nil
        }
        for (ingress, localTarget) in new?.meshTargets ?? [] where localTargets[ingress] == nil {
            localTargets[ingress] = localTarget
        }
        for claim in old.map(Self.claims) ?? [] {
            let left = (counts[claim] ?? 1) - 1
            counts[claim] = left > 0 ? left : nil
        }
        for claim in new.map(Self.claims) ?? [] { counts[claim, default: 0] += 1 }
        if let old { leave(old) }
        if let new { enter(new) }
    }

    private mutating func leave(_ sandbox: Sandbox) {
        for id in Set(sandbox.overlayIDs) {
            members[id]?[sandbox.id] = nil
            if members[id]?.isEmpty == true { members[id] = nil }
        }
        for (id, mac) in Self.macs(of: sandbox) {
            let left = (macs[id]?[mac] ?? 1) - 1
            macs[id]?[mac] = left > 0 ? left : nil
            if macs[id]?.isEmpty == true { macs[id] = nil }
        }
    }

    private static func macs(of sandbox: Sandbox) -> [(overlay: String, mac: MACAddress)] {
        sandbox.endpoints.compactMap { endpoint in
            if case .overlay(let id) = endpoint.network { (id, endpoint.mac) } else { nil }
        }
    }

    private mutating func enter(_ sandbox: Sandbox) {
        for (id, mac) in Self.macs(of: sandbox) { macs[id, default: [:]][mac, default: 0] += 1 }
        let overlays = Set(sandbox.overlayIDs)
        for id in overlays {
            let inside = sandbox.endpoints.filter { $0.network == .overlay(id) }
            var member = Member()
            member.isLax = inside.contains(where: \.isLax)
            member.addresses = inside.flatMap(\.addresses.hosts.all)
            member.isPlain = sandbox.services.isEmpty && inside.count == 1
            member.others = overlays.subtracting([id])
            members[id, default: [:]][sandbox.id] = member
        }
    }

    /// Whether anybody has an address in a network.
    func has(_ address: IPAddress, in network: Sandbox.NetworkReference) -> Bool {
        counts[.address(network, address)] != nil
    }

    /// Whether an endpoint of this node in an overlay has a MAC.
    func isLocal(_ mac: MACAddress, in overlay: String) -> Bool { macs[overlay]?[mac] != nil }

    /// Whether everything that these sandboxes bring, before and after they change, is theirs alone.
    func areSeparate(_ old: [Sandbox], _ new: [Sandbox]) -> Bool {
        var released: Set<Claim> = []
        for claim in old.flatMap(Self.claims) {
            guard counts[claim] == 1, released.insert(claim).inserted else { return false }
        }
        var taken: Set<Claim> = []
        for claim in new.flatMap(Self.claims) {
            guard counts[claim] == nil || released.contains(claim), taken.insert(claim).inserted else { return false }
        }
        return true
    }
}
