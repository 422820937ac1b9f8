import Addressing
import ESPControl
import Foundation
import Model
import PathProbes
import Testing

@testable import Engine

struct EncryptionComposerTests {
    private func secret(_ byte: UInt8) -> OverlaySecret {
        guard let secret = OverlaySecret(bytes: Data(repeating: byte, count: OverlaySecret.length)) else {
            preconditionFailure("32 bytes are a secret")
        }
        return secret
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
    }

    private func keyring(_ numbers: [UInt64], sending: UInt64) -> OverlayKeyring {
        OverlayKeyring(
            version: 9,
            generations: numbers.map {
                .init(number: $0, secret: secret(UInt8(truncatingIfNeeded: $0)), createdAt: .zero, removals: 0)
            }, sending: sending)
    }

    private func place(_ number: UInt32, page: UInt64? = nil, restarts: UInt32 = 0, lanes: UInt8 = 1) -> EncryptionPlace
    {
        EncryptionPlace(number: number, page: page ?? UInt64(number) * 1_000, restarts: restarts, lanes: lanes)
    }

    /// Of `node`, with an endpoint of each other node.
    private func demand(_ node: Int, of places: [EncryptionPlace?]) -> EncryptionDemand {
        var stations: [MACAddress: EncryptionDemand.Station] = [:]
        var peers: [String: EncryptionDemand.Peer] = [:]
        for (other, place) in places.enumerated() where other != node {
            let address = IPAddress(10, 1, 0, UInt8(clamping: other + 10))
            stations[MACAddress(octets: [2, 0x42] + address.octets)] = .init(
                nodeID: "node\(other)", addresses: [address])
            peers["node\(other)"] = .init(address: IPAddress(192, 0, 2, UInt8(clamping: other + 1)), place: place)
        }
        return EncryptionDemand(
            nodeID: "node\(node)", address: IPAddress(192, 0, 2, UInt8(clamping: node + 1)), dataPathPort: 4789,
            underlayMTU: 1500, own: places[node],
            networks: [
                .init(
                    id: "net", vni: 4097, namespace: "/run/apus/netns/o-net", tap: "esp0", mtu: 1408, stations: stations
                )
            ], peers: peers)
    }

    private func state(
        _ node: Int, _ places: [EncryptionPlace?], _ keyring: OverlayKeyring?, lanes: UInt8 = 1
    ) -> EncryptionState {
        var composer = EncryptionComposer()
        return composer.state(
            demand(node, of: places), keyring, page: places[node].map { CounterPageID($0.page) }, lanes: lanes)
    }

    private func outbound(_ state: EncryptionState) -> [SecurityAssociation] {
        state.associations.values.filter { $0.id.direction == .outbound }
    }

    @Test func `what one node sends with the other receives with, in each lane that both have`() throws {
        let places = [place(1, lanes: 4), place(2, lanes: 2), place(3)]
        let keys = keyring([5, 6], sending: 6)
        let states: [EncryptionState] = places.indices.map { state($0, places, keys, lanes: places[$0].lanes) }
        for sender in 0..<3 {
            for receiver in 0..<3 where receiver != sender {
                let peer = EncryptionPeerID("node\(receiver)")
                let sent = outbound(states[sender]).filter { $0.id.peer == peer }
                let lanes = min(places[sender].lanes, places[receiver].lanes)
                #expect(sent.count == Int(lanes))
                for association in sent {
                    #expect(association.sends && association.page == CounterPageID(places[sender].page))
                    let id = AssociationID(.inbound, peer: EncryptionPeerID("node\(sender)"), spi: association.id.spi)
                    let there = try #require(states[receiver].associations[id])
                    #expect(there.key == association.key && there.lane == association.lane)
                    #expect(there.epoch == association.epoch && there.page == nil)
                }
            }
        }
        #expect(states[0].underlay == EncryptionUnderlay(address: IPAddress(192, 0, 2, 1), port: 4790, mtu: 1500))
        let network = try #require(states[0].networks[4097])
        #expect(network.members == [EncryptionPeerID("node1"), EncryptionPeerID("node2")])
        #expect(network.stations.values.flatMap(\.addresses).count == 2)
    }

    @Test func `ways are measured in a network of the node and its peers, as long as something is encrypted`() throws {
        let places = [place(1), place(2), place(3)]
        var demand = demand(0, of: places)
        #expect(demand.probed(in: nil) == demand)
        let probed = demand.probed(in: .init(namespace: "/proc/7/fd/9", number: 1))
        #expect(probed.networks.dropLast() == demand.networks[...] && probed.peers == demand.peers)
        var composer = EncryptionComposer()
        let state = composer.state(probed, keyring([5], sending: 5), page: CounterPageID(1_000), lanes: 1)
        let network = try #require(state.networks[ProbeDevice.vni])
        #expect(network.namespace == "/proc/7/fd/9" && network.tap == ProbeDevice.encryptedName && network.mtu == 1408)
        #expect(network.members == [EncryptionPeerID("node1"), EncryptionPeerID("node2")])
        // Nobody asks for addresses there.
        let asked = network.stations.values.flatMap(\.addresses)
        #expect(asked.isEmpty)
        let station = ProbeFrame.station(of: IPAddress(192, 0, 2, 3))
        #expect(network.stations[station]?.peer == EncryptionPeerID("node2"))
        // The next namespace may have the same path.
        let next = composer.state(
            demand.probed(in: .init(namespace: "/proc/7/fd/9", number: 2)), keyring([5], sending: 5),
            page: CounterPageID(1_000), lanes: 1)
        #expect(next.networks[ProbeDevice.vni]?.hasSameDevice(as: network) == false)
        demand.networks = []
        #expect(demand.probed(in: .init(namespace: "/proc/7/fd/9", number: 1)) == demand)
    }

    @Test func `no two senders, receivers, lanes, pages, restarts or generations share a key`() throws {
        var purposes: [AssociationPurpose] = []
        for source in ["a", "b", "ab"] {
            for destination in ["a", "b", "ba", ""] {
                for lane in UInt8(0)..<2 {
                    for page in UInt64(7)..<9 {
                        for restarts in UInt32(0)..<2 {
                            for generation in [UInt64(1), 257] {
                                purposes.append(
                                    AssociationPurpose(
                                        source: source, destination: destination, lane: lane,
                                        place: place(1, page: page, restarts: restarts), generation: generation))
                            }
                        }
                    }
                }
            }
        }
        let keys = try purposes.map { try #require($0.key(from: secret(1))) }
        #expect(Set(keys.map(\.key)).count == purposes.count)
        let other = try #require(purposes[0].key(from: secret(2)))
        #expect(other != keys[0])
        // The same purpose has the same key at both ends.
        #expect(purposes[0].key(from: secret(1)) == keys[0])
        #expect("\(keys[0])" == "key")
    }

    /// RFC 5869 with SHA-256, computed by an implementation of somebody else (Python's `hmac`): both ends may be of different builds.
    @Test func `a key is what it was in the builds before`() throws {
        let purpose = AssociationPurpose(
            source: "node-a", destination: "node-b", lane: 1,
            place: EncryptionPlace(number: 5, page: 0x0102_0304_0506_0708, restarts: 2, lanes: 4), generation: 3)
        let key = try #require(purpose.key(from: secret(0x2a)))
        #expect(
            hex(key.key)
                == "b1680bc60a17ccfa7fa52c80507cb6cb65ba44ce7428e883d07207419a1e2391")
        #expect(hex(key.salt) == "9ddf7e3b")
        // Number 5, lane 1, generation 3.
        let spi: UInt32 = 0x8000_0000 | 5 << 11 | 1 << 8 | 3
        #expect(purpose.spi == spi)
        // Generation 3, restarts 2.
        let epoch: UInt64 = 3 << 16 | 2
        #expect(purpose.epoch == epoch)
    }

    @Test func `an SPI tells senders, their lanes and generations apart and is none of the reserved ones`() {
        var spis: Set<UInt32> = []
        for number in [UInt32(1), 2, 0xf_ffff] {
            for lane in UInt8(0)..<8 {
                for generation in UInt64(250)..<260 {
                    let purpose = AssociationPurpose(
                        source: "", destination: "", lane: lane, place: place(number), generation: generation)
                    #expect(purpose.spi >= 0x8000_0000)
                    #expect(spis.insert(purpose.spi).inserted)
                }
            }
        }
    }

    @Test func `an epoch grows with each key of a sender`() {
        func epoch(_ generation: UInt64, _ restarts: UInt32) -> UInt64 {
            AssociationPurpose(
                source: "", destination: "", lane: 0, place: place(1, restarts: restarts), generation: generation
            ).epoch
        }
        #expect(epoch(1, 0) < epoch(1, 1) && epoch(1, 9) < epoch(2, 9) && epoch(2, 9) < epoch(2, 10))
    }

    @Test func `without keys, without a place, or with another page nothing is sent`() {
        let places = [place(1), place(2)]
        #expect(state(0, places, nil).associations.isEmpty)
        #expect(state(0, places, nil).networks.count == 1)
        // Who does not say that it encrypts is neither sent to nor believed.
        #expect(state(0, [places[0], nil], keyring([1], sending: 1)).associations.isEmpty)
        // Managers do not know this node's page yet.
        let unknown = state(0, [nil, places[1]], keyring([1], sending: 1))
        #expect(outbound(unknown).isEmpty && unknown.associations.count == 1)
        var composer = EncryptionComposer()
        let other = composer.state(
            demand(0, of: places), keyring([1], sending: 1), page: CounterPageID(77), lanes: 1)
        #expect(outbound(other).isEmpty && other.associations.count == 1)
    }

    @Test func `D5: a way to each peer that encrypts is kept open, through whatever translates on it`() {
        let peers = state(0, [place(1), place(2), nil], keyring([1], sending: 1)).peers
        #expect(peers.mapValues(\.keepsAlive) == [EncryptionPeerID("node1"): true, EncryptionPeerID("node2"): false])
        // Keys may come later.
        let early = state(0, [nil, place(2)], nil).peers
        #expect(early[EncryptionPeerID("node1")]?.keepsAlive == true)
    }

    @Test func `during a rotation a node receives with all generations and sends with one`() {
        let places = [place(1), place(2)]
        var composer = EncryptionComposer()
        func associations(_ numbers: [UInt64], _ sending: UInt64) -> (inbound: Set<UInt64>, outbound: [UInt64]) {
            let state = composer.state(
                demand(0, of: places), keyring(numbers, sending: sending), page: CounterPageID(places[0].page), lanes: 1
            )
            let epochs = state.associations.values.filter { $0.id.direction == .inbound }.map { $0.epoch >> 16 }
            return (Set(epochs), outbound(state).map { $0.epoch >> 16 })
        }
        #expect(associations([1], 1) == ([1], [1]))
        #expect(associations([1, 2], 1) == ([1, 2], [1]))
        #expect(associations([1, 2], 2) == ([1, 2], [2]))
        #expect(associations([2], 2) == ([2], [2]))
    }

    @Test func `what is derived once is the same again, but not from another secret`() throws {
        let places = [place(1), place(2)]
        var composer = EncryptionComposer()
        func key(_ keyring: OverlayKeyring) throws -> AssociationKey {
            let state = composer.state(
                demand(0, of: places), keyring, page: CounterPageID(places[0].page), lanes: 1)
            return try #require(outbound(state).first?.key)
        }
        let first = try key(keyring([1], sending: 1))
        #expect(try key(keyring([1], sending: 1)) == first)
        let other = OverlayKeyring(
            version: 1, generations: [.init(number: 1, secret: secret(9), createdAt: .zero, removals: 0)], sending: 1)
        #expect(try key(other) != first)
    }
}
