import TestKit
import Testing

@testable import ESP

/// Frames join where the kernel's GRO would join them.
@Suite struct CoalescingTests {
    private static func flow(_ count: Int, _ change: (inout PlayedFrame, Int) -> Void = { _, _ in }) -> [[UInt8]] {
        (0..<count).map { index in
            var frame = PlayedFrame()
            frame.payload = [UInt8](repeating: UInt8(index), count: 100)
            frame.sequence += UInt32(index * 100)
            frame.identification += UInt16(index)
            change(&frame, index)
            return frame.bytes()
        }
    }

    private static func frames(_ collector: WriteCollector) -> Int { collector.written.count }

    @Test func `a flow in order is one write`() {
        #expect(Self.frames(Played.join(Self.flow(5))) == 1)
        #expect(Self.frames(Played.join(Self.flow(5) { frame, _ in frame.isV6 = true })) == 1)
        #expect(Self.frames(Played.join(Self.flow(5) { frame, _ in frame.isTCP = false })) == 1)
    }

    @Test func `what differs does not join`() {
        let others: [(String, (inout PlayedFrame) -> Void)] = [
            ("port", { $0.sourcePort += 1 }), ("sequence", { $0.sequence += 1 }), ("window", { $0.window += 1 }),
            ("acknowledgement", { $0.acknowledgement += 1 }), ("flags", { $0.flags |= 0x20 }),
            ("options", { $0.options = [1, 1, 1, 1] }), ("identification", { $0.identification += 1 }),
            ("class", { $0.trafficClass = 4 }), ("DF", { $0.mayFragment = false }),
            ("length", { $0.payload.append(1) }), ("FIN", { $0.flags |= 1 }), ("CWR", { $0.flags |= 0x80 }),
        ]
        for (what, change) in others {
            let frames = Self.flow(2) { frame, index in if index == 1 { change(&frame) } }
            let written = Played.join(frames).written
            #expect(written.count == 2, "\(what)")
            #expect(written.map { Array($0.dropFirst(10)) } == frames, "\(what): as they came")
        }
        #expect(Played.join(Self.flow(2), networks: [0, 1]).networks == [0, 1])
    }

    @Test func `a wrong checksum is passed on, not repaired`() {
        var frames = Self.flow(3)
        frames[1][60] ^= 1
        #expect(Played.join(frames).written.map { Array($0.dropFirst(10)) } == frames)
    }

    @Test func `UDP without a checksum is left alone`() {
        var frames = Self.flow(2) { frame, _ in frame.isTCP = false }
        for index in 0..<2 { (frames[index][40], frames[index][41]) = (0, 0) }
        #expect(Played.join(frames).written.count == 2)
    }

    @Test func `a shorter frame and one with PSH are the last`() {
        let short = Self.flow(4) { frame, index in if index == 1 { frame.payload.removeLast(50) } }
        #expect(Played.join(short).written.count == 2)
        let pushed = Self.flow(4) { frame, index in if index == 1 { frame.flags |= 8 } }
        let written = Played.join(pushed).written
        #expect(written.count == 2)
        #expect(written.map { $0[10 + 34 + 13] & 8 } == [8, 0])
    }

    @Test func `a packet that must not be cut joins whatever its number`() {
        let frames = Self.flow(4) { frame, _ in (frame.mayFragment, frame.identification) = (false, 0) }
        #expect(Played.join(frames).written.count == 1)
    }

    @Test func `within a flow nothing overtakes, whatever joins`() {
        var random = SeededGenerator.fresh("order")
        for _ in 0..<200 {
            var sent: [UInt16: [UInt8]] = [:]
            var next: [UInt16: UInt32] = [:]
            var frames: [[UInt8]] = []
            for _ in 0..<Int.random(in: 1...150, using: &random) {
                var frame = PlayedFrame()
                frame.sourcePort = UInt16.random(in: 1...12, using: &random)
                frame.mayFragment = false
                frame.sequence = next[frame.sourcePort] ?? 5
                frame.payload = (0..<Int.random(in: 0...1 << Int.random(in: 0...8, using: &random), using: &random))
                    .map { _ in UInt8.random(in: 0...255, using: &random) }
                if Int.random(in: 0..<6, using: &random) == 0 { frame.flags = 0x18 }
                next[frame.sourcePort] = frame.sequence + UInt32(frame.payload.count)
                sent[frame.sourcePort, default: []] += frame.payload
                frames.append(frame.bytes())
            }
            var came: [UInt16: [UInt8]] = [:]
            var total = 0
            for write in Played.join(frames).written {
                let port = UInt16(write[44]) << 8 | UInt16(write[45])
                came[port, default: []] += write.dropFirst(10 + 54)
                total += 1
            }
            #expect(came == sent.merging(came.filter { $0.value.isEmpty }) { first, _ in first })
            #expect(total <= frames.count)
        }
    }

    @Test func `no super-frame is longer than IP can say, or has more pieces than the kernel takes`() {
        let many = Self.flow(150)
        #expect(Played.join(many).written.count == 3)
        let large = Self.flow(60) { frame, index in
            frame.payload = [UInt8](repeating: 1, count: 1400)
            frame.sequence = 1000 &+ UInt32(index * 1400)
        }
        let written = Played.join(large).written
        #expect(written.count == 2 && written.allSatisfy { $0.count - 10 <= 65_535 })
    }
}
