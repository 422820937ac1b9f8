package import Addressing
package import Faults
import Model

/// What `apusd`'s command line says of the addresses of this node's own networks. Pure.
package struct NodeAddressing: Sendable, Equatable {
    /// Bits of the widest block that may be kept out: managers take what is wider for a way out rather than for somebody's network.
    private static let shortestKeptOut = 8

    /// What subnets are cut from that nobody names, as it was given; empty for the usual blocks.
    package private(set) var pools: [SubnetChooser.Pool] = []
    /// The address of Docker's own bridge with its subnet's prefix length; `nil` for one that is chosen.
    package private(set) var bridge: IPNetwork?
    /// Blocks that nothing is chosen in, host bits clear, each once and in ascending order.
    package private(set) var keptOut: [IPNetwork] = []

    package init() {}

    /// - Parameters:
    ///   - pools: As `--default-address-pool` has them: `base=10.200.0.0/16,size=24`.
    ///   - bridge: As `--bip` has it: `10.200.0.1/24`; empty for nothing.
    ///   - keptOut: As `--avoid-subnet` has them: `10.8.0.0/16`.
    /// - Throws: ``NodeAddressingError`` naming the offending value.
    package init(pools: [String], bridge: String, keptOut: [String]) throws(NodeAddressingError) {
        for text in pools {
            let pool = try Self.pool(text)
            if let other = self.pools.first(where: { $0.base.overlaps(pool.base) }) {
                throw .poolsOverlap(pool.base, other.base)
            }
            self.pools.append(pool)
        }
        if !bridge.isEmpty { self.bridge = try Self.bridge(bridge) }
        var blocks: Set<IPNetwork> = []
        for text in keptOut {
            guard let block = IPNetwork(text)?.masked else { throw .invalidBlock(text) }
            guard block.prefixLength >= Self.shortestKeptOut else { throw .wideBlock(text) }
            blocks.insert(block)
        }
        self.keptOut = blocks.sorted()
    }

    /// The resolvers that containers are to have, as `--dns` has them.
    /// - Throws: ``NodeAddressingError/invalidNameServer(_:)``.
    package static func nameServers(_ texts: [String]) throws(NodeAddressingError) -> [IPAddress] {
        var servers: [IPAddress] = []
        for text in texts {
            guard let address = IPAddress(text) else { throw .invalidNameServer(text) }
            servers.append(address)
        }
        return servers
    }

    /// Where subnets come from that nobody names: IPv4's from the usual blocks unless there are pools of that family, and IPv6's from the node's own prefix
    /// where this has none.
    var chooser: SubnetChooser {
        let sixes = pools.filter { $0.base.family == .v6 }
        let fours = pools.filter { $0.base.family == .v4 }
        return SubnetChooser(pools: (fours.isEmpty ? SubnetChooser.bridges.pools : fours) + sixes)
    }

    /// One pool as dockerd reads it: fields with commas between them, names in any case, host bits of the base passed over.
    private static func pool(_ text: String) throws(NodeAddressingError) -> SubnetChooser.Pool {
        var (base, size) = ("", 0)
        for field in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let key = parts.first?.lowercased(), let value = parts.last?.lowercased() else {
                throw .noPair(String(field))
            }
            switch key {
            case "base": base = value
            case "size":
                guard let number = Int(value) else { throw .sizeNoNumber(value) }
                size = number
            default: throw .unknownKey(key, field: String(field))
            }
        }
        guard let block = IPNetwork(base) else { throw .invalidBase(base) }
        guard let pool = SubnetChooser.Pool(cutting: block, to: size) else { throw .invalidSize(size) }
        // What a network with such a subnet would be refused for later.
        let subnet = IPNetwork(address: pool.base.first, prefixLength: pool.prefixLength)
        do {
            _ = try AddressPoolRules.parse(
                [AddressPool(subnet: subnet.description)], avoiding: [], families: [subnet.family])
        } catch { throw NodeAddressingError.unusableBase(base) }
        return pool
    }

    private static func bridge(_ text: String) throws(NodeAddressingError) -> IPNetwork {
        guard let address = IPNetwork(ipv4: text) else { throw .invalidBridge(text) }
        let pool = AddressPool(subnet: address.masked.description, gateway: address.address.description)
        do { _ = try AddressPoolRules.parse([pool], avoiding: []) } catch {
            throw NodeAddressingError.unusableBridge(text)
        }
        return address
    }
}

/// What of a node's addresses cannot be as the command line has it. Read by whoever starts the daemon, so it has a text of its own: Docker's where that has
/// one. Source: moby, `opts/address_pools.go`, `opts/opts.go` and `libnetwork/ipamutils`.
package enum NodeAddressingError: Fault, CustomStringConvertible, Equatable {
    case noPair(String)
    case unknownKey(String, field: String)
    case sizeNoNumber(String)
    case invalidBase(String)
    /// One that no host may have addresses of.
    case unusableBase(String)
    case invalidSize(Int)
    case poolsOverlap(IPNetwork, IPNetwork)
    case invalidBridge(String)
    /// A network's own address, its broadcast address, or one of a subnet without room for anybody else.
    case unusableBridge(String)
    /// Another network of the node has addresses of it.
    case bridgeTaken(IPNetwork, by: IPNetwork)
    case invalidBlock(String)
    case wideBlock(String)
    case invalidNameServer(String)
    /// Nothing is left of a family that Docker's own bridge could have.
    case noneForBridge(IPFamily)

    package var kind: FaultKind { .invalidInput }

    package var description: String {
        switch self {
        case .noPair(let field): "--default-address-pool: invalid field '\(field)' must be a key=value pair"
        case .unknownKey(let key, let field): "--default-address-pool: unexpected key '\(key)' in '\(field)'"
        case .sizeNoNumber(let text):
            "--default-address-pool: invalid size value: \"\(text)\" (must be integer): strconv.Atoi: parsing \"\(text)\": invalid syntax"
        case .invalidBase(let text):
            "--default-address-pool: invalid base pool \"\(text)\": invalid CIDR address: \(text)"
        case .unusableBase(let text):
            "--default-address-pool: invalid base pool \"\(text)\": its addresses are not for hosts"
        case .invalidSize(let size): "--default-address-pool: invalid pools size: \(size)"
        case .poolsOverlap(let base, let other):
            "--default-address-pool: base pool \(base) overlaps with \(other)"
        case .invalidBridge(let text): "--bip \(text): invalid CIDR address: \(text)"
        case .unusableBridge(let text):
            "--bip \(text): an address of a host and its subnet's length are wanted, as in 10.200.0.1/24"
        case .bridgeTaken(let address, let other):
            "--bip \(address): another network of this node has the subnet \(other)"
        case .invalidBlock(let text): "--avoid-subnet \(text): invalid CIDR address: \(text)"
        case .wideBlock(let text): "--avoid-subnet \(text): at least /8 is wanted"
        case .invalidNameServer(let text): "--dns \(text): IP address is not correctly formatted: \(text)"
        case .noneForBridge(.v6):
            "docker0 gets no subnet of IPv6: all predefined address pools of IPv6 have been fully subnetted, or are routed or kept out; --fixed-cidr-v6 or a --default-address-pool of IPv6 gives it one"
        case .noneForBridge(.v4):
            "docker0 cannot be made: all predefined address pools have been fully subnetted, or are routed or kept out; --bip or a --default-address-pool of IPv4 gives it one"
        }
    }
}
