import TestKit
import Testing

@testable import ESP

/// What is cut and joined again is what went in; what is not what its header says is not taken.
@Suite struct SegmentingTests {
    private static func random(_ random: inout SeededGenerator, most: Int = 65_000) -> (PlayedFrame, size: Int) {
        var frame = PlayedFrame()
        frame.isV6 = Bool.random(using: &random)
        frame.isTCP = Bool.random(using: &random)
        frame.sequence = UInt32.random(in: 0 ... .max, using: &random)
        frame.identification = UInt16.random(in: 0 ... .max, using: &random)
        frame.mayFragment = Bool.random(using: &random)
        frame.trafficClass = UInt8.random(in: 0...255, using: &random)
        if Bool.random(using: &random) { frame.flags |= 0x08 }
        if Bool.random(using: &random) { frame.options = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8] }
        let size = Int.random(in: 40...1400, using: &random)
        let most = min(63 * size, most)
        frame.payload = (0..<Int.random(in: 1...most, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
        }
        return (frame, size)
    }

    @Test func `what is cut and joined again is what went in`() {
        var random = SeededGenerator.fresh("segments")
        for _ in 0..<30 {
            let (frame, size) = Self.random(&random)
            let (outcome, pieces) = Played.cut(frame.superFrame(size))
            let expected = (frame.payload.count + size - 1) / size
            #expect(outcome == .taken(segments: expected) && pieces.count == expected)
            #expect(pieces.allSatisfy(Played.isSound), "every piece has its sums")
            #expect(pieces.allSatisfy { $0.count <= frame.headers + size })
            #expect(pieces.flatMap { $0.dropFirst(frame.headers) } == frame.payload)
            let written = Played.join(pieces).written
            #expect(written.count == 1)
            let wanted =
                expected > 1
                ? frame.superFrame(size) : [UInt8](repeating: 0, count: ESPLayout.vnetHeader) + frame.bytes()
            #expect(written.first == wanted)
        }
    }

    @Test func `FIN and PSH are the last segment's, CWR the first one's`() throws {
        var frame = PlayedFrame()
        frame.flags = 0x10 | 0x01 | 0x08 | 0x80
        frame.payload = [UInt8](repeating: 1, count: 250)
        var given = frame.superFrame(100)
        given[1] |= UInt8(SegmentationKind.ecn)
        let (_, pieces) = Played.cut(given)
        #expect(pieces.map { $0[34 + 13] } == [0x90, 0x10, 0x19])
    }

    @Test func `a frame whose checksum was left open gets it`() {
        for isTCP in [true, false] {
            for isV6 in [true, false] {
                var frame = PlayedFrame()
                (frame.isTCP, frame.isV6, frame.payload) = (isTCP, isV6, [1, 2, 3])
                let (outcome, pieces) = Played.cut(frame.vnet(kind: 0, size: 0) + frame.bytes(isOpen: true))
                #expect(outcome == .taken(segments: 1) && pieces == [frame.bytes()])
            }
        }
    }

    @Test func `a frame that says nothing of itself goes as it is`() {
        let frame: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, 1, 2, 3]
        let (outcome, pieces) = Played.cut([UInt8](repeating: 0, count: 10) + frame)
        #expect(outcome == .taken(segments: 1) && pieces == [frame])
    }

    @Test func `headers that lie are refused`() {
        var frame = PlayedFrame()
        frame.payload = [UInt8](repeating: 1, count: 3000)
        let good = frame.superFrame(1000)
        func refuses(_ what: String, _ change: (inout [UInt8]) -> Void) {
            var other = good
            change(&other)
            let (outcome, pieces) = Played.cut(other)
            #expect(outcome == .malformed && pieces.isEmpty, "\(what)")
        }
        refuses("no size") { ($0[4], $0[5]) = (0, 0) }
        refuses("a segment a byte") {
            ($0[4], $0[5]) = (0, 0); $0[4] = 0
        }
        refuses("TCP behind the end") { ($0[6], $0[7]) = (0xff, 0xff) }
        refuses("TCP in the Ethernet header") { ($0[6], $0[7]) = (10, 0) }
        refuses("TCP where IP says otherwise") { $0[6] = 38 }
        refuses("another protocol") { $0[10 + 23] = 1 }
        refuses("IPv6 that is IPv4") { $0[1] = UInt8(SegmentationKind.tcp6) }
        refuses("an unknown kind") { $0[1] = 9 }
        refuses("a TCP header shorter than TCP's") { $0[10 + 34 + 12] = 0x10 }
        refuses("no Ethernet header") { $0 = Array($0.prefix(20)) }
        refuses("nothing to cut") { $0 = Array($0.prefix(10 + 54)) }
        frame.payload = [UInt8](repeating: 1, count: 60_000)
        #expect(Played.cut(frame.superFrame(8)).0 == .malformed, "more segments than a frame may make")
        var open = frame.vnet(kind: 0, size: 0)
        open[6] = 0xff
        open[7] = 0xff
        #expect(Played.cut(open + [UInt8](repeating: 0, count: 60)).0 == .malformed)
    }

    @Test func `whatever bytes come, cutting and joining stays within them`() {
        var random = SeededGenerator.fresh("noise")
        for _ in 0..<1500 {
            let (frame, size) = Self.random(&random, most: 500)
            var given = frame.superFrame(size)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                given[Int.random(in: 0..<min(given.count, 90), using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            given = Array(given.prefix(Int.random(in: ESPLayout.vnetHeader...given.count, using: &random)))
            let (_, pieces) = Played.cut(given)
            _ = Played.join(pieces.filter { $0.count >= ESPLayout.ethernet })
            if given.count >= ESPLayout.vnetHeader + ESPLayout.ethernet {
                let joined = Played.join([Array(given.dropFirst(ESPLayout.vnetHeader))])
                #expect(joined.written.count == 1)
            }
        }
    }
}
