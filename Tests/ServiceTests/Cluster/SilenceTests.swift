import Model
import Testing

@testable import Cluster

/// When nodes count as silent, and how fast they are given up: with a clock of the tests' own.
@Suite struct SilenceTests {
    private let start = ContinuousClock().now
    private let tick = Duration.milliseconds(200)

    @Test func `time in which the manager could not listen is nobody's silence`() {
        var monitor = HeartbeatMonitor(listeningSince: start)
        var now = start
        for _ in 0..<10 {
            now += tick
            monitor.tick(at: now, every: tick, leader: "m")
        }
        let heard = now
        #expect(monitor.silence(since: heard, now: now + .seconds(3)) == .seconds(3))
        // Held up for ten seconds.
        now += .seconds(10) + tick
        monitor.tick(at: now, every: tick, leader: "m")
        #expect(monitor.silence(since: heard, now: now) == tick)
        now += tick
        monitor.tick(at: now, every: tick, leader: "m")
        #expect(monitor.silence(since: heard, now: now) == tick + tick)
        // Whoever was heard in the middle of it lost only the rest, and who was heard after it nothing.
        #expect(monitor.silence(since: heard + .seconds(5), now: now) == tick)
        #expect(monitor.silence(since: now, now: now + .seconds(2)) == .seconds(2))
        // A little late is on time.
        now += tick + .milliseconds(50)
        monitor.tick(at: now, every: tick, leader: "m")
        #expect(monitor.silence(since: heard, now: now) == tick * 3 + .milliseconds(50))
    }

    @Test func `after an election every node has a whole period`() {
        var monitor = HeartbeatMonitor(listeningSince: start)
        var live = LiveState()
        live.take(.snapshot(.init(values: [], revision: 1)))
        var node = Node(id: "n")
        node.membership = .init()
        node.membership?.session = .init(manager: "own", id: "s")
        monitor.tick(at: start, every: tick, leader: "first")
        #expect(monitor.lastSign(of: node, heardHere: start, live, own: "own", now: start + .seconds(9)) == start)
        monitor.tick(at: start + tick, every: tick, leader: nil)
        monitor.tick(at: start + tick * 2, every: tick, leader: "first")
        #expect(monitor.listening == start)
        monitor.tick(at: start + tick * 3, every: tick, leader: "second")
        let sign = monitor.lastSign(of: node, heardHere: start, live, own: "own", now: start + .seconds(9))
        #expect(sign == start + tick * 3)
    }

    @Test func `a few silent nodes are down at once, many one at a time, and who comes back in time stays`() {
        func silent(_ ids: Range<Int>) -> [String: ContinuousClock.Instant] {
            Dictionary(uniqueKeysWithValues: ids.map { ("n\($0)", start + .milliseconds($0)) })
        }
        let pause = Duration.seconds(10)
        var brake = MassSilenceBrake()
        #expect(brake.decide(silent: silent(0..<3), of: 9, pause: pause, now: start).down == ["n0", "n1", "n2"])
        #expect(brake.decide(silent: [:], of: 9, pause: pause, now: start) == MassSilenceBrake.Verdict())

        var now = start + .seconds(100)
        let first = brake.decide(silent: silent(0..<4), of: 9, pause: pause, now: now)
        #expect(first.down == ["n0"] && first.begins?.silent == 4 && first.begins?.nodes == 9)
        // Three of eight, two of seven: it is the same event still.
        now += .seconds(9)
        #expect(brake.decide(silent: silent(1..<4), of: 8, pause: pause, now: now) == MassSilenceBrake.Verdict())
        now += .seconds(1)
        let second = brake.decide(silent: silent(1..<4), of: 8, pause: pause, now: now)
        #expect(second.down == ["n1"] && second.begins == nil)
        now += pause
        #expect(brake.decide(silent: silent(3..<4), of: 7, pause: pause, now: now).down == ["n3"])
        // They are back: the next one that fails alone is down at once.
        #expect(brake.decide(silent: [:], of: 8, pause: pause, now: now).down.isEmpty)
        #expect(brake.decide(silent: silent(5..<6), of: 8, pause: pause, now: now).down == ["n5"])
    }

    @Test func `the only node of a small swarm that fails is down at once`() {
        var brake = MassSilenceBrake()
        let verdict = brake.decide(silent: ["n": start], of: 1, pause: .seconds(10), now: start)
        #expect(verdict.down == ["n"] && verdict.begins == nil)
    }
}
