package import Addressing
import CLinux
import Glibc
package import LinuxSystem
import Netlink
import Synchronization

/// A VXLAN device for probes alone, with a number that no network has, in a namespace without a name. What goes through it goes the way of
/// containers' packets: the same socket of the kernel, the same port, the same rules of every firewall; but never in fragments.
package final class ProbeDevice: Sendable {
    /// What it is made of; for another one a new device is made.
    package struct Setting: Sendable, Hashable {
        /// The node's own address on the underlay.
        package var own: IPAddress
        /// UDP port of the data path.
        package var port: UInt16
        /// VXLAN network identifier, the same at all nodes.
        package var vni: UInt32

        package init(own: IPAddress, port: UInt16, vni: UInt32 = ProbeDevice.vni) {
            self.own = own
            self.port = port
            self.vni = vni
        }
    }

    /// The swarm's networks have 4096 and those after it.
    package static let vni: UInt32 = 4095
    private static let name = "vx0"
    /// Frames that are taken before others of the poller have their turn.
    private static let mostAtOnce = 64

    private let setting: Setting
    private let place: NamelessNamespace
    private let route: RouteSocket
    private let socket: Descriptor
    private let mac: MACAddress
    private let stations = Mutex<[MACAddress: IPAddress]>([:])

    private init(
        _ setting: Setting, _ place: NamelessNamespace, _ route: RouteSocket, _ socket: consuming Descriptor
    ) {
        mac = ProbeFrame.station(of: setting.own)
        self.place = place
        self.route = route
        self.setting = setting
        self.socket = socket
    }

    /// - Parameters:
    ///   - node: The node's namespace; `nil`: the one in which the process was started.
    ///   - linkMTU: Of the underlay's link.
    /// - Throws: ``NetlinkError``: `.exists` while the device of a process that has just been killed is still there.
    package static func open(_ setting: Setting, linkMTU: Int, in node: NetworkNamespace?) async throws -> ProbeDevice {
        let place = try await NetworkNamespace.makeNameless()
        let inner = place.namespace
        let outside = try await RouteSocket.open(in: node)
        let create = CreateVXLAN(
            name: name,
            settings: VXLANSettings(
                id: setting.vni, local: setting.own, port: setting.port, proxy: false, forbidsFragments: true),
            mac: ProbeFrame.station(of: setting.own), mtu: length(linkMTU, setting.own.family), namespace: inner)
        try await onThread {
            // Before the device is there: it is to have no address of its own, and to ask nobody for one.
            try onThreadBlocking {
                try inner.enter()
                if try Sysctl.read("net/ipv6/conf/default/disable_ipv6") != nil {
                    try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1")
                }
            }
            try outside.perform(create)
        }
        let (route, raw) = try await inner.run {
            let route = try RouteSocket()
            try route.perform(SetLink(.name(name), isUp: true))
            let index = clinux_ifindex(name)
            let raw = try check(index == 0 ? -1 : clinux_packet_socket(index), "open a packet socket")
            return (route, raw)
        }
        return ProbeDevice(setting, place, route, Descriptor(owning: raw))
    }

    private static func length(_ linkMTU: Int, _ family: IPFamily) -> Int {
        max(128, linkMTU - ProbeFrame.overhead(family))
    }

    /// Takes it away at once; otherwise the kernel does so a while after the last reference to it is gone.
    package func close() async {
        let route = route
        do { try await onThread { try route.perform(DeleteLink(.name(Self.name))) } } catch {
            // It has gone already, or goes with its namespace.
        }
    }

    /// Follows the underlay's link.
    package func set(linkMTU: Int) async throws {
        let (route, mtu) = (route, Self.length(linkMTU, setting.own.family))
        try await onThread { try route.perform(SetLink(.name(Self.name), mtu: mtu)) }
    }

    /// Where probes may go, and to whom answers may: the nodes' addresses on the underlay.
    package func set(peers: [IPAddress]) async throws {
        let wanted = Dictionary(
            peers.filter { $0.family == setting.own.family && $0 != setting.own }.map {
                (ProbeFrame.station(of: $0), $0)
            }
        ) { first, _ in first }
        let present = stations.withLock { $0 }
        func entry(_ mac: MACAddress, _ address: IPAddress) -> ForwardingEntry {
            ForwardingEntry(link: .name(Self.name), mac: mac, owner: .device, remote: address)
        }
        let new = wanted.filter { present[$0.key] != $0.value }.map { SetForwardingEntry(entry($0.key, $0.value)) }
        let old = present.filter { wanted[$0.key] == nil }.map { DeleteForwardingEntry(entry($0.key, $0.value)) }
        if new.isEmpty, old.isEmpty { return }
        let route = route
        try await onThread {
            // What somebody has taken away already is away.
            _ = try route.attempt(old)
            try route.perform(new)
        }
        stations.withLock { $0 = wanted }
    }

    // MARK: Frames

    /// Becomes readable when frames are there.
    var descriptor: CInt { socket.raw }

    /// Sends a probe; what the kernel does not take is as good as lost on the way.
    func send(_ probe: PathMachine.Probe) {
        let overhead = ProbeFrame.overhead(setting.own.family)
        let length = probe.frame.kind == .answer ? 0 : probe.frame.size - overhead + ProbeFrame.ethernet
        let bytes = probe.frame.bytes(
            from: mac, to: probe.to, length: length, leavesChecksum: probe.leavesChecksum)
        _ = clinux_packet_send(
            socket.raw, bytes, bytes.count, probe.leavesChecksum ? CInt(ProbeFrame.checksumStart) : 0,
            CInt(ProbeFrame.checksumOffset))
    }

    /// Hands over the frames that are there, so many at most.
    func receive(_ take: (MACAddress, ProbeFrame, Bool) -> Void) {
        // No longer than a probe's beginning is of interest, but for its checksum.
        var buffer = [UInt8](repeating: 0, count: 66_000)
        for _ in 0..<Self.mostAtOnce {
            var isOpen: CInt = 0
            let count = clinux_packet_receive(socket.raw, &buffer, buffer.count, &isOpen)
            guard count >= 0 else { return }
            guard
                let (from, frame, isDamaged) = ProbeFrame.read(
                    buffer.prefix(Int(clamping: count)), hasChecksum: isOpen == 0)
            else { continue }
            take(from, frame, isDamaged)
        }
    }
}
