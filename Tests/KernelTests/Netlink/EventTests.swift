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
}
