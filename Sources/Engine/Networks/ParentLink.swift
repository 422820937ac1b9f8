import DataPlane
import EngineInterface
import Model
import Netlink

/// The link of the node that a macvlan or ipvlan network hangs on, as it was found when the network was made.
struct ParentLink: Codable, Equatable, Sendable {
    enum Origin: String, Codable, Sendable {
        /// It was there, and is left as it is.
        case given
        /// Made for the network: the VLAN that its name ends with, on the link that it begins with.
        case vlan
        /// Made for the network, leads nowhere.
        case dummy
    }

    var name: String
    var origin: Origin
    /// As the driver's option spells it.
    var mode: String
    /// The option `ipvlan_flag`.
    var flag: String?
}

/// What a request asks of the drivers macvlan and ipvlan by options. Pure.
struct ParentOptions: Equatable {
    static let parentOption = "parent"
    static let drivers: Set<String> = ["macvlan", "ipvlan"]
    private static let macvlanModes: [String: MacvlanMode] = [
        "bridge": .bridge, "private": .private, "vepa": .vepa, "passthru": .passthru,
    ]
    private static let ipvlanModes: [String: IpvlanSettings.Mode] = ["l2": .l2, "l3": .l3, "l3s": .l3s]
    private static let ipvlanFlags: [String: IpvlanSettings.Traffic] = [
        "bridge": .bridge, "private": .private, "vepa": .vepa,
    ]

    let driver: String
    /// `nil`: one that leads nowhere is made.
    let parent: String?
    let mode: String
    let flag: String?

    /// - Throws: ``ParentError``.
    init(driver: String, _ options: [String: String]) throws(ParentError) {
        self.driver = driver
        let parent = options[Self.parentOption] ?? ""
        self.parent = parent.isEmpty ? nil : parent
        if parent == "lo" { throw .loopback(driver: driver) }
        let mode = options["\(driver)_mode"] ?? ""
        let flag = driver == "ipvlan" ? options["ipvlan_flag"] ?? "" : ""
        self.mode = mode.isEmpty ? driver == "ipvlan" ? "l2" : "bridge" : mode
        self.flag = flag.isEmpty ? nil : flag
        guard Self.kind(driver, self.mode, nil) != nil else { throw .invalidMode(driver: driver, mode: mode) }
        guard Self.kind(driver, self.mode, self.flag) != nil else { throw .invalidFlag(flag) }
    }

    /// `nil` for what the driver does not know.
    static func kind(_ driver: String, _ mode: String, _ flag: String?) -> ParentNetwork.Kind? {
        if driver == "macvlan" { return macvlanModes[mode].map { .macvlan($0) } }
        guard let mode = ipvlanModes[mode], let traffic = ipvlanFlags[flag ?? "bridge"] else { return nil }
        return .ipvlan(IpvlanSettings(mode: mode, traffic: traffic))
    }

    /// The link and the number that a name like `eth0.10` stands for.
    /// - Throws: ``ParentError`` for other names.
    static func vlan(_ name: String) throws(ParentError) -> (parent: String, id: UInt16) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1 { throw .notFound(name) }
        guard parts.count == 2, !parts[0].isEmpty, name.utf8.count <= 15 else { throw .invalidVLANName(name) }
        guard let number = Int(parts[1]) else { throw .invalidVLANNumber(parts[1]) }
        guard (1...4094).contains(number), let id = UInt16(exactly: number) else { throw .vlanOutOfRange(number) }
        return (parts[0], id)
    }

    /// Refuses a parent that another network uses in a way that does not go with this one's.
    func check(_ parent: String, beside others: [LocalNetwork]) throws(ParentError) {
        for other in others.sorted(by: { $0.id < $1.id }) where other.parent?.name == parent {
            let id = String(other.id.prefix(12))
            // A parent has either kind of devices, and those of ipvlan have one mode.
            guard other.driver == driver, let theirs = other.parent,
                driver == "macvlan" || theirs.mode == mode && theirs.flag == flag
            else { throw .inUse(network: id, parent: parent) }
            if mode == "passthru" { throw .passthruBeside(network: id, parent: parent) }
            if theirs.mode == "passthru" { throw .passthru(network: id, parent: parent) }
        }
    }
}

extension LocalNetwork {
    /// The data plane's value of it; `nil` for one that hangs on no link.
    var parentNetwork: ParentNetwork? {
        guard let parent, let kind = ParentOptions.kind(driver, parent.mode, parent.flag) else { return nil }
        let origin: ParentNetwork.Origin
        switch parent.origin {
        case .given: origin = .given
        case .dummy: origin = .dummy
        case .vlan:
            // Looked at when the network was made.
            guard let vlan = try? ParentOptions.vlan(parent.name) else { return nil }
            origin = .vlan(of: vlan.parent, id: vlan.id)
        }
        return ParentNetwork(
            id: id, parent: parent.name, origin: origin, kind: kind, mtu: SwarmNetwork.mtu(options))
    }

    /// Nothing of it leads outside: it was made so, or there is nothing that it hangs on.
    var isClosed: Bool { isInternal || parent?.origin == .dummy }
    /// Endpoints have the parent's MAC.
    var hasParentsMAC: Bool { driver == "ipvlan" }
}
