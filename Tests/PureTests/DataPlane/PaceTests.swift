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
    func `looking though nothing was heard takes less than a hundredth of a processor`(longest: Duration) {
        var random = SeededGenerator(seed: 1)
        var (passed, used) = (Duration.zero, Duration.zero)
        while passed < .seconds(3600) {
            // Each takes as long as it takes, and the next is due at once.
            let comparison = longest * Double.random(in: 0.01...1, using: &random)
            used += comparison
            passed += comparison + SweepBudget.rest(after: comparison)
        }
        // Beside that, all the time that probes may take.
        used += SweepBudget.probeTime * (passed / SweepBudget.probeInterval)
        #expect(used < passed * 0.01)
    }

    @Test func `nine hundred namespaces are gone round in their time where each takes a millisecond`() {
        let one = Duration.milliseconds(1)
        #expect((one + SweepBudget.rest(after: one)) * 900 < SweepBudget.interval)
    }

    @Test func `probes end with the time that they have, and one is always looked at`() async throws {
        let probes = ["a", "b", "c"].map { DriftProbe(scope: .sandbox($0), namespace: nil, parameters: [:]) }
        let short = try await DriftProbe.take(probes, within: .zero)
        #expect(short.looked == [.sandbox("a")])
        let long = try await DriftProbe.take(probes, within: .seconds(60))
        #expect(long.looked.count == 3 && long.changed.isEmpty)
    }
}
