import Addressing
import EngineInterface
import Netlink
import PathProbes
import Testing

@Suite struct ControlPathTests {
    private let managers: [PathTarget] = [UInt8(1), 2].map {
        PathTarget(id: "m\($0)", address: IPAddress(192, 0, 2, $0), isShared: false)
    }

    private func connection(_ last: UInt8, retransmits: UInt8 = 0) -> OpenConnection {
        OpenConnection(
            remote: IPAddress(192, 0, 2, last), remotePort: 2377, roundTripMicroseconds: 300, retransmits: retransmits)
    }

    @Test func `a manager without a connection is silent after two looks, and well with one`() throws {
        var paths = ControlPaths()
        let now = ContinuousClock.now
        #expect(paths.take([connection(1), connection(9)], of: managers, at: now) == [])
        #expect(
            paths.take([connection(1)], of: managers, at: now) == [PathTransition(peer: "m2", findings: .silent)])
        let told = paths.measurements(at: now, seconds: 50)
        #expect(told.map(\.peer) == ["m1", "m2"])
        let findings: [PathFindings] = [[], .silent]
        #expect(told.map(\.findings) == findings)
        #expect(told.map(\.roundTripMicroseconds) == [300, nil])
        #expect(told.map(\.lossPermille) == [0, 1000])
        #expect(told.allSatisfy { $0.kind == .control && $0.time == 50 })
        #expect(
            paths.take([connection(1), connection(2)], of: managers, at: now) == [
                PathTransition(peer: "m2", findings: [])
            ])
        // One on which nothing is answered any more is none.
        _ = paths.take([connection(1, retransmits: 6), connection(2)], of: managers, at: now)
        #expect(
            paths.take([connection(1, retransmits: 7), connection(2)], of: managers, at: now) == [
                PathTransition(peer: "m1", findings: .silent)
            ])
        _ = paths.take([], of: [], at: now)
        #expect(paths.measurements(at: now, seconds: 50).isEmpty)
    }
}
