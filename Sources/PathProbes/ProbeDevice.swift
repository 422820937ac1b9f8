package import Addressing
import CLinux
package import EngineInterface
import Glibc
package import LinuxSystem
import Netlink
import Synchronization

/// A device for probes alone, with a number that no network has, in a namespace without a name. What goes through it goes the way of containers' packets:
/// the same socket, the same port, the same rules of every firewall. In clear it is a VXLAN device of the kernel, and nothing goes in fragments; encrypted it
/// is one of the process that encrypts.
package final class ProbeDevice: Sendable {
    /// What it is made of; for another one a new device is made.
    package struct Setting: Sendable, Hashable {
        /// The node's own address on the underlay.
        package var own: IPAddress
        /// UDP port of the data path.
        package var port: UInt16
        /// VXLAN network identifier, the same at all nodes.
        package var vni: UInt32
        /// ``PathKind/vxlan`` or ``PathKind/esp``.
        package var kind: PathKind

        package init(
            own: IPAddress, port: UInt16, vni: UInt32 = ProbeDevice.vni, kind: PathKind = .vxlan
        ) {
            self.kind = kind
            self.own = own
            self.port = port
            self.vni = vni
        }

        /// Of the device, for a link whose packets are so long.
        func mtu(_ linkMTU: Int) -> Int { max(128, ProbeFrame.inner(linkMTU, own.family, kind)) }
    }

    /// The swarm's networks have 4096 and those after it.
    package static let vni: UInt32 = 4095
    private static let name = "vx0"
    /// The device of the process that encrypts.
    package static let encryptedName = "esp0"
    /// Frames that are taken before others of the poller have their turn.
    private static let mostAtOnce = 64

    private let setting: Setting
    private let place: NamelessNamespace
    private let route: RouteSocket
    private let socket: Descriptor
    private let mac: MACAddress
    private let stations = Mutex<[MACAddress: IPAddress]>([:])
    private var name: String { setting.kind == .esp ? Self.encryptedName : Self.name }

    init(
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
            mac: ProbeFrame.station(of: setting.own), mtu: setting.mtu(linkMTU), namespace: inner)
        try await onThread {
            try silence(inner)
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

    /// Before the device is there: it is to have no address of its own, and to ask nobody for one. Blocks.
    static func silence(_ inner: NetworkNamespace) throws {
        try onThreadBlocking {
            try inner.enter()
            if try Sysctl.read("net/ipv6/conf/default/disable_ipv6") != nil {
                try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1")
            }
        }
    }

    /// Takes it away at once; otherwise the kernel does so a while after the last reference to it is gone. That of the process that encrypts is its own.
    package func close() async {
        if setting.kind == .esp { return }
        let route = route
        do { try await onThread { try route.perform(DeleteLink(.name(Self.name))) } } catch {
            // It has gone already, or goes with its namespace.
        }
    }

    /// Follows the underlay's link.
    package func set(linkMTU: Int) async throws {
        let (route, mtu, name) = (route, setting.mtu(linkMTU), name)
        try await onThread { try route.perform(SetLink(.name(name), mtu: mtu)) }
    }

    /// Whether it is there and up: the process that encrypts may have taken it away.
    func isThere() async throws -> Bool {
        let (route, name) = (route, name)
        return try await onThread { try route.link(named: name)?.isUp == true }
    }

    /// Where probes may go, and to whom answers may: the nodes' addresses on the underlay.
    package func set(peers: [IPAddress]) async throws {
        // The process that encrypts is told who they are by the daemon.
        if setting.kind == .esp { return }
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
        let inner = ProbeFrame.inner(probe.frame.size, setting.own.family, setting.kind)
        let bytes = probe.frame.bytes(
            from: mac, to: probe.to, length: probe.frame.kind == .answer ? 0 : inner + ProbeFrame.ethernet,
            leavesChecksum: probe.leavesChecksum, hasChecksum: setting.kind != .esp)
        _ = clinux_packet_send(
            socket.raw, bytes, bytes.count, probe.leavesChecksum ? CInt(clamping: ProbeFrame.checksumStart) : 0,
            CInt(clamping: ProbeFrame.checksumOffset))
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
                    buffer.prefix(Int(clamping: count)), hasChecksum: isOpen == 0 && setting.kind != .esp)
            else { continue }
            take(from, frame, isDamaged)
        }
    }
}
