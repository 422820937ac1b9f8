import Model
import TestKit
import Testing

@testable import Orchestration

@Suite struct PlanTimersTests {
    private func time(_ seconds: Int) -> Timestamp { Timestamp(seconds: Int64(seconds)) }

    /// Looks at all timers.
    private struct All {
        var times: [PlanSubject: Timestamp] = [:]

        mutating func clear(_ fits: (PlanSubject) -> Bool) { times = times.filter { !fits($0.key) } }
        var next: Timestamp? { times.values.min() }
        func due(at now: Timestamp) -> Set<PlanSubject> { Set(times.filter { $0.value <= now }.keys) }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `what is due is found as by looking at all timers`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (timers, all) = (PlanTimers(), All())
        var now = 0
        func subject() -> PlanSubject {
            let service = "s\(Int.random(in: 0..<4, using: &random))"
            let number = Int.random(in: 0..<5, using: &random)
            return switch Int.random(in: 0..<4, using: &random) {
            case 0: .service(service)
            case 1: .place(.slot(number), of: service)
            case 2: .place(.node("n\(number)"), of: service)
            default: .task("t\(number)")
            }
        }
        for step in 0..<5000 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let id = "s\(Int.random(in: 0..<4, using: &random))"
                timers.clear(service: id)
                all.clear { if case .service(id) = $0 { true } else if case .place(_, id) = $0 { true } else { false } }
            case 1:
                let (id, number) = ("s\(Int.random(in: 0..<4, using: &random))", Int.random(in: 0..<5, using: &random))
                timers.clear([.slot(number), .node("n\(number)")], of: id)
                all.clear { $0 == .place(.slot(number), of: id) || $0 == .place(.node("n\(number)"), of: id) }
            case 2:
                let id = "t\(Int.random(in: 0..<5, using: &random))"
                timers.clear(task: id)
                all.clear { $0 == .task(id) }
            case 3: now += Int.random(in: 0...3, using: &random)
            default:
                var wakes: [PlanSubject: Timestamp] = [:]
                for _ in 0...2 { wakes[subject()] = time(now + Int.random(in: -1...6, using: &random)) }
                timers.set(wakes)
                all.times.merge(wakes) { $1 }
            }
            #expect(timers.next == all.next, "seed \(seed), step \(step)")
            #expect(timers.due(at: time(now)) == all.due(at: time(now)), "seed \(seed), step \(step)")
            // It is asked for until it is cleared.
            #expect(timers.due(at: time(now)) == all.due(at: time(now)))
        }
        // Of four services with ten places each, and five tasks.
        #expect(timers.size <= 2 * 49 + 64)
    }

    @Test func `a timer that is set again and again leaves nothing behind`() {
        var timers = PlanTimers()
        for number in 0..<10_000 {
            timers.set([.task("t"): time(number), .service("s"): time(number + 1)])
            #expect(timers.size <= 2 * 2 + 64)
        }
        #expect(timers.next == time(9_999))
        timers.clear(task: "t")
        #expect(timers.next == time(10_000))
        timers.clear(service: "s")
        #expect(timers.next == nil && timers.due(at: time(20_000)).isEmpty)
    }
}
