import Addressing
import ESPControl
import TestKit
import Testing

/// What the daemon and the process say comes over the socket as it was said, and nothing else is taken for a message.
@Suite struct ControlMessageTests {
    static func state() throws -> EncryptionState {
        var state = EncryptionState()
        state.underlay = EncryptionUnderlay(address: IPAddress(192, 0, 2, 1), mtu: 1500)
        let far = EncryptionPeerID("n2")
        let near = EncryptionPeerID("n3")
        state.peers[far] = EncryptionPeer(id: far, address: IPAddress(192, 0, 2, 2), keepsAlive: true)
        state.peers[near] = EncryptionPeer(id: near, address: IPAddress(192, 0, 2, 3), port: 4000)
        let v6 = try #require(IPAddress("fd00::7"))
        let mac = try #require(MACAddress("02:42:0a:00:00:07"))
        state.networks[4097] = EncryptedNetwork(
            vni: 4097, id: "net", tap: "esp0", namespace: "/run/apus/netns/a", mtu: 1408,
            stations: [mac: EncryptedStation(peer: far, addresses: [IPAddress(10, 0, 0, 7), v6])], members: [far, near])
        for (direction, spi) in [(AssociationDirection.inbound, UInt32(256)), (.outbound, 0x8000_0801)] {
            let key = try #require(AssociationKey(key: [UInt8](repeating: 7, count: 32), salt: [1, 2, 3, 4]))
            let id = AssociationID(direction, peer: far, spi: spi)
            state.associations[id] = SecurityAssociation(
                id: id, lane: 1, epoch: 9, key: key, sends: direction == .outbound,
                page: direction == .outbound ? CounterPageID(77) : nil)
        }
        return state
    }

    @Test func `a state comes over as it was`() throws {
        let message = DaemonMessage.whole(version: 12, try Self.state())
        #expect(try DaemonMessage(decoding: message.encoded[...]) == message)
    }

    @Test func `each change comes over as it was`() throws {
        let state = try Self.state()
        let mac = try #require(MACAddress("02:42:0a:00:00:07"))
        let far = EncryptionPeerID("n2")
        var changes = EncryptionState().changes(to: state)
        changes += state.changes(to: EncryptionState())
        changes += [.removeStation(vni: 4097, mac), .removeMember(vni: 4097, far), .removePeer(far)]
        let message = DaemonMessage.changes(base: 3, version: 4, changes)
        #expect(try DaemonMessage(decoding: message.encoded[...]) == message)
        #expect(try DaemonMessage(decoding: DaemonMessage.report(5).encoded[...]) == .report(5))
    }

    @Test func `what the process says comes over as it was`() throws {
        let id = AssociationID(.inbound, peer: EncryptionPeerID("n2"), spi: 256)
        var report = EncryptionReport()
        report.version = 3
        report.faults = [EncryptionFault(.network(vni: 1), .deviceRefused, errno: 16)]
        report.networks[4097] = {
            var counters = EncryptedNetworkCounters(); counters.deviceErrors = 5; return counters
        }()
        report.associations[id] = {
            var counters = AssociationCounters(); counters.sequence = .max; return counters
        }()
        report.lanes = [EncryptionLaneCounters(), EncryptionLaneCounters()]
        report.moved[EncryptionPeerID("n2")] = EncryptionEndpoint(address: IPAddress(1, 2, 3, 4), port: 9)
        let messages: [EngineMessage] = [
            .hello(
                EncryptionHello(
                    productVersion: "1", pid: 7, page: CounterPageID(8), lanes: 2, cipher: "OpenSSL", version: 4)),
            .answer(
                EncryptionAnswer(
                    version: 2,
                    faults: [EncryptionFault(.association(id), .spiTaken), EncryptionFault(.underlay, .noMemory)])),
            .behind(version: 6), .report(9, report),
            .notice(EncryptionNotice(.badICV, .peer(EncryptionPeerID("x")), count: 3)),
        ]
        for message in messages { #expect(try EngineMessage(decoding: message.encoded[...]) == message) }
    }

    /// So that it can be replaced.
    @Test func `of a process of another version the pid is known`() throws {
        let future: [UInt8] = [1, 0, 0, 0, 2, 0, 0, 0x12, 0x34, 0xFF, 0xFF]
        guard case .hello(let hello) = try EngineMessage(decoding: future[...]) else {
            Issue.record("no hello")
            return
        }
        #expect(hello.protocolVersion == 2 && hello.pid == 0x1234 && hello.lanes == 0)
    }

    @Test func `a message that is cut or goes on is refused`() throws {
        let whole = DaemonMessage.whole(version: 12, try Self.state()).encoded
        for count in 0..<whole.count {
            #expect(throws: ControlError.self) { try DaemonMessage(decoding: whole.prefix(count)) }
        }
        #expect(throws: ControlError.length) { try DaemonMessage(decoding: (whole + [0])[...]) }
    }

    @Test func `a length is believed only as far as there are bytes`() {
        let huge: [UInt8] = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]
        #expect(throws: ControlError.length) { try DaemonMessage(decoding: huge[...]) }
        var frame = ControlFrame()
        frame.append([0xFF, 0xFF, 0xFF, 0xFF][...])
        #expect(throws: ControlError.tooLong) { try frame.next() }
    }

    @Test func `frames come out whole however they are cut`() throws {
        let messages = [[UInt8](repeating: 1, count: 5), [], [UInt8](repeating: 2, count: 300)]
        let bytes = messages.flatMap(ControlFrame.around)
        for width in [1, 3, 7, 64, bytes.count] {
            var frame = ControlFrame()
            var found: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                frame.append(rest.prefix(width))
                rest = rest.dropFirst(width)
                while let message = try frame.next() { found.append(Array(message)) }
            }
            #expect(found == messages)
        }
    }

    @Test func `keys are not shown`() throws {
        let state = try Self.state()
        var text = "\(state)"
        dump(state, to: &text)
        #expect(!text.contains("7, 7") && !text.contains("1, 2, 3, 4"))
    }
}
