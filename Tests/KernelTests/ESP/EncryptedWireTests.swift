import Concurrency
import ESPControl
import TestKit
import Testing

/// What of an encrypted overlay is on the wire between two nodes, and when.
@Suite(.serialized, .timeLimit(.minutes(3))) struct EncryptedWireTests {
    /// One packet a call and fragments on the underlay are what make an encrypted network slow; how fast it is `make bench` measures.
    @Test func `D6: a stream makes no fragment, and goes and comes many segments at a time`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            let sniffer = try await Sniffer(in: b.namespace)
            let stream = try await CheckedStream.start(from: a.task, to: b.task, at: b.taskAddress, most: 8 << 20)
            try await eventually(within: .seconds(60), "the stream is there") { stream.isDone }
            sniffer.stop()
            #expect(stream.received == 8 << 20 && !stream.isWrong && stream.failure == nil)
            // Flags and offset of IPv4 (RFC 791): more fragments, or a later one.
            let pieces = sniffer.seen.count { (frame: [UInt8]) -> Bool in
                guard frame.count > 34, frame[12] == 8, frame[13] == 0 else { return false }
                return frame[20] & 0x3f != 0 || frame[21] != 0
            }
            #expect(pieces == 0 && sniffer.datagrams.count > 50)
            let (sent, came) = (try await a.client.report(), try await b.client.report())
            let out = try #require(sent.networks[EncryptedWorld.vni])
            let into = try #require(came.networks[EncryptedWorld.vni])
            let lane = try #require(sent.lanes.first)
            #expect(out.segments > 2 * out.framesOut, "super-frames are read: \(out)")
            #expect(lane.sentSegments > 2 * lane.sends, "and sent: \(lane)")
            #expect(into.merged > into.framesIn / 2, "and joined: \(into)")
        }
    }

    /// RFC 3948 sections 2.3 and 4: one byte FF, from the port that a NAT has a mapping of, every 20 seconds.
    @Test func `D5: a silent node keeps the way through a NAT open`() async throws {
        try await withEncryptedWorld { world, _ in
            let (a, b) = (world.nodes[0], world.nodes[1])
            let sniffer = try await Sniffer(in: b.namespace)
            let began = ContinuousClock.now
            // Who listens first, so that nothing is sent to a closed door.
            for node in world.nodes.reversed() {
                let page = try await node.client.status.wait { $0.hello?.page }
                // One of them alone, so that what is seen is its.
                let state = try world.state(node, page: page, epochs: [1], keepsAlive: node.id == a.id)
                try await node.client.settle(node.client.replace(with: state))
            }
            let keepalives = { sniffer.datagrams.filter { $0.port == 4790 && $0.payload == [0xff] }.count }
            try await eventually(within: .seconds(10), "the first goes at once") { keepalives() == 1 }
            let first = ContinuousClock.now
            try await eventually(within: .seconds(40), "the second") { keepalives() == 2 }
            // The clock of the process has whole seconds, and starts before the first is seen.
            #expect(ContinuousClock.now - began >= .seconds(19) && ContinuousClock.now - first <= .seconds(35))
            sniffer.stop()
            #expect(sniffer.datagrams.allSatisfy { $0.payload == [0xff] })
            let lane = try #require(try await b.client.report().lanes.first)
            #expect(lane.datagrams >= 2 && lane.malformed == 0 && lane.unknownSPI == 0, "\(lane)")
            let moved = try await b.client.report().moved
            #expect(moved.isEmpty, "what anybody can send moves nobody")
        }
    }
}
