import Addressing
import Testing

@testable import ESP

/// Congestion marks (RFC 6040), and answers to who asks for an endpoint's address.
@Suite struct MarksAndNeighboursTests {
    private func admit(_ inner: UInt8, _ outer: Int, isV6: Bool) -> UInt8? {
        var frame = PlayedFrame()
        (frame.isV6, frame.trafficClass, frame.payload) = (isV6, 0xb8 | inner, [1, 2])
        var bytes = frame.bytes()
        return bytes.withUnsafeMutableBytes { room -> UInt8? in
            let start = room.baseAddress!
            guard CongestionMarks.admit(start, room.count, outer: outer) else { return nil }
            #expect(Played.isSound(Array(room)))
            let whole = isV6 ? start.short(14) >> 4 & 0xff : start.octet(15)
            #expect(whole & 0xfc == 0xb8, "the rest of the class stays")
            return UInt8(CongestionMarks.inner(start, room.count))
        }
    }

    @Test(arguments: [false, true]) func `marks are combined as the table says`(_ isV6: Bool) {
        // Rows: not capable, ECT(1), ECT(0), CE inside; columns the same outside. Figure 4 of RFC 6040.
        let table: [[UInt8?]] = [[0, 0, 0, nil], [1, 1, 1, 3], [2, 1, 2, 3], [3, 3, 3, 3]]
        for inner in UInt8(0)...3 {
            for outer in 0...3 { #expect(admit(inner, outer, isV6: isV6) == table[Int(inner)][outer]) }
        }
    }

    @Test func `what is no IP has no mark`() {
        var arp = [UInt8](repeating: 0, count: 60)
        (arp[12], arp[13]) = (8, 6)
        arp.withUnsafeMutableBytes {
            #expect(CongestionMarks.inner($0.baseAddress!, 60) == 0)
            #expect(CongestionMarks.admit($0.baseAddress!, 60, outer: 3))
        }
    }

    private func answered(_ frame: [UInt8], mac: UInt64) -> (NeighbourAnswers.Question, [UInt8])? {
        var frame = frame
        var room = [UInt8](repeating: 0, count: NeighbourAnswers.longest)
        return frame.withUnsafeMutableBytes { frame in
            guard let question = NeighbourAnswers.question(frame.baseAddress!, frame.count) else { return nil }
            let length = room.withUnsafeMutableBytes {
                NeighbourAnswers.write($0.baseAddress!, to: frame.baseAddress!, question: question, from: mac)
            }
            return (question, Array(room.prefix(length)))
        }
    }

    @Test func `an ARP request is answered`() throws {
        let request = EncapsulationTests.bytes(
            "ffffffffffff02420a00000108060001080006040001" + "02420a0000010a000001" + "0000000000000a000002")
        let (question, answer) = try #require(answered(request, mac: 0x0242_0a00_0002))
        #expect(question == NeighbourAnswers.Question(IPAddress(10, 0, 0, 2)))
        #expect(
            answer
                == EncapsulationTests.bytes(
                    "02420a00000102420a00000208060001080006040002" + "02420a0000020a000002" + "02420a0000010a000001"))
        var probe = request
        for at in 28..<32 { probe[at] = 0 }
        #expect(
            answered(probe, mac: 1) == nil, "who only looks whether an address is free is not told that it is not")
        #expect(answered(Array(request.prefix(41)), mac: 1) == nil)
    }

    @Test func `a neighbour solicitation is answered`() throws {
        // Of fd00::1 for fd00::2, with the asker's link-layer address.
        let asked = "fd000000000000000000000000000002"
        let asker = "fd000000000000000000000000000001"
        let solicitation = EncapsulationTests.bytes(
            "3333ff00000202420a00000186dd6000000000203aff" + asker + "ff0200000000000000000001ff000002"
                + "8700000000000000" + asked + "010102420a000001")
        let (question, answer) = try #require(answered(solicitation, mac: 0x0242_0a00_0002))
        #expect(question == NeighbourAnswers.Question(try #require(IPAddress("fd00::2"))))
        let body = "02420a00000102420a00000286dd6000000000203aff" + asked + asker
        #expect(answer.count == 86 && Array(answer.prefix(54)) == EncapsulationTests.bytes(body))
        #expect(Array(answer.dropFirst(58)) == EncapsulationTests.bytes("60000000" + asked + "020102420a000002"))
        #expect(answer[54] == 136 && Played.isSound(answer))
    }
}
