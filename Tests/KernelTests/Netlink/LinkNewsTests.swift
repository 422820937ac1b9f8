import Addressing
import LinuxSystem
import Netlink
import Synchronization
import TestKit
import Testing

/// Of links that is told which somebody might have to put right.
@Suite(.timeLimit(.minutes(1))) struct LinkNewsTests {
    private final class Heard: Sendable {
        private let events = Mutex<Set<NetlinkEvent>>([])
        func add(_ event: NetlinkEvent) { events.withLock { _ = $0.insert(event) } }
        func take() -> Set<NetlinkEvent> {
            events.withLock { events in
                defer { events = [] }
                return events
            }
        }
    }

    private let ownLink = NetlinkEvent.changed(NetlinkChange(topic: .link, namespaceID: nil))

    @Test func `a carrier that comes and goes is no news, a setting that changes is`() async throws {
        try await withNetworkNamespaces(2) { namespaces in
            let (here, there) = (namespaces[0], namespaces[1])
            let listener = try await NetlinkListener.open(in: here)
            let heard = Heard()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await event in listener.events { heard.add(event) } }
                defer { group.cancelAll() }
                try await here.run {
                    try RouteSocket().perform([
                        CreateBridge(name: "b0", isUp: true),
                        CreateVeth(name: "p0", master: "b0", peer: VethPeer(name: "e0", namespace: there)),
                        SetLink("p0", isUp: true),
                    ])
                }
                try await there.run { try RouteSocket().perform(SetLink("e0", isUp: true)) }
                try await eventually("the port") { heard.take().contains(ownLink) }
                // Until nothing of it comes any more.
                repeat { try await Task.sleep(for: .milliseconds(500)) } while heard.take().contains(ownLink)

                for isUp in [false, true] {
                    try await there.run { try RouteSocket().perform(SetLink("e0", isUp: isUp)) }
                    try await Task.sleep(for: .milliseconds(500))
                }
                let later = heard.take()
                #expect(!later.contains(ownLink), "\(later)")

                let changes: [any NetlinkRequest] = [
                    SetLink("p0", mtu: 1400), SetLink("p0", group: 7), SetLink("p0", alias: "x"),
                    SetLink("b0", mac: MACAddress(for: IPAddress(10, 1, 0, 2))),
                    SetPort("p0", PortOptions(hairpin: true)), SetPort("p0", PortOptions(locked: true)),
                    SetLink("p0", isUp: false), SetLink("p0", master: SetLink.Master.none), DeleteLink("p0"),
                ]
                for change in changes {
                    try await here.run { try RouteSocket().perform(change) }
                    try await eventually("\(change.description) is told") { heard.take().contains(ownLink) }
                    try await Task.sleep(for: .milliseconds(200))
                    _ = heard.take()
                }
            }
        }
    }

    @Test func `a port of a bridge has no address of its own making`() async throws {
        try await withNetworkNamespaces(2) { namespaces in
            let (here, there) = (namespaces[0], namespaces[1])
            try await here.run {
                try RouteSocket().perform([
                    CreateBridge(name: "b0", isUp: true),
                    CreateVeth(name: "p0", master: "b0", peer: VethPeer(name: "e0", namespace: there)),
                    SetLink("p0", isUp: true),
                ])
            }
            try await there.run { try RouteSocket().perform(SetLink("e0", isUp: true)) }
            func addresses(_ namespace: NetworkNamespace) async throws -> Int {
                try await namespace.run {
                    try RouteSocket().addresses(.v6).count { $0.network.v6?.address.isLinkLocal == true }
                }
            }
            // The bridge's, and the other end's; the port itself is up by then.
            try await eventually("addresses") { try await addresses(there) == 1 }
            #expect(try await addresses(here) <= 1)
            let named = try await here.run { () -> Bool in
                let socket = try RouteSocket()
                let port = try socket.links().first { $0.name == "p0" }?.index
                return try socket.addresses(.v6).contains { address in port.map { address.link == .index($0) } == true }
            }
            #expect(!named)
        }
    }
}
