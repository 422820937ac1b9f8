import Addressing
import LinuxSystem
import Model
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// Changes within parts of the network cost what they change, and lead where the whole leads: the comparison with the kernel derives everything.
@Suite(.serialized) struct FineChangeTests {
    /// A node with tasks of the mesh; service addresses are the overlay's.
    private func network(
        _ world: World, tasks: ClosedRange<UInt8> = 1...3, _ families: Families = .v4
    ) -> NodeNetwork {
        var network = swarm(world, tasks: tasks.map { (1, $0) })[0]
        for place in network.sandboxes.indices { network.sandboxes[place].services = [] }
        let mine = tasks.map { taskAddress(1, $0) }
        for place in network.overlays.indices where network.overlays[place].id == "app" {
            network.overlays[place].services = families.all.map { family in
                VirtualAddress(
                    address: service(family), backends: family == .v4 ? mine : tasks.map { inside($0, .v6) })
            }
        }
        return network
    }

    private func service(_ family: IPFamily) -> IPAddress { family == .v4 ? serviceAddress : address6("fd00:1::100") }
    private func inside(_ last: UInt8, _ family: IPFamily) -> IPAddress {
        family == .v4 ? IPAddress(10, 1, 0, last) : address6("fd00:1::").advanced(by: UInt32(last))
    }

    private let vtep = IPAddress(198, 51, 100, 77)

    private func add(_ last: UInt8, to changes: inout NetworkChanges, _ families: Families = .v4) {
        let outside = IPAddress(240, 255, 2, last)
        let own = HostAddresses(families.all.map { inside(last, $0) })
        changes.setRemote(
            RemoteEndpoint(
                addresses: own, mac: MACAddress(tag: EndpointTag(number: 0x0a01_0000 + UInt32(last))), vtep: vtep),
            in: "app")
        changes.setRemote(RemoteEndpoint(address: outside, vtep: vtep), in: "net")
        for family in families.all { changes.setBackend(inside(last, family), of: service(family), in: "app") }
        changes.setMeshBackend(.init(address: outside, port: 80), of: .tcp, 8080)
    }

    private func remove(_ last: UInt8, from changes: inout NetworkChanges, _ families: Families = .v4) {
        let outside = IPAddress(240, 255, 2, last)
        changes.removeMeshBackend(.init(address: outside, port: 80), of: .tcp, 8080)
        for family in families.all { changes.removeBackend(inside(last, family), of: service(family), in: "app") }
        if let first = families.all.first { changes.removeRemote(inside(last, first), from: "app") }
        changes.removeRemote(outside, from: "net")
    }

    @Test(arguments: Families.allCases)
    func `one endpoint and backend more or fewer needs no thread, file or context`(families: Families) async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            let start = try await plane.adopt(network(world, families))
            try #require(start.failures.isEmpty, "\(start.failures)")
            // The worker's thread is there from the first change on.
            var first = NetworkChanges()
            add(200, to: &first, families)
            #expect(try await plane.apply(first).failures.isEmpty)
            var times: [Duration] = []
            for last in UInt8(201)...210 {
                for comes in [true, false] {
                    var changes = NetworkChanges()
                    if comes { add(last, to: &changes, families) } else { remove(last, from: &changes, families) }
                    let before = KernelCounters.now
                    let report = try await plane.apply(changes)
                    let cost = KernelCounters.now - before
                    #expect(cost.isNothing, "\(cost)")
                    #expect(report.failures.isEmpty, "\(report.failures)")
                    #expect(
                        report.scopes == [
                            .node, .ingress, .overlay("app"), .overlay("net"), .sandbox("t11"), .sandbox("t12"),
                            .sandbox("t13"),
                        ])
                    times.append(report.duration)
                }
            }
            print("one endpoint and backend in seven namespaces, \(families): \(times.sorted()[10]) median")
            let compared = try await plane.resync(reason: "test")
            #expect(compared.isClean, "\(compared.repairs) \(compared.failures)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64], Families.allCases)
    func `whatever changes within parts, the kernel is as derived from nothing`(
        seed: UInt64, families: Families
    ) async throws {
        try await withWorld(nodes: 1) { world in
            var random = Numbers(state: seed)
            let plane = world.nodes[0].plane
            let begin = network(world, families)
            try #require(try await plane.adopt(begin).failures.isEmpty)
            for round in 0..<40 {
                var changes = NetworkChanges()
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let last = UInt8.random(in: 200...206, using: &random)
                    let family = families.all.randomElement(using: &random) ?? .v4
                    let number = UInt8.random(in: 100...102, using: &random)
                    // Few of IPv6, so that the last goes now and then, and the first comes.
                    let service = family == .v4 ? IPAddress(10, 1, 0, number) : address6("fd00:1::\(number)")
                    let place = inside(last, family)
                    let backend = MeshPort.Backend(
                        address: Bool.random(using: &random) ? IPAddress(240, 255, 2, last) : meshAddress(1, last % 4),
                        port: 80)
                    let port = UInt16.random(in: 8080...8082, using: &random)
                    switch Int.random(in: 0...9, using: &random) {
                    case 0, 1: add(last, to: &changes, families)
                    case 2, 3: remove(last, from: &changes, families)
                    case 4: changes.setService(service, in: "app")
                    case 5: changes.removeService(service, from: "app")
                    case 6: changes.setBackend(place, of: service, in: "app")
                    case 7: changes.setMeshBackend(backend, of: .udp, port)
                    case 8: changes.removeMeshBackend(backend, of: .udp, port)
                    default: changes.removePort(.udp, port)
                    }
                }
                // Containers come, change and go beside that: what was numbered stays so.
                for number in UInt8(4)...9 where Int.random(in: 0..<6, using: &random) == 0 {
                    if Bool.random(using: &random) {
                        changes.remove(.sandbox("t1\(number)"))
                    } else {
                        var one = task(1, number, isPublished: Bool.random(using: &random))
                        if Bool.random(using: &random) {
                            one.published = [
                                HostPort(
                                    PublishedPort(
                                        transport: .tcp, hostAddress: nil, hostPort: 9000 + UInt16(number),
                                        containerPort: 80),
                                    to: one.endpoints[1].addresses.hosts.all[0])
                            ]
                        }
                        changes.set(.sandbox(one))
                    }
                }
                let report = try await plane.apply(changes)
                #expect(report.failures.isEmpty, "\(report.failures)")
                if round % 8 == 7 {
                    let compared = try await plane.resync(reason: "test")
                    #expect(compared.isClean, "\(compared.repairs) \(compared.failures)")
                }
            }
        }
    }

    @Test func `one sandbox more or fewer is derived and made by itself, beside however many`() async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            /// What the kernel was asked for to make one, and to take it away.
            func costs(beside others: ClosedRange<UInt8>) async throws -> [KernelCounters] {
                let adopted = try await plane.reconcile(network(world, tasks: others))
                try #require(adopted.failures.isEmpty, "\(adopted.failures)")
                var costs: [KernelCounters] = []
                var times: [Duration] = []
                for comes in [true, false, true, false, true, false] {
                    var changes = NetworkChanges()
                    let one = task(1, 80, isPublished: false)
                    if comes { changes.set(.sandbox(one)) } else { changes.remove(.sandbox(one.id)) }
                    let before = KernelCounters.now
                    let report = try await plane.apply(changes)
                    costs.append(KernelCounters.now - before)
                    times.append(report.duration)
                    #expect(report.failures.isEmpty, "\(report.failures)")
                    #expect(report.derived == 1)
                    #expect(report.scopes == [.node, .overlay("app"), .sandbox(one.id)])
                }
                print("a sandbox comes and goes beside \(others.count): \(times)")
                return Array(costs.dropFirst(2))
            }
            let few = try await costs(beside: 1...3)
            let many = try await costs(beside: 1...60)
            #expect(few == many, "\(few) \(many)")
            let compared = try await plane.resync(reason: "test")
            #expect(compared.isClean, "\(compared.repairs) \(compared.failures)")
        }
    }

    @Test func `what others have taken away or put there is put right by the change that meets it`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try #require(try await node.plane.adopt(network(world)).failures.isEmpty)
            try await NftContext.with(node.sandbox("t11")) {
                try $0.run("delete element ip lb be { 10.1.0.100 . 2 }\n")
            }
            try await NftContext.with(node.sandbox("t12")) {
                try $0.run("add element ip lb be { 10.1.0.100 . 3 : 10.9.9.9 }\n")
            }
            try await NftContext.with(node.sandbox("t13")) { try $0.run("delete table ip lb\n") }
            var changes = NetworkChanges()
            add(200, to: &changes)
            add(201, to: &changes)
            changes.removeBackend(taskAddress(1, 3), of: serviceAddress, in: "app")
            let report = try await node.plane.apply(changes)
            #expect(report.failures.isEmpty, "\(report.failures)")
            let compared = try await node.plane.resync(reason: "test")
            #expect(compared.isClean, "\(compared.repairs) \(compared.failures)")
        }
    }

    @Test func `who serves is told by the kernel without a thread or a file`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            try #require(try await node.plane.adopt(network(world, tasks: 1...1)).failures.isEmpty)
            #expect(try await node.plane.listening(inSandbox: "t11") == ListeningSockets())
            let greeter = try await Greeter.start("t11", in: node.sandbox("t11"), port: 80)
            let before = KernelCounters.now
            let found = try await node.plane.listening(inSandbox: "t11")
            let cost = KernelCounters.now - before
            #expect(cost.isNothing, "\(cost)")
            #expect(found.tcp == [80] && found.udp == [80])
            await #expect(throws: (any Error).self) { try await node.plane.listening(inSandbox: "none") }
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `a change of one costs the same beside many`() async throws {
        try await withWorld(nodes: 1) { world in
            let plane = world.nodes[0].plane
            try #require(try await plane.adopt(network(world, tasks: 1...40)).failures.isEmpty)
            // What else the machine does makes some take longer, and none shorter.
            func best(_ range: ClosedRange<UInt8>) async throws -> Duration {
                var times: [Duration] = []
                for last in range {
                    var changes = NetworkChanges()
                    changes.setBackend(IPAddress(10, 1, 1, last), of: serviceAddress, in: "app")
                    times.append(try await plane.apply(changes).duration)
                }
                return times.min() ?? .zero
            }
            let few = try await best(1...20)
            var many = NetworkChanges()
            for last in UInt8(1)...250 {
                for net in UInt8(2)...3 {
                    many.setBackend(IPAddress(10, 1, net, last), of: serviceAddress, in: "app")
                }
            }
            #expect(try await plane.apply(many).failures.isEmpty)
            let beside = try await best(21...40)
            print("one backend in 40 sandboxes: \(few) beside 50, \(beside) beside 560")
            #expect(beside < few * 4)
            let compared = try await plane.resync(reason: "test")
            #expect(compared.isClean, "\(compared.repairs) \(compared.failures)")
        }
    }
}

extension KernelCounters {
    fileprivate var isNothing: Bool { threads == 0 && entries == 0 && files == 0 && contexts == 0 }
}

/// SplitMix64: the same numbers for the same seed.
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
