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
}
