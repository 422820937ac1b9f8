import TestKit
import Testing

@testable import DataPlane

@Suite struct RoundsTests {
    @Test(arguments: UInt64(1)...50) func `the next one is that which nobody has looked at for longest`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let scopes = (0..<12).map { Scope.sandbox("c\($0)") } + [.node, .ingress]
        let begin = ContinuousClock.now
        var rounds = Rounds()
        var seen: [Scope: ContinuousClock.Instant] = [:]
        #expect(rounds.next(among: [Scope]())?.scope == nil)
        for _ in 0..<40 {
            let some = scopes.shuffled(using: &random).prefix(Int.random(in: 1...6, using: &random))
            // Several at one moment, as a look notes them.
            let now = begin + .seconds(Int.random(in: 0...5, using: &random))
            rounds.note(some.dropFirst(2), at: now)
            for scope in some.dropFirst(2) { seen[scope] = now }
            // Of those of one moment the first.
            let expected =
                some.first { seen[$0] == nil } ?? some.first { seen[$0] == some.compactMap { seen[$0] }.min() }
            let next = rounds.next(among: some)
            #expect(next?.scope == expected)
            #expect(next?.seen == expected.flatMap { seen[$0] })
            if let scope = some.last, Bool.random(using: &random) {
                rounds.forget(scope)
                seen[scope] = nil
            }
        }
    }
}
