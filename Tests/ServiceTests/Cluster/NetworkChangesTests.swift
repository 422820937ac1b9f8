import Addressing
import Foundation
import Model
import SwiftProtobuf
import TestKit
import Testing

@testable import NodeProtocol

/// Facts of networks as they travel.
@Suite struct NetworkChangesTests {
    private let v4 = IPAddress(10, 1, 0, 7)
    private var v6: IPAddress { get throws { try #require(IPAddress("fd00::7")) } }

    private func network(_ id: String) throws -> SwarmNetwork {
        var network = SwarmNetwork(id: id)
        network.version = ObjectVersion(index: 17)
        network.createdAt = Timestamp(seconds: 1_700_000_000, nanoseconds: 5)
        network.spec.name = "mesh"
        network.spec.labels = ["a": "b"]
        network.spec.attachable = false
        network.spec.iPv6Enabled = true
        network.spec.scope = "swarm"
        network.spec.driverConfiguration = Driver(name: "overlay", options: [:])
        network.driverState = Driver(name: "overlay", options: [SwarmNetwork.identifierOption: "4097"])
        var pools = AllocatedPools()
        pools.driver = Driver(name: "default")
        var pool = AllocatedPools.Pool(subnet: IPNetwork("10.1.0.0/24"), gateway: IPAddress("10.1.0.1"))
        pool.auxiliaryAddresses = ["router": try v6]
        pools.configs = [pool, .init()]
        network.ipamOptions = pools
        network.spec.ipamOptions = AllocatedPools()
        return network
    }

    /// One of each kind, with and without what may be absent.
    private func facts() throws -> (swarm: [NetworkFact], network: [NetworkFact]) {
        let key = NetworkFact.PortKey(.sctp, 65_535)
        let swarm: [NetworkFact] = [
            .settings(.init(dataPathPort: 4790, controlPorts: [2377, 2380], managers: [v4, try v6])),
            .settings(.init()),
            .peer(
                .init(
                    nodeID: "n", hostname: "host", address: try v6,
                    ingressAddresses: EndpointAddresses([IPNetwork(address: v4, prefixLength: 24)]),
                    assignedIngressTag: EndpointTag(number: 0))),
            .peer(.init(nodeID: "m", hostname: "", address: v4, ingressAddresses: nil)),
            .peer(
                .init(
                    nodeID: "e", hostname: "", address: v4, ingressAddresses: nil,
                    encryption: EncryptionPlace(number: 0xf_ffff, page: .max, restarts: 3, lanes: 8))),
            .subnets(network: "other", [IPNetwork(address: v4, prefixLength: 0), IPNetwork(try v6)]),
            .port(.init(key, targetPort: 80, serviceID: "s")), .meshBackend(key, v4),
        ]
        let endpoint = SwarmNetworkState.Endpoint(
            addresses: HostAddresses([v4, try v6]), assignedTag: EndpointTag(number: .max), nodeID: "n", taskID: "t",
            vtep: v4, containerID: "c", names: ["web.1", "alias"])
        let network: [NetworkFact] = [
            .network(try network("net")), .network(SwarmNetwork(id: "net")), .endpoint(network: "net", endpoint),
            .service(
                network: "net",
                .init(serviceID: "s", name: "web", aliases: ["www"], virtualAddresses: HostAddresses(try v6))),
            .service(network: "net", .init(serviceID: "r", name: "", aliases: [], virtualAddresses: nil)),
            .backend(network: "net", service: "s", try v6),
        ]
        return (swarm, network)
    }

    private func read(_ pieces: [Data]) throws -> NetworkChangeSet? {
        var reader = AssignmentReader()
        var whole: NetworkChangeSet?
        for piece in pieces {
            #expect(whole == nil)
            let bytes = try Wire.AssignmentsMessage.with { $0.networkChanges = piece }.serializedData()
            #expect(bytes.count < 1 << 20)
            if case .network(let set) = try reader.read(try Wire.AssignmentsMessage(serializedBytes: bytes)) {
                whole = set
            }
        }
        return whole
    }

    @Test func `every fact and key comes back as it was`() throws {
        let (swarm, network) = try facts()
        for (scope, facts) in [(NetworkFact.Scope.swarm, swarm), (.network("net"), network)] {
            for isSnapshot in [false, true] {
                let set = NetworkChangeSet(
                    scope, sequence: .max, isSnapshot: isSnapshot, upserts: facts, removals: facts.compactMap(\.key))
                #expect(try read(try set.encoded()) == set)
            }
        }
        let end = NetworkChangeSet(.network("net"), sequence: 3, isEnd: true)
        #expect(try read(try end.encoded()) == end)
        let quiet = NetworkChangeSet(.network("net"), sequence: 3, upserts: network, isQuiet: true)
        #expect(try read(try quiet.encoded()) == quiet)
    }

    @Test func `a large set travels in pieces and comes back whole`() throws {
        let long = String(repeating: "x", count: 200)
        let names: [String] = (0..<20).map { "\(long)\($0)" }
        let facts: [NetworkFact] = (0..<2000).map { number in
            let address = IPAddress(10, 1, UInt8(number / 250), UInt8(number % 250))
            return .endpoint(
                network: "net",
                .init(
                    addresses: HostAddresses(address), nodeID: "n", taskID: "t\(number)", vtep: v4, containerID: "",
                    names: names))
        }
        let set = NetworkChangeSet(.network("net"), sequence: 1, isSnapshot: true, upserts: facts)
        let pieces = try set.encoded()
        #expect(pieces.count > 10)
        #expect(try read(pieces) == set)
        // Pieces of others among them are refused.
        var reader = AssignmentReader()
        _ = try reader.read(.with { $0.networkChanges = pieces[0] })
        let other = try NetworkChangeSet(.swarm, sequence: 1).encoded()[0]
        #expect(throws: NetworkChangesFailure.self) { try reader.read(.with { $0.networkChanges = other }) }
        let tasks = try Wire.messages(from: 0, to: 1, tasks: [], removed: [])[0]
        #expect(throws: AssignmentReader.Failure.mixed) { try reader.read(tasks) }
    }

    @Test func `readers of one process decode a piece once`() throws {
        let endpoints: [NetworkFact] = (0..<2000).map { number in
            let address = IPAddress(10, 1, UInt8(number / 250), UInt8(number % 250))
            return .endpoint(
                network: "net",
                .init(
                    addresses: HostAddresses(address), nodeID: "n", taskID: "t\(number)", vtep: v4, containerID: "",
                    names: ["web.\(number)"]))
        }
        let whole = NetworkChangeSet(.network("net"), sequence: 7, isSnapshot: true, upserts: endpoints)
        let change = NetworkChangeSet(.network("net"), sequence: 8, removals: endpoints.prefix(1).compactMap(\.key))
        let pieces = try whole.encoded() + change.encoded()
        #expect(pieces.count > 2)
        let shared = DecodedChanges()
        for _ in 0..<3 {
            var reader = AssignmentReader(shared)
            var read: [NetworkChangeSet] = []
            for piece in pieces {
                if case .network(let set) = try reader.read(.with { $0.networkChanges = piece }) { read.append(set) }
            }
            #expect(read == [whole, change])
        }
        #expect(shared.decodedPieces == pieces.count)
        // What no manager sends is refused each time, and what is behind it is read.
        let bad = try Wire.NetworkChanges.with { $0.end = true }.serializedData()
        for _ in 0..<2 {
            var reader = AssignmentReader(shared)
            #expect(throws: NetworkChangesFailure.self) { try reader.read(.with { $0.networkChanges = bad }) }
        }
        #expect(shared.decodedPieces == pieces.count)
    }

    @Test func `of what was decoded only the newest is remembered`() throws {
        let pieces = try (1...40).flatMap { number in
            try NetworkChangeSet(.network("net-\(number)"), sequence: 1, isSnapshot: true).encoded()
        }
        let shared = DecodedChanges(mostBytes: pieces.prefix(4).reduce(0) { $0 + $1.count })
        func read(_ piece: Data) throws {
            var reader = AssignmentReader(shared)
            _ = try reader.read(.with { $0.networkChanges = piece })
        }
        for piece in pieces { try read(piece) }
        #expect(shared.decodedPieces == 40)
        try read(try #require(pieces.last))
        #expect(shared.decodedPieces == 40)
        try read(pieces[0])
        #expect(shared.decodedPieces == 41)
    }

    @Test func `facts and keys of kinds that are not known are passed over`() throws {
        var changes = Wire.NetworkChanges()
        changes.network = "net"
        // Field 31 of some later version.
        changes.upserts = [try Wire.NetworkFact(serializedBytes: [0xfa, 0x01, 0x01, 0x00] as [UInt8]), .init()]
        changes.removals = [try Wire.NetworkKey(serializedBytes: [0xf8, 0x01, 0x01] as [UInt8])]
        changes.upserts.append(Wire.NetworkFact(.backend(network: "net", service: "s", v4)))
        let set = try #require(try read([try changes.serializedData()]))
        #expect(set.upserts == [.backend(network: "net", service: "s", v4)] && set.removals.isEmpty)
    }

    @Test func `what no manager sends is refused`() throws {
        func refuses(_ network: String = "net", _ change: (inout Wire.NetworkChanges) -> Void) throws {
            var changes = Wire.NetworkChanges()
            changes.network = network
            change(&changes)
            let piece = try changes.serializedData()
            #expect(throws: NetworkChangesFailure.self) { try read([piece]) }
        }
        func fact(_ change: (inout Wire.NetworkFact) -> Void) -> Wire.NetworkFact { .with { change(&$0) } }
        try refuses { $0.upserts = [fact { $0.backend = .with { $0.serviceID = "s" } }] }
        try refuses { $0.upserts = [fact { $0.backend = .with { $0.address = Data([1, 2, 3, 4]) } }] }
        try refuses {
            $0.upserts = [
                fact {
                    $0.peer = .with {
                        $0.nodeID = "n"; $0.address = Data([1, 2, 3, 4])
                    }
                }
            ]
        }
        try refuses("") { $0.upserts = [fact { $0.settings = .with { $0.dataPathPort = 65_536 } }] }
        try refuses("") { $0.upserts = [fact { $0.settings = .with { $0.dataPathPort = 0 } }] }
        try refuses("") { $0.upserts = [fact { $0.port = .with { $0.key = .with { $0.publishedPort = 1 } } }] }
        try refuses("") {
            $0.upserts = [
                fact {
                    $0.subnets = .with {
                        $0.network = "n"; $0.subnets = [Data([1, 2, 3, 4, 33])]
                    }
                }
            ]
        }
        try refuses {
            $0.upserts = [
                fact {
                    $0.endpoint = .with {
                        $0.nodeID = "n"; $0.taskID = "t"
                    }
                }
            ]
        }
        try refuses {
            $0.upserts = [
                fact {
                    $0.service = .with {
                        $0.serviceID = "s"
                        $0.virtualAddresses = [Data([1, 2, 3, 4]), Data([1, 2, 3, 5])]
                    }
                }
            ]
        }
        try refuses { $0.upserts = [fact { $0.network = .with { $0.createdAt = .with { $0.nanoseconds = .max } } }] }
        try refuses { $0.removals = [.with { $0.endpoint = Data() }] }
        try refuses("") { $0.end = true }
        try refuses(String(repeating: "x", count: 300)) { _ in }
    }

    @Test func `damaged pieces crash nothing`() throws {
        var random = SeededGenerator.fresh("damaged facts")
        let (swarm, network) = try facts()
        let sets = [
            NetworkChangeSet(.swarm, sequence: 1, upserts: swarm, removals: swarm.compactMap(\.key)),
            NetworkChangeSet(.network("net"), sequence: 1, upserts: network, removals: network.compactMap(\.key)),
        ]
        var refused = 0
        for set in sets {
            let bytes = Array(try set.encoded()[0])
            for _ in 0..<3000 {
                var reader = AssignmentReader()
                let piece = Data(random.mutated(bytes))
                do { _ = try reader.read(.with { $0.networkChanges = piece }) } catch { refused += 1 }
            }
        }
        #expect(refused > 0)
    }
}
