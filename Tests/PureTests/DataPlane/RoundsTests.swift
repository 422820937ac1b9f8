import TestKit
import Testing

@testable import DataPlane

@Suite struct RoundsTests {
    @Test(arguments: UInt64(1)...50) func `the next one is the first of their order`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let scopes = (0..<12).map { Scope.sandbox("c\($0)") } + [.node, .ingress]
        let begin = ContinuousClock.now
        var rounds = Rounds()
        #expect(rounds.next(among: [Scope]())?.scope == nil)
        for _ in 0..<40 {
            let some = scopes.shuffled(using: &random).prefix(Int.random(in: 1...6, using: &random))
            // Several at one moment, as a look notes them.
            rounds.note(some.dropFirst(2), at: begin + .seconds(Int.random(in: 0...5, using: &random)))
            let next = rounds.next(among: some)
            #expect(next?.scope == rounds.ordered(some).first)
            if let scope = some.last, Bool.random(using: &random) { rounds.forget(scope) }
        }
    }
}
