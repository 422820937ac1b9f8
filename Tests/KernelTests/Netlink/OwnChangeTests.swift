import Addressing
import LinuxSystem
import Netlink
import Nftables
import Synchronization
import TestKit
import Testing

/// Who changes something over sockets that stay open need not be told of it.
@Suite(.timeLimit(.minutes(1))) struct OwnChangeTests {
    private final class Heard: Sendable {
        private let events = Mutex<[NetlinkEvent]>([])
        func add(_ event: NetlinkEvent) { events.withLock { $0.append(event) } }
        func take() -> [NetlinkEvent] {
            events.withLock { events in
                defer { events = [] }
                return events
            }
        }
    }

    @Test func `what these sockets change is not told, and what others change is`() async throws {
        try await withNetworkNamespaces(1) { namespaces in
            let namespace = namespaces[0]
            let own = OwnChanges()
            let (route, connections) = try await namespace.run { (try RouteSocket(), try ConntrackSocket()) }
            own.add(route, connections, in: nil)
            let ruleset = RulesetSocket(sharing: connections)
            let listener = try await NetlinkListener.open(in: namespace, ignoring: own)
            let heard = Heard()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await event in listener.events { heard.add(event) } }
                try await namespace.run {
                    // What IPv6 does by itself when a link goes up would be heard later.
                    try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1")
                    try RouteSocket().perform([
                        CreateVXLAN(name: "vx0", settings: VXLANSettings(id: 7)), SetLink("vx0", isUp: true),
                    ])
                    try NftContext().run("table ip t {\nset s { type ipv4_addr; }\n}\n")
                }
                try await eventually("the links and tables") { heard.take().contains { $0.isNftables } }
                // Until nothing of it comes any more.
                repeat { try await Task.sleep(for: .milliseconds(200)) } while !heard.take().isEmpty

                let mac = MACAddress(for: IPAddress(10, 1, 0, 2))
                let row = ForwardingEntry(
                    link: "vx0", mac: mac, owner: .device, remote: IPAddress(192, 0, 2, 1))
                let neighbour = Neighbour(link: "vx0", address: IPAddress(10, 1, 0, 2), mac: mac)
                let table = RulesetTable(family: 2, name: "t")
                own.expect(1, in: nil)
                try route.perform([SetForwardingEntry(row), SetNeighbour(neighbour)])
                var changes = RulesetChanges()
                changes.add([RulesetElement(key: [10, 0, 0, 1])], to: "s", of: table)
                try ruleset.perform(changes)
                own.expect(2, in: nil)
                try route.perform([DeleteForwardingEntry(row), DeleteNeighbour(neighbour)])
                try await Task.sleep(for: .milliseconds(300))
                #expect(heard.take().isEmpty)

                try await namespace.run {
                    try NftContext().run("add element ip t s { 10.0.0.2 }\n")
                    try RouteSocket().perform(SetForwardingEntry(row))
                }
                var others: Set<NetlinkEvent> = []
                try await eventually("what others change") {
                    others.formUnion(heard.take())
                    return others.contains { $0.isNftables }
                        && others.contains(.changed(NetlinkChange(topic: .neighbour, namespaceID: nil)))
                }
                group.cancelAll()
            }
        }
    }

    @Test func `elements and chains are made together or not at all`() async throws {
        try await withNetworkNamespaces(1) { namespaces in
            try await namespaces[0].run {
                try NftContext().run(
                    "table ip t {\nmap m { type ipv4_addr : verdict; }\nset s { type ipv4_addr; }\nchain n0 { }\n}\n")
                let socket = try RulesetSocket()
                let table = RulesetTable(family: 2, name: "t")
                var changes = RulesetChanges()
                changes.addChain("n3", of: table, rules: [[]])
                changes.add([RulesetElement(key: [10, 0, 0, 1], value: .goto("n3"))], to: "m", of: table)
                changes.delete([RulesetElement(key: [10, 0, 0, 9])], from: "s", of: table)
                do {
                    try socket.perform(changes)
                    Issue.record("an element that is not there was deleted")
                } catch let error as NetlinkError {
                    #expect(error.code == .missing)
                }
                #expect(try NftContext().table(TableID(.ip, "t")).chains.keys.sorted() == ["n0"])
                changes = RulesetChanges()
                changes.addChain("n3", of: table, rules: [[]])
                changes.add([RulesetElement(key: [10, 0, 0, 1], value: .goto("n3"))], to: "m", of: table)
                try socket.perform(changes)
                let listed = try NftContext().table(TableID(.ip, "t"))
                #expect(listed.elements(of: ElementSet("m")) == ["10.0.0.1": "goto n3"])
                // The same again is none; another value is refused.
                var again = RulesetChanges()
                again.add([RulesetElement(key: [10, 0, 0, 1], value: .goto("n3"))], to: "m", of: table)
                try socket.perform(again)
                var other = RulesetChanges()
                other.add([RulesetElement(key: [10, 0, 0, 1], value: .goto("n0"))], to: "m", of: table)
                #expect(throws: NetlinkError.self) { try socket.perform(other) }
            }
        }
    }
}

extension NetlinkEvent {
    fileprivate var isNftables: Bool {
        if case .changed(let change) = self { change.topic == .nftables } else { false }
    }
}
