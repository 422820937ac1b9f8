import Addressing
import LinuxSystem
import Netlink
import TestKit
import Testing

@Suite struct EventTests {
    /// Reads events until one fits, at most ten seconds long.
    private func wait(_ listener: NetlinkListener, for wanted: NetlinkEvent) async throws {
        let events = listener.events
        try await within(.seconds(10)) {
            for await event in events where event == wanted { return }
            throw NotReached(description: "the stream has ended")
        }
    }

    @Test func `a new link in the own namespace is told without an id`() async throws {
        try await withNetworkNamespace { namespace in
            let listener = try await NetlinkListener.open(in: namespace)
            try await namespace.run { try RouteSocket().perform(CreateBridge(name: "d0")) }
            try await wait(listener, for: .changed(NetlinkChange(topic: .link, namespaceID: nil)))
        }
    }

    @Test func `changes in a namespace with an id are told with that id`() async throws {
        try await withNetworkNamespaces(2) { namespaces in
            let other = namespaces[1]
            let socket = try await RouteSocket.open(in: namespaces[0])
            let id = try await onThread { () -> Int32 in
                #expect(try socket.namespaceID(of: other) == nil)
                let id = try socket.ensureNamespaceID(of: other)
                #expect(try socket.namespaceID(of: other) == id)
                return id
            }
            let listener = try await NetlinkListener.open(in: namespaces[0])
            try await other.run {
                try RouteSocket().perform([
                    CreateBridge(name: "d0", isUp: true), AddRule(Rule(priority: 77, table: 77)),
                ])
            }
            try await wait(listener, for: .changed(NetlinkChange(topic: .link, namespaceID: id)))
            try await wait(listener, for: .changed(NetlinkChange(topic: .rule, namespaceID: id)))
        }
    }

    @Test func `thousands of changes wait as one event and lose nothing`() async throws {
        try await withNetworkNamespace { namespace in
            let listener = try await NetlinkListener.open(in: namespace)
            try await namespace.run {
                let socket = try RouteSocket()
                try socket.perform(CreateVXLAN(name: "vx0", settings: VXLANSettings(id: 4097), isUp: true))
                let base = IPAddress(10, 1, 0, 1)
                try socket.perform(
                    (0..<3000).map { base.advanced(by: UInt32($0)) }
                        .map { SetNeighbour(Neighbour(link: "vx0", address: $0, mac: MACAddress(for: $0))) })
                try socket.perform(AddRule(Rule(priority: 77, table: 77)))
            }
            let events = listener.events
            let seen = try await within(.seconds(10)) {
                var seen: [NetlinkEvent] = []
                for await event in events {
                    seen.append(event)
                    if event == .changed(NetlinkChange(topic: .rule, namespaceID: nil)) { break }
                }
                return seen
            }
            #expect(!seen.contains(.overflow))
            #expect(seen.contains(.changed(NetlinkChange(topic: .neighbour, namespaceID: nil))))
            // However fast the reader is: what is read in one go is told once, and each thing once a pause.
            #expect(seen.count < 100)
        }
    }
}
