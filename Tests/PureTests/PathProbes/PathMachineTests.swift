import Addressing
import EngineInterface
import Testing

@testable import PathProbes

/// A network between one node and others, with a clock of its own.
private struct PlayedNetwork {
    var machine: PathMachine
    var now: ContinuousClock.Instant
    let start: ContinuousClock.Instant
    var sent: [(time: Duration, probe: PathMachine.Probe)] = []
    /// What the way does to a probe: `nil` when it is lost.
    var answer: (PathMachine.Probe) -> (isDamaged: Bool, delay: Duration)? = { _ in (false, .milliseconds(2)) }

    init(
        peers: Int, linkMTU: Int = 1500, shared: Int = .max, kind: PathKind = .vxlan,
        pace: PathMachine.Pace = PathMachine.Pace()
    ) {
        start = ContinuousClock.now
        now = start
        machine = PathMachine(kind: kind, own: IPAddress(192, 0, 2, 254), linkMTU: linkMTU, pace: pace)
        machine.set(Self.targets(peers, shared: shared), at: now)
    }

    static func targets(_ count: Int, shared: Int = .max) -> [PathTarget] {
        (0..<count).map { number in
            PathTarget(
                id: "n\(1000 + number)", address: IPAddress(198, 18, UInt8(number / 200), UInt8(number % 200)),
                isShared: number < shared)
        }
    }

    mutating func run(_ time: Duration) {
        let end = now + time
        var arrivals: [(at: ContinuousClock.Instant, probe: PathMachine.Probe, isDamaged: Bool)] = []
        func due() -> ContinuousClock.Instant { min(machine.wake ?? end, arrivals.map(\.at).min() ?? end) }
        while due() < end {
            now = max(now, due())
            var probes = machine.advance(to: now)
            let arrived = arrivals.filter { $0.at <= now }
            arrivals.removeAll { $0.at <= now }
            for arrival in arrived {
                let frame = ProbeFrame(
                    .answer, nonce: arrival.probe.frame.nonce, size: arrival.probe.frame.size,
                    isDamaged: arrival.isDamaged)
                probes += machine.take(frame, from: arrival.probe.to, isDamaged: false, at: now)
            }
            for probe in probes {
                sent.append((now - start, probe))
                if let (isDamaged, delay) = answer(probe) { arrivals.append((now + delay, probe, isDamaged)) }
            }
        }
        now = end
    }

    var measurements: [PathMeasurement] { machine.measurements(at: now, seconds: 1000) }
    var first: PathMeasurement? { measurements.first }
}

@Suite struct PathMachineTests {
    @Test func `a healthy path is well, and its figures are told`() throws {
        var network = PlayedNetwork(peers: 1)
        network.run(.seconds(60))
        let found = try #require(network.first)
        #expect(found.findings == [])
        #expect(found.mtu == 1500)
        #expect(found.roundTripMicroseconds == 2000)
        #expect(found.lossPermille == 0)
        #expect(found.peer == "n1000")
        // Six visits of three probes each.
        #expect((15...24).contains(network.sent.count))
    }

    @Test func `a path that carries nothing is found within thirty seconds, and so is its recovery`() throws {
        var network = PlayedNetwork(peers: 1)
        network.run(.seconds(25))
        network.answer = { _ in nil }
        network.run(.seconds(30))
        let ill = try #require(network.first)
        #expect(ill.findings == .silent)
        #expect(ill.lossPermille == 1000)
        #expect(ill.roundTripMicroseconds == nil)
        #expect(ill.mtu == nil)
        network.answer = { _ in (false, .milliseconds(3)) }
        network.run(.seconds(12))
        #expect(try #require(network.first).findings.contains(.silent) == false)
        network.run(.seconds(200))
        #expect(try #require(network.first).findings == [])
    }

    @Test(arguments: [(1500, 1400), (1500, 1499), (9000, 1500), (1500, 576), (1280, 1279)])
    func `the length that passes is found exactly`(_ link: Int, _ passing: Int) throws {
        var network = PlayedNetwork(peers: 1, linkMTU: link)
        network.answer = { $0.frame.size <= passing ? (false, .milliseconds(1)) : nil }
        network.run(.seconds(30))
        let found = try #require(network.first)
        #expect(found.mtu == passing)
        #expect(found.findings == .narrow)
        // It is not looked for again and again.
        let before = network.sent.count
        network.run(.seconds(100))
        #expect(network.sent.count - before <= 44)
        #expect(try #require(network.first).mtu == passing)
        // The way is mended.
        network.answer = { _ in (false, .milliseconds(1)) }
        network.run(.seconds(21))
        #expect(try #require(network.first).mtu == link)
        #expect(try #require(network.first).findings == [])
    }

    @Test func `a way that becomes narrower still is measured again`() throws {
        var network = PlayedNetwork(peers: 1)
        network.answer = { $0.frame.size <= 1400 ? (false, .milliseconds(1)) : nil }
        network.run(.seconds(30))
        network.answer = { $0.frame.size <= 1300 ? (false, .milliseconds(1)) : nil }
        network.run(.seconds(30))
        #expect(try #require(network.first).mtu == 1300)
    }

    @Test func `another length of the link is followed at once`() throws {
        var network = PlayedNetwork(peers: 1)
        network.run(.seconds(15))
        network.machine.set(linkMTU: 9000, at: network.now)
        network.run(.seconds(3))
        #expect(try #require(network.first).mtu == 9000)
        #expect(try #require(network.first).linkMTU == 9000)
    }

    @Test func `checksums that devices spoil are found, whether they damage or lose the packet`() throws {
        for isLost in [false, true] {
            var network = PlayedNetwork(peers: 1)
            network.answer = { probe in
                probe.leavesChecksum ? isLost ? nil : (true, .milliseconds(1)) : (false, .milliseconds(1))
            }
            network.run(.seconds(60))
            let found = try #require(network.first)
            #expect(found.findings == .checksums, "lost: \(isLost)")
            #expect(found.mtu == 1500)
            network.answer = { _ in (false, .milliseconds(1)) }
            network.run(.seconds(15))
            #expect(try #require(network.first).findings == [])
        }
    }

    @Test func `of an encrypted way checksums are no matter, but its lengths are`() throws {
        var network = PlayedNetwork(peers: 1, kind: .esp)
        network.run(.seconds(60))
        #expect(try #require(network.first).kind == .esp)
        #expect(try #require(network.first).findings == [])
        #expect(network.sent.allSatisfy { !$0.probe.leavesChecksum })
        #expect(Set(network.sent.map(\.probe.frame.size)) == [ProbeFrame.smallest(.v4, .esp), 1500])
        // The full length is lost now and then, and passes when it is sent again.
        var count = 0
        network.answer = { probe in
            if probe.frame.size < 1500 { return (false, .milliseconds(1)) }
            count += 1
            return count % 2 == 1 ? nil : (false, .milliseconds(1))
        }
        network.run(.seconds(120))
        #expect(try #require(network.first).findings == [])
        network.answer = { $0.frame.size <= 1400 ? (false, .milliseconds(1)) : nil }
        network.run(.seconds(60))
        #expect(try #require(network.first).findings == .narrow && network.first?.mtu == 1400)
    }

    @Test func `some loss is told as such`() throws {
        var network = PlayedNetwork(peers: 1)
        var count = 0
        network.answer = { _ in
            count += 1
            return count % 5 == 0 ? nil : (false, .milliseconds(1))
        }
        network.run(.seconds(300))
        let found = try #require(network.first)
        #expect(found.findings.contains(.lossy))
        #expect((50...400).contains(found.lossPermille))
        #expect(!found.findings.contains(.silent))
        #expect(found.mtu == 1500)
    }

    @Test func `what a node sends does not grow with the number of its peers`() {
        func rate(_ peers: Int) -> Int {
            var network = PlayedNetwork(peers: peers)
            network.run(.seconds(100))
            return network.sent.count
        }
        #expect(rate(64) <= 1020)
        #expect(rate(400) <= 1020)
        // All silent: no more.
        var silent = PlayedNetwork(peers: 64)
        silent.answer = { _ in nil }
        silent.run(.seconds(100))
        #expect(silent.sent.count <= 1020)
    }

    @Test func `of more peers than fit into a round each has its turn`() {
        var network = PlayedNetwork(peers: 64, shared: 8)
        network.run(.seconds(60))
        #expect(network.measurements.count == 64)
    }

    @Test func `an answer that nobody asked for changes nothing`() {
        var network = PlayedNetwork(peers: 2)
        network.answer = { _ in nil }
        network.run(.seconds(5))
        let questions = network.sent.map(\.probe)
        let unknown = ProbeFrame(.answer, nonce: .random(), size: 1500)
        for probe in questions {
            #expect(network.machine.take(unknown, from: probe.to, isDamaged: false, at: network.now) == [])
        }
        // Nor does one from a third node, or one that comes too late.
        for probe in questions {
            let answer = ProbeFrame(.answer, nonce: probe.frame.nonce, size: 1500)
            _ = network.machine.take(
                answer, from: ProbeFrame.station(of: IPAddress(203, 0, 113, 1)), isDamaged: false, at: network.now)
        }
        #expect(network.measurements.allSatisfy { $0.roundTripMicroseconds == nil })
    }

    @Test func `members alone are answered, with no more than they have sent`() throws {
        var network = PlayedNetwork(peers: 1)
        let question = ProbeFrame(.question, nonce: .random(), size: 1500)
        let member = ProbeFrame.station(of: PlayedNetwork.targets(1)[0].address)
        let answers = network.machine.take(question, from: member, isDamaged: true, at: network.now)
        #expect(answers.map(\.frame.isDamaged) == [true])
        #expect(answers.map(\.frame.nonce) == [question.nonce])
        #expect(answers.map(\.to) == [member])
        let unknown = ProbeFrame.station(of: IPAddress(203, 0, 113, 1))
        #expect(network.machine.take(question, from: unknown, isDamaged: false, at: network.now) == [])
        network.run(.seconds(5))
        #expect(try #require(network.first).isHeard)
    }

    @Test func `those with whom networks are shared come first, then the next ones in the ring`() {
        func target(_ name: String, _ net: UInt8, _ number: UInt8, isShared: Bool = false) -> PathTarget {
            PathTarget(id: name, address: IPAddress(10, 0, net, number), isShared: isShared)
        }
        let nodes = (UInt8(0)..<10).map { target("n\($0)", 0, $0, isShared: [1, 8].contains($0)) }
        #expect(PathTarget.choose(nodes, for: "n5", most: 5).map(\.id) == ["n8", "n1", "n6", "n7", "n9"])
        // Each node is measured by as many as it measures.
        let equal = (UInt8(0)..<100).map { target("m\(100 + $0)", 1, $0) }
        let chosen: [String] = equal.flatMap { PathTarget.choose(equal, for: $0.id, most: 7).map(\.id) }
        let choices: [String: [String]] = Dictionary(grouping: chosen) { $0 }
        #expect(choices.values.allSatisfy { $0.count == 7 })
    }
}
