import Addressing
import EngineInterface
import Model

/// A container's place in one network.
struct EndpointRecord: Codable, Sendable, Equatable {
    var networkID: String
    var networkName: String
    var requested: EndpointSettings?
    /// 64 hex digits; empty while the container is not running.
    var endpointID = ""
    /// `eth0`, `eth1`, …
    var interfaceName = ""
    /// With their subnets' prefix lengths.
    var addresses: EndpointAddresses?
    /// Where what leaves the network goes.
    var gateways: HostAddresses?
    /// Given with the addresses; `nil` in records of before that, see ``hardwareAddress``.
    var mac: MACAddress?
    /// Set for an endpoint of a swarm network; its address is the swarm's choice and, for a task, outlives a stop.
    var overlay: Overlay?
    /// The attachment that gives a container outside of services its place on a swarm network, from before it is asked for until the
    /// container leaves: what no record names nobody holds.
    var attachmentID: String?
    /// Added by the engine as a way out, and taken away when the container leaves.
    var isAutomatic: Bool?
    /// The driver of a network of this node that is no bridge.
    var localDriver: String?

    struct Overlay: Codable, Sendable, Equatable, SealableNetwork {
        var vni: UInt32
        var isInternal: Bool
        var isIngress: Bool
        /// The MTU that the network's creator asked for.
        var mtu: Int?
        /// Nothing of it may leave this node in clear, whatever is known of it later.
        var isEncrypted: Bool?
        /// Made with ``Sealing``; `nil`: it was not.
        var sealed: Bool?
        /// Made with ``InterContainer`` off; `nil`: it was not.
        var keepsApart: Bool?

        var isSealed: Bool { isInternal && sealed == true }
        var leadsOutside: Bool { !isInternal && !isIngress }
    }

    var isJoined: Bool { !endpointID.isEmpty }
    /// The one that stands for all where there is room for one.
    var address: IPNetwork? { addresses?.primary }
    /// The one that stands for all where there is room for one.
    var gateway: IPAddress? { gateways?.primary }
    /// The endpoint's MAC; `nil` while it has no address.
    var hardwareAddress: MACAddress? {
        guard let addresses else { return nil }
        return mac ?? requestedMAC ?? MACAddress(defaultFor: addresses.hosts)
    }

    private enum CodingKeys: String, CodingKey {
        case requested = "wish"
        case networkID, networkName, endpointID, interfaceName, mac, overlay, attachmentID, isAutomatic
        case localDriver
        case addresses = "address"
        case gateways = "gateway"
    }

    mutating func leave() {
        endpointID = ""
        interfaceName = ""
        gateways = nil
        if attachmentID != nil {
            attachmentID = nil
            overlay = nil
        }
        if overlay == nil {
            addresses = nil
            mac = nil
        }
    }
}

extension EndpointRecord {
    /// A MAC that the user asked for; overlays have none to choose.
    var requestedMAC: MACAddress? {
        guard overlay == nil, let text = requested?.macAddress, !text.isEmpty else { return nil }
        return MACAddress(written: text)
    }
}

extension MACAddress {
    /// As users may write one, and Docker reads it: octets between colons or hyphens, or two at a time between dots.
    init?(written text: String) {
        guard let separator = text.first(where: { ":-.".contains($0) }) else { return nil }
        let width = separator == "." ? 4 : 2
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count * width == 12, parts.allSatisfy({ $0.utf8.count == width }) else { return nil }
        var octets: [UInt8] = []
        var high: Int?
        for digit in parts.joined() {
            guard let value = digit.hexDigitValue else { return nil }
            if let first = high { octets.append(UInt8(clamping: first << 4 | value)) }
            high = high == nil ? value : nil
        }
        // A wide digit has the bytes of several.
        guard octets.count == 6 else { return nil }
        self.init(octets: octets)
    }
}

extension EndpointRecord {
    /// An endpoint on a swarm network, as the swarm has allocated it.
    /// - Throws: ``EndpointError/networkNotAllocated(_:)`` when the network or the place in it has not been allocated.
    init(_ place: NetworkAttachment) throws(EndpointError) {
        let network = place.network
        if network.isNodeLocal {
            self.init(networkID: network.id, networkName: network.spec.name, requested: nil)
            localDriver = network.driverName
            return
        }
        guard let vni = network.vni, !place.addresses.isEmpty else {
            throw .networkNotAllocated(network.spec.name)
        }
        self.init(networkID: network.id, networkName: network.spec.name, requested: nil)
        addresses = place.endpointAddresses
        mac = MACAddress(tag: place.tag)
        overlay = Overlay(
            vni: vni, isInternal: network.spec.internal ?? false, isIngress: network.spec.ingress ?? false,
            mtu: SwarmNetwork.mtu(network.driverState?.options), isEncrypted: network.isEncrypted ? true : nil,
            sealed: network.isSealed ? true : nil,
            keepsApart: InterContainer.isOff(network.driverState?.options) ? true : nil)
    }

    /// Its addresses with a node's own choice of them; `nil` while it has none.
    var chosenAddresses: [IPNetwork]? {
        guard overlay == nil, isJoined, let addresses, !addresses.isEmpty else { return nil }
        return addresses.all
    }

    /// The driver of its network.
    var driver: String { overlay == nil ? localDriver ?? "bridge" : "overlay" }
    /// As inspect shows it: what has its parent's shows none.
    var shownMAC: MACAddress? { localDriver == "ipvlan" ? nil : hardwareAddress }
}
