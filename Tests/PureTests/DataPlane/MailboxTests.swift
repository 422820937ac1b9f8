import Addressing
import Concurrency
import Netlink
import TestKit
import Testing

@testable import DataPlane

@Suite(.timeLimit(.minutes(1))) struct MailboxTests {
    private func bridge(_ id: String, mtu: Int = 1500) -> BridgeNetwork {
        BridgeNetwork(
            id: id, linkName: "br-\(id)", gateway: IPNetwork(address: IPAddress(172, 20, 0, 1), prefixLength: 16),
            mtu: mtu)
    }

    private func changes(_ parts: NetworkPart...) -> NetworkChanges {
        var changes = NetworkChanges()
        for part in parts { changes.set(part) }
        return changes
    }

    private func report(_ number: Int) -> ApplyReport {
        var report = ApplyReport()
        report.changes = number
        return report
    }

    @Test func `everything that waits is taken at once, and nothing twice`() throws {
        let mailbox = Mailbox()
        #expect(mailbox.take() == nil)
        _ = try mailbox.post(changes(.bridge(bridge("a"))))
        let last = try mailbox.post(changes(.bridge(bridge("b"))))
        let batch = try #require(mailbox.take())
        #expect(batch.sequence == last && batch.hasChanges && !batch.adopts && batch.comparison == nil)
        #expect(batch.whole == nil && batch.changes.keys == [.bridge("a"), .bridge("b")])
        #expect(mailbox.take() == nil)
        let adopting = mailbox.post(whole: NodeNetwork(), adopts: true)
        let next = try #require(mailbox.take())
        #expect(next.adopts && next.sequence == adopting && next.whole == NodeNetwork())
        #expect(next.changes.isEmpty)
    }

    @Test func `what was wanted converges once, from its first change on, unless something has failed`() throws {
        let mailbox = Mailbox()
        _ = try mailbox.post(changes(.bridge(bridge("a"))))
        let last = try mailbox.post(changes(.bridge(bridge("b"))))
        _ = mailbox.take()
        for removal in [false, true] { mailbox.complete(last, report(1), withRemoval: removal) }
        #expect(mailbox.times.convergence.total == 1)
        let next = try mailbox.post(changes(.bridge(bridge("c"))))
        _ = mailbox.take()
        var failed = report(0)
        failed.failures[.node] = [CancellationError()]
        mailbox.complete(next, failed, withRemoval: false)
        mailbox.complete(next, report(1), withRemoval: true)
        #expect(mailbox.times.convergence.total == 1 && mailbox.times.passes.isEmpty)
    }

    @Test func `a change that is refused changes nothing and has no number`() throws {
        let mailbox = Mailbox()
        #expect(throws: DataPlaneError.self) {
            _ = try mailbox.post(changes(.bridge(bridge("a")), .overlay(OverlayNetwork(id: "o", vni: 1))))
        }
        #expect(mailbox.take() == nil)
        #expect(try mailbox.post(NetworkChanges()).number == 1)
    }

    @Test func `exactly those are answered whose change was in the pass`() async throws {
        let mailbox = Mailbox()
        let first = try mailbox.post(changes(.bridge(bridge("a"))))
        let batch = try #require(mailbox.take())
        // While the pass is under way.
        let second = try mailbox.post(changes(.bridge(bridge("b"))))
        async let early = mailbox.report(of: first, waitsForRemoval: false)
        async let whole = mailbox.report(of: first, waitsForRemoval: true)
        async let late = mailbox.report(of: second, waitsForRemoval: false)
        try await eventually("waiters") { mailbox.waiterCount == 3 }
        mailbox.complete(batch.sequence, report(1), withRemoval: false)
        #expect(try await early.changes == 1)
        #expect(mailbox.waiterCount == 2)
        mailbox.complete(batch.sequence, report(2), withRemoval: true)
        #expect(try await whole.changes == 2)
        #expect(mailbox.waiterCount == 1)
        let next = try #require(mailbox.take())
        #expect(next.sequence == second)
        mailbox.complete(next.sequence, report(3), withRemoval: false)
        #expect(try await late.changes == 3)
        // Who comes later is answered at once.
        #expect(try await mailbox.report(of: first, waitsForRemoval: true).changes == 3)
        #expect(mailbox.waiterCount == 0)
    }

    @Test func `a caller that is cancelled is forgotten, its change is not`() async throws {
        let mailbox = Mailbox()
        let sequence = try mailbox.post(changes(.bridge(bridge("a"))))
        await #expect(throws: DeadlinePassed.self) {
            try await withDeadline(.milliseconds(20)) {
                _ = try await mailbox.report(of: sequence, waitsForRemoval: true)
            }
        }
        #expect(mailbox.waiterCount == 0)
        #expect(mailbox.take()?.changes.keys == [.bridge("a")])
    }

    @Test func `comparisons that wait become one`() async throws {
        let mailbox = Mailbox()
        async let one = mailbox.compare([.node], reason: "one")
        try await eventually("the first") { mailbox.comparisonWaiterCount == 1 }
        async let two = mailbox.compare([.sandbox("s")], reason: "two")
        try await eventually("the second") { mailbox.comparisonWaiterCount == 2 }
        let comparison = try #require(mailbox.take()?.comparison)
        #expect(comparison.scopes == [.node, .sandbox("s")])
        for waiter in comparison.reports { waiter.succeed(DriftReport(reason: comparison.reason)) }
        #expect(try await (one.reason, two.reason) == ("one", "one"))
        async let three = mailbox.compare([.node], reason: "three")
        try await eventually("the third") { mailbox.comparisonWaiterCount == 1 }
        async let all = mailbox.compare(nil, reason: "all")
        try await eventually("the fourth") { mailbox.comparisonWaiterCount == 2 }
        let everything = try #require(mailbox.take()?.comparison)
        #expect(everything.scopes == nil)
        for waiter in everything.reports { waiter.succeed(DriftReport(reason: "")) }
        _ = try await (three, all)
    }

    @Test func `what was heard counts as long as nobody wants the namespace compared for another reason`() async throws
    {
        let mailbox = Mailbox()
        let (node, other) = (Scope.node, Scope.overlay("o"))
        async let one = mailbox.compare([node, other], reason: "heard", after: [node: [.link(1)], other: [.ruleset]])
        try await eventually("the first") { mailbox.comparisonWaiterCount == 1 }
        async let two = mailbox.compare([node], reason: "heard", after: [node: [.link(2)]])
        try await eventually("the second") { mailbox.comparisonWaiterCount == 2 }
        async let three = mailbox.compare([other, .ingress], reason: "in turn", after: [.ingress: [.link(3)]])
        try await eventually("the third") { mailbox.comparisonWaiterCount == 3 }
        async let four = mailbox.compare([other], reason: "heard", after: [other: [.link(4)]])
        try await eventually("the fourth") { mailbox.comparisonWaiterCount == 4 }
        let comparison = try #require(mailbox.take()?.comparison)
        #expect(comparison.scopes == [node, other, .ingress])
        #expect(comparison.news == [node: [.link(1), .link(2)], .ingress: [.link(3)]])
        for waiter in comparison.reports { waiter.succeed(DriftReport(reason: "")) }
        _ = try await (one, two, three, four)
        async let five = mailbox.compare([node], reason: "heard", after: [node: [.link(1)]])
        try await eventually("the fifth") { mailbox.comparisonWaiterCount == 1 }
        async let all = mailbox.compare(nil, reason: "all")
        try await eventually("the sixth") { mailbox.comparisonWaiterCount == 2 }
        let everything = try #require(mailbox.take()?.comparison)
        #expect(everything.scopes == nil && everything.news.isEmpty)
        for waiter in everything.reports { waiter.succeed(DriftReport(reason: "")) }
        _ = try await (five, all)
    }
}
