import CLinux
import Glibc
package import LinuxSystem
import Synchronization

/// That something has changed. What it was is for the reader to find out: many notifications do not even tell who did it. Of links only what
/// ``Link`` and ``PortOptions`` have counts, without carriers and counters.
package enum NetlinkEvent: Sendable, Hashable {
    case changed(NetlinkChange)
    /// Messages were lost: compare everything.
    case overflow
}

/// Of what kind a change was, and in which namespace.
package struct NetlinkChange: Sendable, Hashable {
    /// The kind of object, not which one.
    package enum Topic: Sendable, Hashable {
        case link, neighbour, address, route, rule, parameter, namespaceID, nftables
    }

    package let topic: Topic
    /// The id that the listening namespace knows the changed one by; `nil` for itself.
    package let namespaceID: Int32?

    package init(topic: Topic, namespaceID: Int32?) {
        self.topic = topic
        self.namespaceID = namespaceID
    }

    /// The topic of a message type; `nil` for types we did not ask for.
    static func topic(of type: UInt16, isNetfilter: Bool) -> Topic? {
        if isNetfilter { return type >> 8 == UInt16(NFNL_SUBSYS_NFTABLES) ? .nftables : nil }
        return switch type {
        case MessageType.newLink, MessageType.deleteLink: .link
        case MessageType.newNeighbour, MessageType.deleteNeighbour: .neighbour
        case MessageType.newAddress, MessageType.deleteAddress: .address
        case MessageType.newRoute, MessageType.deleteRoute: .route
        case MessageType.newRule, MessageType.deleteRule: .rule
        case MessageType.newParameters, MessageType.deleteParameters: .parameter
        case MessageType.newNamespaceID, MessageType.deleteNamespaceID: .namespaceID
        default: nil
        }
    }
}

/// Listens to changes of links, addresses, routes, rules, neighbours and nft tables in a namespace and in all those it
/// has an id for (NETLINK_LISTEN_ALL_NSID; needs CAP_NET_BROADCAST). Others are not heard: see
/// ``RouteSocket/ensureNamespaceID(of:)``.
package final class NetlinkListener: Sendable {
    private static let receiveBytes: CInt = 4 << 20
    private static let datagramBytes = 256 << 10

    /// Between two rounds of events. The one who reads them for good looks 50 ms after the first of them, for what follows from the same cause
    /// (`NodeDataPlane`): what comes within the pause after a first event waits less than half of that, and is there in time.
    private static let pause = Duration.milliseconds(20)

    /// What has changed since the reader last looked, each thing told once however often it changed: at most one event a
    /// topic and namespace waits. The first change after a quiet time is told at once; while more come, each thing is told at most
    /// once in 20 ms. One reader only; ends with the listener, or when the reader's task is cancelled.
    package let events: AsyncStream<NetlinkEvent>
    private let waiting = EventRounds(pause: NetlinkListener.pause, clock: ContinuousClock())
    private let route: Descriptor
    private let netfilter: Descriptor
    private let tokens = Mutex<[Poller.Token]>([])
    private let own: OwnChanges
    private let links = Mutex(LinkMemory())
    /// What datagrams are read into, on the poller's thread: made and zeroed for each reading it cost more than the messages in it.
    private let scratch = Mutex<[UInt8]>([])
    /// What the events that wait are about.
    private let news = Mutex<[NetlinkChange: WaitingNews]>([:])

    /// Listens in the calling thread's namespace from now on.
    /// - Parameter own: what is not told.
    package init(ignoring own: OwnChanges = OwnChanges()) throws {
        self.own = own
        events = AsyncStream(unfolding: { [waiting] in await waiting.next() })
        route = try Self.open(
            NETLINK_ROUTE,
            groups: [
                RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,
                RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE, RTNLGRP_NSID,
                RTNLGRP_IPV4_NETCONF,
            ].map { CInt(clamping: $0.rawValue) })
        netfilter = try Self.open(NETLINK_NETFILTER, groups: [CInt(NFNLGRP_NFTABLES.rawValue)])
        let watches = [
            try Poller.shared.watch(route.raw) { [weak self] in self?.read(isNetfilter: false) },
            try Poller.shared.watch(netfilter.raw) { [weak self] in self?.read(isNetfilter: true) },
        ]
        tokens.withLock { $0 = watches }
    }

    deinit {
        for token in tokens.withLock({ $0 }) { Poller.shared.remove(token) }
        waiting.finish()
    }

    /// Listens from a thread inside a namespace; `nil`: in the one this process was started in.
    package static func open(
        in namespace: NetworkNamespace?, ignoring own: OwnChanges = OwnChanges()
    ) async throws -> NetlinkListener {
        guard let namespace else { return try await onThread { try NetlinkListener(ignoring: own) } }
        return try await namespace.run { try NetlinkListener(ignoring: own) }
    }

    private static func open(_ number: CInt, groups: [CInt]) throws(SystemError) -> Descriptor {
        let descriptor = Descriptor(owning: try check(clinux_netlink_socket(number), "open netlink socket"))
        var port: UInt32 = 0
        try check(clinux_netlink_bind(descriptor.raw, &port), "bind netlink socket")
        try check(clinux_socket_buffers(descriptor.raw, receiveBytes, 1 << 16), "set netlink buffers")
        try check(
            clinux_netlink_option(descriptor.raw, NETLINK_LISTEN_ALL_NSID, 1), "listen to all network namespaces")
        for group in groups {
            try check(
                clinux_netlink_option(descriptor.raw, NETLINK_ADD_MEMBERSHIP, group), "join netlink group \(group)")
        }
        return descriptor
    }

    /// Datagrams that are taken before the poller's other descriptors have their turn.
    private static let mostAtOnce = 32

    /// On the poller's thread: takes what there is, and is called again where that is more.
    private func read(isNetfilter: Bool) {
        let socket = isNetfilter ? netfilter.raw : route.raw
        var buffer: [UInt8] = []
        scratch.withLock { swap(&$0, &buffer) }
        defer { scratch.withLock { swap(&$0, &buffer) } }
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.datagramBytes) }
        // All that is read in one go is told in one.
        var told: [NetlinkEvent] = []
        var known: Set<NetlinkEvent> = []
        defer { waiting.add(told) }
        func tell(_ event: NetlinkEvent) {
            // What was lost may have been of links.
            if event == .overflow { links.withLock { $0.forgetAll() } }
            if known.insert(event).inserted { told.append(event) }
        }
        for _ in 0..<Self.mostAtOnce {
            var truncated: CInt = 0
            var sender: UInt32 = 0
            var namespace: CInt = -1
            let count = clinux_netlink_receive(
                socket, &buffer, buffer.count, CInt(MSG_DONTWAIT), &truncated, &sender, &namespace)
            if count < 0 {
                switch errno {
                case EINTR: continue
                case ENOBUFS: tell(.overflow)
                default: return
                }
                continue
            }
            guard sender == 0 else { continue }
            do {
                let id: Int32? = namespace < 0 ? nil : namespace
                for message in try NetlinkMessage.decode(buffer.prefix(Int(clamping: count))) {
                    guard try isNews(message, isNetfilter, id),
                        let topic = NetlinkChange.topic(of: message.type, isNetfilter: isNetfilter)
                    else { continue }
                    let change = NetlinkChange(topic: topic, namespaceID: id)
                    note(try NetlinkNews.told(by: message, isNetfilter: isNetfilter), of: change)
                    tell(.changed(change))
                }
                if truncated != 0 { tell(.overflow) }
            } catch {
                // Unreadable is as good as lost.
                tell(.overflow)
            }
        }
    }

    /// Whether a message tells of something that is other than before, and not by us.
    private func isNews(_ message: NetlinkMessage, _ isNetfilter: Bool, _ id: Int32?) throws -> Bool {
        // What we change ourselves is taken in as well: what comes after it is compared with it.
        if !isNetfilter, try !links.withLock({ try $0.isNews(message, in: id) }) { return false }
        return !own.contains(message, isNetfilter: isNetfilter, in: id)
    }

    /// Before the event itself, so that whoever reads the event finds it.
    private func note(_ told: [NetlinkNews]?, of change: NetlinkChange) {
        news.withLock { $0[change, default: WaitingNews()].add(told) }
    }

    /// What has been told of a change since it was asked for last; `nil` where everything of its kind is to be looked at.
    ///
    /// To be asked for after the event. A later event of the same change may find that nothing is left: it was told with the one before.
    package func takeNews(of change: NetlinkChange) -> Set<NetlinkNews>? {
        news.withLock { $0.removeValue(forKey: change) ?? WaitingNews() }.all
    }
}

/// What has been told of one change that nobody has asked for yet.
private struct WaitingNews {
    private var told: Set<NetlinkNews> = []
    private var isTooMuch = false

    /// `nil` where it is too much, or cannot be told one by one.
    var all: Set<NetlinkNews>? { isTooMuch ? nil : told }

    mutating func add(_ more: [NetlinkNews]?) {
        if isTooMuch { return }
        if let more { told.formUnion(more) }
        guard more == nil || told.count > NetlinkNews.most else { return }
        (told, isTooMuch) = ([], true)
    }
}
