import Addressing
import ESPControl
import TestKit
import Testing

/// Differences between states lead from one to the other.
@Suite struct EncryptionStateTests {
    private static func state(_ random: inout SeededGenerator) throws -> EncryptionState {
        var state = EncryptionState()
        let peers = (0..<5).map { EncryptionPeerID("n\($0)") }
        if Bool.random(using: &random) {
            state.underlay = EncryptionUnderlay(address: IPAddress(10, 0, 0, UInt8.random(in: 1...2, using: &random)))
        }
        for peer in peers where Bool.random(using: &random) {
            state.peers[peer] = EncryptionPeer(
                id: peer, address: IPAddress(10, 0, 1, 1), keepsAlive: Bool.random(using: &random))
        }
        for vni in UInt32(1)...3 where Bool.random(using: &random) {
            var network = EncryptedNetwork(
                vni: vni, id: "\(vni)", tap: "esp\(vni)", mtu: Bool.random(using: &random) ? 1408 : 1388)
            for number in UInt8(0)..<6 where Bool.random(using: &random) {
                network.stations[MACAddress(octets: [2, 0, 0, 0, 0, number])] = EncryptedStation(
                    peer: peers[Int.random(in: 0..<5, using: &random)])
            }
            for peer in peers where Bool.random(using: &random) { network.members.insert(peer) }
            state.networks[vni] = network
        }
        for peer in peers {
            for direction in AssociationDirection.allCases where Bool.random(using: &random) {
                let id = AssociationID(direction, peer: peer, spi: 256)
                let key = try #require(AssociationKey(key: [UInt8](repeating: 1, count: 16), salt: [1, 2, 3, 4]))
                state.associations[id] = SecurityAssociation(
                    id: id, epoch: UInt64.random(in: 1...2, using: &random), key: key,
                    sends: Bool.random(using: &random))
            }
        }
        return state
    }

    @Test func `changes from one state to another lead there`() throws {
        var random = SeededGenerator(seed: 41)
        var state = EncryptionState()
        for _ in 0..<200 {
            let next = try Self.state(&random)
            let changes = state.changes(to: next)
            for change in changes { state.apply(change) }
            #expect(state == next)
            #expect(state.changes(to: next).isEmpty)
        }
    }

    @Test func `one other fact is one change`() throws {
        var state = try ControlMessageTests.state()
        let before = state
        let mac = MACAddress(octets: [2, 0, 0, 0, 0, 9])
        let station = EncryptedStation(peer: EncryptionPeerID("n3"))
        state.networks[4097]?.stations[mac] = station
        #expect(before.changes(to: state) == [.station(vni: 4097, mac, station)])
    }

    @Test func `what receives comes before what sends, and goes after`() throws {
        let changes = EncryptionState().changes(to: try ControlMessageTests.state())
        let directions = changes.compactMap { change -> AssociationDirection? in
            if case .association(let association) = change { association.id.direction } else { nil }
        }
        #expect(directions == [.inbound, .outbound])
    }

    @Test func `the MTU of an overlay leaves room for what goes around it`() {
        #expect(EncryptionUnderlay.overlayMTU(underlay: 1500, family: .v4) == 1408)
        #expect(EncryptionUnderlay.overlayMTU(underlay: 1500, family: .v6) == 1388)
        #expect(EncryptionUnderlay.overlayMTU(underlay: 9001, family: .v4) == 8908)
        #expect(EncryptionUnderlay.overlayMTU(underlay: 50, family: .v4) == 0)
    }
}
