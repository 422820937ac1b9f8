import Addressing
import Testing

@testable import PathProbes

@Suite struct ProbeFrameTests {
    private let from = ProbeFrame.station(of: IPAddress(192, 0, 2, 1))
    private let to = ProbeFrame.station(of: IPAddress(192, 0, 2, 2))
    private let nonce = ProbeNonce(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)

    private func frame(_ size: Int = 1500) -> ProbeFrame { ProbeFrame(.question, nonce: nonce, size: size) }

    @Test(arguments: [0, 68, 69, 1464, 1465]) func `a frame is read as it was written, of any length`(_ length: Int)
        throws
    {
        let bytes = frame().bytes(from: from, to: to, length: length, leavesChecksum: false)
        #expect(bytes.count == max(length, ProbeFrame.shortest))
        let read = try #require(ProbeFrame.read(bytes[...], hasChecksum: true))
        #expect(read.frame == frame())
        #expect(read.from == from)
        #expect(!read.isDamaged)
        #expect(Array(bytes.prefix(6)) == to.octets)
    }

    @Test func `a wrong checksum is seen, and one that was never computed is not looked at`() throws {
        var bytes = frame().bytes(from: from, to: to, length: 200, leavesChecksum: false)
        bytes[bytes.count - 1] ^= 1
        #expect(try #require(ProbeFrame.read(bytes[...], hasChecksum: true)).isDamaged)
        #expect(!(try #require(ProbeFrame.read(bytes[...], hasChecksum: false)).isDamaged))
    }

    @Test func `a device that completes the checksum makes it right`() throws {
        var bytes = frame().bytes(from: from, to: to, length: 301, leavesChecksum: true)
        #expect(try #require(ProbeFrame.read(bytes[...], hasChecksum: true)).isDamaged)
        // As the kernel does it: skb_checksum_help().
        let sum = ProbeChecksum.of(bytes[ProbeFrame.checksumStart...])
        let place = ProbeFrame.checksumStart + ProbeFrame.checksumOffset
        bytes.replaceSubrange(place..<place + 2, with: sum.octets)
        #expect(!(try #require(ProbeFrame.read(bytes[...], hasChecksum: true)).isDamaged))
    }

    @Test func `what is encrypted fills the link as its overlays do, and frames without checksums are read`() throws {
        for (link, family, inner) in [
            (1500, IPFamily.v4, 1408), (1500, .v6, 1388), (1501, .v4, 1408), (1503, .v4, 1408), (1504, .v4, 1412),
        ] {
            #expect(ProbeFrame.inner(link, family, .esp) == inner, "\(link) \(family)")
        }
        #expect(ProbeFrame.inner(1500, .v4, .vxlan) == 1450 && ProbeFrame.inner(1500, .v6, .vxlan) == 1430)
        let bytes = frame().bytes(from: from, to: to, length: 1422, leavesChecksum: false, hasChecksum: false)
        #expect(bytes[40] == 0 && bytes[41] == 0)
        let read = try #require(ProbeFrame.read(bytes[...], hasChecksum: false))
        #expect(read.frame == frame() && !read.isDamaged)
    }

    @Test func `what is cut, or something else, is no probe`() {
        let bytes = frame().bytes(from: from, to: to, length: 300, leavesChecksum: false)
        for length in 0..<300 { #expect(ProbeFrame.read(bytes.prefix(length), hasChecksum: true) == nil) }
        for place in [12, 14, 23, 42, 46, 47] {
            var other = bytes
            other[place] ^= 0xff
            #expect(ProbeFrame.read(other[...], hasChecksum: true) == nil, "octet \(place)")
        }
    }

    @Test func `nodes have stations of their own, in both families`() throws {
        let six = try ["fd00::1", "fd00::2", "2001:db8::1"].map { try #require(IPAddress($0)) }
        let all = [from, to] + six.map { ProbeFrame.station(of: $0) }
        #expect(Set(all).count == all.count)
        #expect(all.allSatisfy { $0.octets[0] & 3 == 2 })
    }
}
