import Testing

@testable import Cluster

/// How often one node may ask a manager for what costs it something, by a clock of the test's own.
@Suite struct NodePaceTests {
    private struct Rule {
        let name: String
        let member: WritableKeyPath<NodePace, Allowance>
        let burst: Int
        /// Until the next one, once all are taken.
        let pause: Duration
    }

    private static var rules: [Rule] {
        [
            Rule(name: "sessions", member: \.sessions, burst: 20, pause: .seconds(2)),
            Rule(name: "messages", member: \.messages, burst: 30, pause: .milliseconds(200)),
            Rule(name: "descriptions", member: \.descriptions, burst: 5, pause: .seconds(10)),
            Rule(name: "encryption", member: \.encryption, burst: 20, pause: .seconds(2)),
            Rule(name: "streams", member: \.streams, burst: 20, pause: .seconds(2)),
            Rule(name: "updates", member: \.updates, burst: 100, pause: .milliseconds(200)),
            Rule(name: "renewals", member: \.renewals, burst: 20, pause: .seconds(4)),
        ]
    }

    /// How many of a thousand that are asked for at once are given.
    private func taken(_ pace: inout NodePace, _ rule: Rule, at now: ContinuousClock.Instant) -> Int {
        var count = 0
        for _ in 0..<1_000 where pace[keyPath: rule.member].take(at: now) { count += 1 }
        return count
    }

    @Test func `so many are taken at once, then one after each pause`() {
        let begun = ContinuousClock.now
        for rule in Self.rules {
            var pace = NodePace(at: begun)
            #expect(taken(&pace, rule, at: begun) == rule.burst, "\(rule.name)")
            // A moment before its time there is none, and a clock that stands still or goes back gives none.
            for early in [begun, begun - .seconds(3_600), begun + rule.pause * 0.9] {
                #expect(taken(&pace, rule, at: early) == 0, "\(rule.name)")
            }
            var now = begun + rule.pause * 1.01
            for _ in 0..<50 {
                let wait = pace[keyPath: rule.member].pause(at: now)
                let count = taken(&pace, rule, at: now)
                #expect(wait == .zero && count == 1, "\(rule.name): \(count) after \(wait)")
                now += rule.pause * 1.01
            }
            // What was not asked for is not saved up beyond the burst.
            #expect(taken(&pace, rule, at: now + .seconds(86_400)) == rule.burst, "\(rule.name)")
        }
    }

    @Test func `what a node has asked for too often stops nothing else`() {
        let begun = ContinuousClock.now
        for rule in Self.rules {
            var pace = NodePace(at: begun)
            _ = taken(&pace, rule, at: begun)
            for other in Self.rules where other.name != rule.name {
                let isFull = pace[keyPath: other.member].isFull(at: begun)
                #expect(isFull, "\(other.name) after \(rule.name)")
            }
        }
    }

    @Test func `every pace of a node is one of these`() {
        let names = Mirror(reflecting: NodePace(at: .now)).children.compactMap(\.label)
        #expect(Set(names) == Set(Self.rules.map(\.name)))
    }
}
