import Model
import TestKit
import Testing

@testable import Telemetry

/// What the kernel's files say.
@Suite struct ProbeTextTests {
    private func bytes<T>(_ text: String, _ body: (UnsafeRawBufferPointer) -> T) -> T {
        Array(text.utf8).withUnsafeBytes(body)
    }

    @Test func `interfaces are read with all eight counters, without the loopback`() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:  100      10    0    0    0     0          0         0      100      10    0    0    0     0       0          0
              eth0: 1234567 890    1    2    0     0          0         0  7654321     987    3    4    0     0       0          0
            eth1.5:9    1    0    0    0     0          0         0  8     1    0    0    0     0       0          0
            """
        let found = bytes(text) { ProcessProbe.interfaces($0) }
        #expect(found.map(\.interface) == ["eth0"])
        let eth0 = found[0]
        #expect(
            [eth0.receivedBytes, eth0.receivedPackets, eth0.receiveErrors, eth0.receiveDrops] == [1_234_567, 890, 1, 2])
        #expect([eth0.sentBytes, eth0.sentPackets, eth0.sendErrors, eth0.sendDrops] == [7_654_321, 987, 3, 4])
    }

    @Test func `connections are found by their titles`() {
        let text = """
            Ip: Forwarding DefaultTTL
            Ip: 1 64
            Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs
            Tcp: 1 200 120000 -1 180410 30719 148392 9817 5 1436061 1403761 5431
            Udp: InDatagrams
            Udp: 1
            """
        #expect(
            bytes(text) { ProcessProbe.tcp($0) }
                == ProcessProbe.TCP(opened: 180_410, accepted: 30_719, established: 5, retransmits: 5431))
        #expect(bytes("Tcp: ActiveOpens\n") { ProcessProbe.tcp($0) } == ProcessProbe.TCP())
    }

    @Test func `pressure is told in totals`() {
        let text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n"
        let totals = bytes(text) { PressureText.totals($0) }
        #expect(totals.some == 123 && totals.full == 45)
    }

    @Test(arguments: Array(UInt64(1)...200)) func `whatever is in a file, it is read to its end`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let words = [
            "Tcp:", "some", "total=", "99999999999999999999999", "-1", "eth0:", "\n", " ", "\t", "7", "cpu", "é",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...80, using: &random) { text += words.randomElement(using: &random) ?? "" }
        let noise = Array(text.utf8) + random.bytes(upTo: 20)
        noise.withUnsafeBytes {
            _ = ProcessProbe.interfaces($0)
            _ = ProcessProbe.tcp($0)
            _ = PressureText.totals($0)
        }
    }

    @Test func `samples are taken on the clock's grid`() {
        #expect(
            NodeTelemetry.untilNext(Timestamp(seconds: 1_700_000_003, nanoseconds: 500_000_000)) == .milliseconds(6500))
        #expect(NodeTelemetry.untilNext(Timestamp(seconds: 1_700_000_000)) == .seconds(10))
        #expect(NodeTelemetry.untilNext(Timestamp(seconds: -3)) == .seconds(3))
    }
}
