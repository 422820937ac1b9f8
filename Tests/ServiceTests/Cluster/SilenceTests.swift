import Model
import Orchestration
import StateStore
import TestKit
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
        var brake = EvictionRateLimit()
        #expect(brake.decide(silent: silent(0..<3), of: 9, pause: pause, now: start).down == ["n0", "n1", "n2"])
        #expect(brake.decide(silent: [:], of: 9, pause: pause, now: start) == EvictionRateLimit.Verdict())

        var now = start + .seconds(100)
        let first = brake.decide(silent: silent(0..<4), of: 9, pause: pause, now: now)
        #expect(first.down == ["n0"] && first.begins?.silent == 4 && first.begins?.nodes == 9)
        // Three of eight, two of seven: it is the same event still.
        now += .seconds(9)
        #expect(brake.decide(silent: silent(1..<4), of: 8, pause: pause, now: now) == EvictionRateLimit.Verdict())
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
        var brake = EvictionRateLimit()
        let verdict = brake.decide(silent: ["n": start], of: 1, pause: .seconds(10), now: start)
        #expect(verdict.down == ["n"] && verdict.begins == nil)
    }

    // MARK: By deadline

    /// A manager that leads, beside others that are up.
    private func managers(leader: String, present: Set<String>) -> LiveState {
        var live = LiveState()
        func value(_ role: String, _ node: String) -> StoredValue {
            StoredValue(key: .leader(of: role), value: Array(node.utf8), createRevision: 1, modifyRevision: 1)
        }
        let values =
            [value(LiveKey.orchestration, leader)] + present.map { value(LiveKey.presence(of: $0), $0) }
        live.take(.snapshot(.init(values: values, revision: 1)))
        return live
    }

    private func node(_ id: String, of manager: String, session: String = "s") -> Node {
        var node = Node(id: id)
        node.status.state = .ready
        node.membership = .init()
        node.membership?.session = .init(manager: manager, id: session)
        return node
    }

    @Test(arguments: [10, 1000]) func `nodes that are heard are hardly looked at`(nodes: Int) {
        var state = SwarmState()
        var heard: [String: ContinuousClock.Instant] = [:]
        for number in 0..<nodes { state.nodes["n\(number)"] = node("n\(number)", of: "own") }
        var watch = FailureDetector("own", listeningSince: start)
        let (live, grace) = (managers(leader: "own", present: ["own"]), Duration.milliseconds(12_500))
        var now = start
        // A minute, in which each is heard every five seconds.
        for step in 1...300 {
            now += tick
            for number in 0..<nodes where (number + step) % 25 == 0 { heard["n\(number)"] = now }
            watch.monitor.tick(at: now, every: tick, leader: "own")
            let known = heard
            let verdict = watch.decide(
                .init(now: now, state: state, changed: [], live: live, grace: grace) { known[$0] })
            #expect(verdict == EvictionRateLimit.Verdict())
        }
        #expect(watch.looks <= 10 * nodes)
    }

    @Test func `as long as one is silent it is looked at, and the others are not`() {
        var state = SwarmState()
        let count = 1000
        for number in 0..<count { state.nodes["n\(number)"] = node("n\(number)", of: "own") }
        var watch = FailureDetector("own", listeningSince: start)
        let (live, grace) = (managers(leader: "own", present: ["own"]), Duration.milliseconds(2500))
        var now = start
        var verdicts: [[String]] = []
        var looks = 0
        // Five seconds, in which all but one are heard in each tick; the store does not take that it is down.
        for step in 1...25 {
            now += tick
            watch.monitor.tick(at: now, every: tick, leader: "own")
            if step == 15 { looks = watch.looks }
            let moment = FailureDetector.Moment(now: now, state: state, changed: [], live: live, grace: grace) {
                [now, start] in $0 == "n7" ? start : now
            }
            verdicts.append(watch.decide(moment).down)
        }
        #expect(verdicts.first { !$0.isEmpty } == ["n7"] && verdicts.last == ["n7"])
        // Each of the others at most once more, in its turn.
        #expect(watch.looks - looks <= count + 25)
        // It is heard again.
        watch.monitor.tick(at: now + tick, every: tick, leader: "own")
        let back = watch.decide(
            .init(now: now + tick, state: state, changed: [], live: live, grace: grace) { [now] _ in now })
        #expect(back == EvictionRateLimit.Verdict())
    }

    /// Looks at all nodes in each tick.
    private struct WholeWatch {
        var monitor: HeartbeatMonitor
        var brake = EvictionRateLimit()

        mutating func decide(_ moment: FailureDetector.Moment) -> EvictionRateLimit.Verdict {
            var silent: [String: ContinuousClock.Instant] = [:]
            var count = 0
            for node in moment.state.nodes.values where node.status.state != .down {
                let last = monitor.lastSign(
                    of: node, heardHere: moment.heard(node.id), moment.live, own: "own", now: moment.now)
                guard let last else { continue }
                count += 1
                if monitor.silence(since: last, now: moment.now) > moment.grace { silent[node.id] = last }
            }
            return brake.decide(silent: silent, of: count, pause: moment.grace, now: moment.now)
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `whoever is silent is found as by looking at all nodes in each tick`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        func chance(_ whole: Int) -> Bool { Int.random(in: 0..<whole, using: &random) == 0 }
        var state = SwarmState()
        for number in 0..<12 {
            let manager = number < 8 ? "own" : "other"
            state.nodes["n\(number)"] = node("n\(number)", of: manager)
        }
        var heard: [String: ContinuousClock.Instant] = [:]
        var mute: Set<String> = []
        var watch = FailureDetector("own", listeningSince: start)
        var whole = WholeWatch(monitor: HeartbeatMonitor(listeningSince: start))
        var now = start
        var (leader, present) = ("own", Set(["own", "other"]))
        var grace = Duration.milliseconds(2500)
        var down = 0
        for step in 0..<6000 {
            now += chance(60) ? .milliseconds(Int.random(in: 300...4000, using: &random)) : tick
            var changed: Set<String> = []
            for id in state.nodes.keys.sorted() {
                if chance(400) { if mute.contains(id) { mute.remove(id) } else { mute.insert(id) } }
                if !mute.contains(id), chance(4) {
                    heard[id] = now
                    if state.nodes[id]?.status.state == .down {
                        state.nodes[id]?.status.state = .ready
                        changed.insert(id)
                    }
                }
                if chance(2000) {
                    state.nodes[id] = node(id, of: chance(2) ? "own" : "other", session: "\(step)")
                    changed.insert(id)
                }
            }
            if chance(300) { leader = leader == "own" ? "other" : "own" }
            if chance(300) { present.formSymmetricDifference(["other"]) }
            if chance(500) { grace = .milliseconds(Int.random(in: 1000...5000, using: &random)) }
            if chance(500) {
                watch.monitor.listening = now
                whole.monitor.listening = now
            }
            watch.monitor.tick(at: now, every: tick, leader: leader)
            whole.monitor.tick(at: now, every: tick, leader: leader)
            let known = heard
            let moment = FailureDetector.Moment(
                now: now, state: state, changed: changed, live: managers(leader: leader, present: present), grace: grace
            ) { known[$0] }
            let (some, all) = (watch.decide(moment), whole.decide(moment))
            guard some == all else {
                Issue.record("step \(step): \(some) and \(all)")
                return
            }
            for id in some.down {
                state.nodes[id]?.status.state = .down
                down += 1
            }
        }
        #expect(down > 20)
    }
}
