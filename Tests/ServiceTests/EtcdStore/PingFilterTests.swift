import EtcdStore
import NIOCore
import Testing

@Suite struct PingFilterTests {
    private static let pingHeader: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0]

    @Test func `a ping is taken out and answered, the rest passes as it was`() {
        var filter = PingFilter()
        let data: [UInt8] = [0, 0, 3, 0, 1, 0, 0, 0, 1, 6, 6, 6]
        let (passing, pings) = filter.receive(
            ByteBuffer(bytes: data + Self.pingHeader + [1, 2, 3, 4, 5, 6, 7, 8] + data))
        #expect(Array(passing.readableBytesView) == data + data)
        #expect(pings == [0x0102_0304_0506_0708])
        #expect(PingFilter.answer(to: pings[0]) == [0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test func `answers to our own pings and malformed pings pass`() {
        let answer: [UInt8] = [0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
        let short: [UInt8] = [0, 0, 7, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]
        let onStream: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8]
        var filter = PingFilter()
        let (passing, pings) = filter.receive(ByteBuffer(bytes: answer + short + onStream))
        #expect(Array(passing.readableBytesView) == answer + short + onStream)
        #expect(pings.isEmpty)
    }

    @Test(arguments: 0..<200) func `frames cut anywhere give the same`(_ run: Int) {
        var random = SplitMix(seed: UInt64(run))
        var stream: [UInt8] = []
        var wanted: [UInt8] = []
        var wantedPings: [UInt64] = []
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            if Bool.random(using: &random) {
                let ping = UInt64.random(in: .min ... .max, using: &random)
                stream += Self.pingHeader + (0..<8).map { UInt8(truncatingIfNeeded: ping >> (56 - 8 * $0)) }
                wantedPings.append(ping)
            } else {
                let length = Int.random(in: 0...300, using: &random)
                let type = UInt8.random(in: 0...9, using: &random)
                // Acknowledged, so that no frame made here is a PING request.
                let frame =
                    [0, UInt8(length >> 8), UInt8(length & 255), type, 1, 0, 0, 0, 5]
                    + (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                stream += frame
                wanted += frame
            }
        }
        var filter = PingFilter()
        var got: [UInt8] = []
        var gotPings: [UInt64] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let part = rest.prefix(Int.random(in: 1...20, using: &random))
            rest = rest.dropFirst(part.count)
            let (passing, pings) = filter.receive(ByteBuffer(bytes: part))
            got += passing.readableBytesView
            gotPings += pings
        }
        #expect(got == wanted, "seed \(run)")
        #expect(gotPings == wantedPings, "seed \(run)")
    }
}

/// Numbers that depend on the seed alone. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
