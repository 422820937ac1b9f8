import Addressing
import LinuxSystem
import Netlink
import Synchronization
import TestKit
import Testing

@testable import DataPlane

/// What is heard of a namespace is held against what is known of it: what this daemon does itself has nothing listed, what others do is found.
@Suite(.serialized, .timeLimit(.minutes(5))) struct HearingTests {
    /// What a listener beside the data plane hears, by namespace.
    private final class Ear: Sendable {
        private let changes = ChangeSet()
        private let listener: NetlinkListener
        private let plane: NodeDataPlane

        init(_ node: World.Node) async throws {
            plane = node.plane
            listener = try await NetlinkListener.open(in: node.namespace, ignoring: node.plane.handles.own)
        }

        func listen() async {
            for await event in listener.events {
                if case .changed(let change) = event { changes.add(event, listener.takeNews(of: change)) }
            }
        }

        /// - Returns: `nil` of a namespace where it was not told one by one.
        func take() -> [Scope: Set<NetlinkNews>?] {
            let ids = plane.ledger.value.scopesByID
            var heard: [Scope: Set<NetlinkNews>?] = [:]
            for (id, told) in changes.take().told {
                if let scope = id.map({ ids[$0] }) ?? .node { heard[scope] = told }
            }
            return heard
        }

        /// What is heard until nothing comes for a while: of one scope, unless that is `nil`, something is waited for.
        func take(awaiting scope: Scope?, quiet: Duration) async throws -> [Scope: Set<NetlinkNews>?] {
            let end = ContinuousClock.now + .seconds(10)
            var heard: [Scope: Set<NetlinkNews>?] = [:]
            var isQuiet = false
            var isMissing = scope != nil
            repeat {
                try await Task.sleep(for: quiet)
                let more = take()
                isQuiet = more.isEmpty
                heard.merge(more) { before, told in
                    guard let before, let told else { return nil }
                    return before.union(told)
                }
                if let scope { isMissing = heard[scope] == nil }
            } while (!isQuiet || isMissing) && ContinuousClock.now < end
            return heard
        }
    }

    private func hearing(_ node: World.Node, _ body: (Ear) async throws -> Void) async throws {
        let ear = try await Ear(node)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await ear.listen() }
            defer { group.cancelAll() }
            try await body(ear)
        }
    }

    private let quiet = Duration.milliseconds(500)

    @Test func `nothing is listed for what this daemon does itself`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let whole = swarm(world, tasks: [(1, 1), (1, 2), (1, 3)])[0]
            var fewer = whole
            fewer.sandboxes.removeAll { $0.id == "t13" }
            try #require(try await node.plane.adopt(fewer).failures.isEmpty)
            try #require(try await node.plane.resync(reason: "test").isClean)
            try await hearing(node) { ear in
                try await Task.sleep(for: quiet)
                _ = ear.take()
                for comes in [true, false, true] {
                    var changes = NetworkChanges()
                    let task = try #require(whole.sandboxes.first { $0.id == "t13" })
                    if comes { changes.set(.sandbox(task)) } else { changes.remove(.sandbox("t13")) }
                    changes.setRemote(
                        RemoteEndpoint(address: IPAddress(10, 1, 0, 200), vtep: IPAddress(198, 51, 100, 77)), in: "app")
                    #expect(try await node.plane.apply(changes).failures.isEmpty)
                    try await Task.sleep(for: quiet)
                    // The sandbox itself, where it is new, is compared.
                    let heard = ear.take().filter { $0.key != .sandbox("t13") }
                    let told = heard.compactMapValues { $0 }
                    #expect(told.count == heard.count)
                    let before = KernelCounters.now
                    let report = try await node.plane.mailbox.compare(Set(told.keys), reason: "test", after: told)
                    #expect((KernelCounters.now - before).listings == 0, "comes: \(comes), heard: \(told)")
                    #expect(report.isClean, "\(report.repairs)")
                }
            }
            #expect(try await node.plane.resync(reason: "test").isClean)
        }
    }

    @Test func `whatever is damaged and heard of is compared and repaired`() async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(2, 1)], callers: [(1, 2)])
            for (node, network) in zip(world.nodes, wanted) {
                try #require(try await node.plane.adopt(network).failures.isEmpty)
            }
            var unheard: Set<String> = []
            for (node, network) in zip(world.nodes, wanted) {
                let sandboxes = Set(network.sandboxes.map(\.id))
                try await hearing(node) { ear in
                    for damage in Damage.all {
                        if damage.name == "container's pair", node.number == 1 { continue }
                        let place: NetworkNamespace
                        switch damage.scope {
                        case .node: place = node.namespace
                        case .sandbox(let id):
                            guard sandboxes.contains(id) else { continue }
                            place = node.sandbox(id)
                        case .overlay, .ingress:
                            // Once is enough.
                            guard node.number == 2, let other = node.plane.layout.namespace(of: damage.scope) else {
                                continue
                            }
                            place = other
                        }
                        // What the repair before has changed itself is over.
                        _ = try await ear.take(awaiting: nil, quiet: .milliseconds(30))
                        try await place.run(damage.doIt)
                        let isTold = !Damage.silent.contains(damage.name)
                        let heard = try await ear.take(
                            awaiting: isTold ? damage.scope : nil, quiet: .milliseconds(isTold ? 75 : 150))
                        guard heard[damage.scope] != nil else {
                            unheard.insert(damage.name)
                            _ = try await node.plane.resync(reason: "test")
                            continue
                        }
                        let report = try await node.plane.mailbox.compare(
                            Set(heard.keys), reason: "test", after: heard.compactMapValues { $0 })
                        #expect(!report.repairs.isEmpty, "\(damage.name), heard: \(heard)")
                        let thorough = try await node.plane.resync(reason: "test")
                        #expect(thorough.isClean, "\(damage.name): \(thorough.repairs)")
                    }
                }
            }
            // Those that the kernel does not tell of are looked for every few seconds.
            #expect(unheard.isSubset(of: Damage.silent), "\(unheard.subtracting(Damage.silent).sorted())")
        }
    }

    @Test func `what others do that is no concern of ours has nothing listed`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try #require(try await node.plane.adopt(swarm(world, tasks: [(1, 1)])[0]).failures.isEmpty)
            try #require(try await node.plane.resync(reason: "test").isClean)
            try await hearing(node) { ear in
                try await Task.sleep(for: quiet)
                _ = ear.take()
                try await node.namespace.run {
                    let socket = try RouteSocket()
                    let place = IPNetwork(address: IPAddress(10, 99, 0, 1), prefixLength: 24)
                    try socket.perform([
                        CreateBridge(name: "foreign", isUp: true),
                        AddAddress(LinkAddress(link: "foreign", network: place)),
                        AddRoute(Route(destination: .everywhere(.v4), link: "foreign", protocol: 4)),
                        SetNeighbour(
                            Neighbour(
                                link: "foreign", address: IPAddress(10, 99, 0, 9),
                                mac: MACAddress(for: IPAddress(10, 99, 0, 9)), state: .reachable, protocol: 0)),
                        SetLink("foreign", mtu: 1300), DeleteLink("foreign"),
                    ])
                }
                let told = try await ear.take(awaiting: .node, quiet: quiet / 2).compactMapValues { $0 }
                #expect(told[.node]?.isEmpty == false)
                let before = KernelCounters.now
                let report = try await node.plane.mailbox.compare([.node], reason: "test", after: told)
                #expect((KernelCounters.now - before).listings == 0, "\(told)")
                #expect(report.isClean, "\(report.repairs)")
            }
        }
    }

    @Test func `an address that somebody gives to a bridge without one has nothing listed`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            var bridge = docker0
            bridge.unaddressed = [.v4]
            let network = NodeNetwork(bridges: [bridge], sandboxes: [container("c1", 10)])
            try #require(try await node.plane.adopt(network).failures.isEmpty)
            try #require(try await node.plane.resync(reason: "test").isClean)
            try await hearing(node) { ear in
                try await Task.sleep(for: quiet)
                _ = ear.take()
                let given = LinkAddress(
                    link: "docker0", network: IPNetwork(address: IPAddress(172, 17, 0, 9), prefixLength: 16))
                for isGiven in [true, false] {
                    try await node.namespace.run {
                        let socket = try RouteSocket()
                        if isGiven {
                            try socket.perform([AddAddress(given)])
                        } else {
                            try socket.perform([DeleteAddress(given)])
                        }
                    }
                    let told = try await ear.take(awaiting: .node, quiet: quiet / 2).compactMapValues { $0 }
                    #expect(told[.node]?.isEmpty == false)
                    let before = KernelCounters.now
                    let report = try await node.plane.mailbox.compare([.node], reason: "test", after: told)
                    #expect((KernelCounters.now - before).listings == 0, "given: \(isGiven), heard: \(told)")
                    #expect(report.isClean, "\(report.repairs)")
                }
            }
        }
    }
}
