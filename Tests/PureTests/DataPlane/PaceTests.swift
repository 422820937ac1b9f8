import TestKit
import Testing

@testable import DataPlane

@Suite struct PaceTests {
    private let start = ContinuousClock.now
    private let slow = Scope.sandbox("slow")
    private let quick = Scope.sandbox("quick")

    @Test func `a namespace that takes long to look at rests ten times as long, and nothing heard of it is lost`() {
        var pace = Pace()
        pace.note(slow, took: .seconds(1), at: start)
        pace.note(quick, took: .milliseconds(5), at: start)
        pace.note(.node, took: .seconds(5), at: start)
        let admitted = pace.admit([slow, quick, .node], at: start)
        #expect(admitted == [quick, .node])
        let due = [9, 10, 11].map { pace.takeDue(at: start + .seconds($0)) }
        #expect(due == [[], [slow], []])
        // It is as quick as others by now.
        pace.note(slow, took: .milliseconds(5), at: start + .seconds(12))
        let again = pace.admit([slow], at: start + .seconds(12))
        #expect(again == [slow])
    }

    @Test func `comparisons of everything leave time for something else`() {
        var pace = Pace()
        let first = pace.admitAll(at: start)
        pace.noteAll(took: .milliseconds(300), at: start)
        let second = pace.admitAll(at: start + .seconds(1))
        #expect(first && !second)
        let due = [2, 3].map { pace.takeDue(at: start + .seconds($0)) }
        #expect(due == [[], nil])
    }

    @Test func `what is gone is forgotten`() {
        var pace = Pace()
        pace.note(slow, took: .seconds(1), at: start)
        _ = pace.admit([slow], at: start)
        pace.forget(allBut: [quick])
        let due = pace.takeDue(at: start + .seconds(20))
        let admitted = pace.admit([slow], at: start)
        #expect(due == [] && admitted == [slow])
    }

    @Test func `looks are followed at once until a tenth of the time is used, and always when it was quiet before`() {
        var debt = RestDebt(at: start)
        var now = start
        func look() -> Duration {
            now += .milliseconds(50)
            return debt.rest(after: .milliseconds(50), at: now)
        }
        let first = (0..<4).map { _ in look() }
        #expect(first == Array(repeating: .zero, count: 4))
        var (looked, rested) = (Duration.zero, Duration.zero)
        for _ in 0..<100 {
            let rest = look()
            #expect(rest <= .milliseconds(500))
            looked += .milliseconds(50)
            rested += rest
            now += rest
        }
        #expect(rested > looked * 8 && rested < looked * 10)
        now += .seconds(3)
        let later = look()
        #expect(later == .zero)
        // One that takes long owes no more than the longest rest.
        now += .seconds(60)
        let longest = debt.rest(after: .seconds(60), at: now)
        #expect(longest == .milliseconds(500))
    }

    // MARK: what nothing was heard of

    @Test(arguments: [Duration.microseconds(20), .milliseconds(1), .milliseconds(30), .seconds(2)])
    func `looking though nothing was heard takes half a hundredth of a processor, less among many`(longest: Duration) {
        var random = SeededGenerator(seed: 1)
        var (passed, used) = (Duration.zero, Duration.zero)
        while passed < .seconds(3600) {
            // Each takes as long as it takes, and the next is due at once.
            let comparison = longest * Double.random(in: 0.01...1, using: &random)
            used += comparison
            passed += comparison + SweepBudget.rest(after: comparison)
        }
        // Beside that, all the time that probes may take.
        func probing(_ others: Int) -> Duration {
            SweepBudget.probeTime(others: others) * (passed / SweepBudget.probeInterval)
        }
        #expect(used + probing(3) < passed * 0.005)
        #expect(used + probing(300) < passed * 0.0022)
    }

    @Test func `nearly three hundred namespaces are gone round in their time where each takes a millisecond`() {
        let one = Duration.milliseconds(1)
        #expect((one + SweepBudget.rest(after: one)) * 299 < SweepBudget.interval)
    }

    @Test func `the time for probes is the same among few, and shrinks among more to a bound`() {
        let times = [0, 1, 24, 48, 64, 300, 100_000].map { SweepBudget.probeTime(others: $0) }
        #expect(times == [8, 8, 8, 4, 3, 3, 3].map { Duration.milliseconds($0) })
    }

    @Test func `who was compared longest ago is compared next, and before them who never was`() {
        var rounds = Rounds()
        rounds.note([slow], at: start)
        rounds.note([quick], at: start + .seconds(1))
        let oldest = rounds.next(among: [quick, slow])
        #expect(oldest?.scope == slow && oldest?.seen == start)
        let never = rounds.next(among: [quick, slow, .node])
        #expect(never?.scope == .node && never?.seen == nil)
        let nobody = rounds.next(among: [Scope]())
        #expect(nobody?.scope == nil)
    }

    @Test func `everybody has a turn in each round, whoever comes and goes, and who was not looked at is next`() {
        var turns = Rotation()
        var scopes = Set((0..<10).map { Scope.sandbox("\($0)") })
        /// Takes four, of which there is time for three.
        func look() -> [Scope] {
            let taken = turns.take(4, among: scopes)
            #expect(Set(taken).count == taken.count && scopes.isSuperset(of: taken))
            turns.note(Array(taken.prefix(3)), putBack: Array(taken.dropFirst(3)))
            return Array(taken.prefix(3))
        }
        let first = (0..<3).flatMap { _ in look() }
        #expect(Set(first).count == 9)
        // The tenth, and the round begins again in the same order.
        let fourth = look()
        #expect(Set(fourth.prefix(1)) == scopes.subtracting(first))
        #expect(Array(fourth.dropFirst()) == Array(first.prefix(2)))
        // Who goes has no turn any more, and who comes has one.
        scopes.subtract(first[3...4])
        scopes.insert(.ingress)
        let next = (0..<6).flatMap { _ in look() }
        #expect(Set(next) == scopes)
        let all = turns.take(100, among: scopes)
        #expect(all.count == scopes.count && Set(all) == scopes)
        // Of those nobody has told: they come again.
        let again = turns.take(100, among: scopes)
        #expect(again.count == scopes.count && Set(again) == scopes)
        let none = turns.take(5, among: [Scope]())
        #expect(none.isEmpty)
    }

    @Test func `probes end with the time that they have, and one is always looked at`() async throws {
        let probes = ["a", "b", "c"].map { DriftProbe(scope: .sandbox($0), namespace: nil, parameters: [:]) }
        let short = try await DriftProbe.take(probes, within: .zero)
        #expect(short.looked == [.sandbox("a")])
        let both = try await DriftProbe.take(first: Array(probes.prefix(2)), Array(probes.suffix(1)), within: .zero)
        #expect(both.looked == [.sandbox("c")])
        let long = try await DriftProbe.take(probes, within: .seconds(60))
        #expect(long.looked.count == 3 && long.changed.isEmpty)
    }
}
