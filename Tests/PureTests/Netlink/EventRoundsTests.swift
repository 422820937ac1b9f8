import Concurrency
import Synchronization
import TestKit
import Testing

@testable import Netlink

/// How often somebody is woken up by what has changed.
@Suite(.timeLimit(.minutes(1))) struct EventRoundsTests {
    private let clock = ManualClock()
    private let pause = Duration.milliseconds(20)
    private let link = NetlinkEvent.changed(NetlinkChange(topic: .link, namespaceID: nil))
    private let route = NetlinkEvent.changed(NetlinkChange(topic: .route, namespaceID: nil))
    private let elsewhere = NetlinkEvent.changed(NetlinkChange(topic: .link, namespaceID: 3))

    /// With a reader that takes each event as soon as it is given; when `body` is through, what it was given.
    private func reading(
        _ body: @Sendable (EventRounds<ManualClock>, ObservableValue<[NetlinkEvent]>) async throws -> Void
    ) async throws -> [NetlinkEvent] {
        let rounds = EventRounds(pause: pause, clock: clock)
        let read = ObservableValue<[NetlinkEvent]>([])
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { while let event = await rounds.next() { read.change { $0.append(event) } } }
            try await body(rounds, read)
            rounds.finish()
            try await group.waitForAll()
            return read.value
        }
    }

    @Test func `the first change after a quiet time is given at once`() async throws {
        let read = try await reading { [clock, pause, link] rounds, read in
            for count in 1...3 {
                rounds.add([link])
                // No clock moves on for it.
                try await read.wait { $0.count == count ? true : nil }
                clock.advance(by: pause)
            }
        }
        #expect(read == [link, link, link])
    }

    @Test func `thousands of changes within a pause are one event each kind`() async throws {
        let read = try await reading { [clock, pause, link, route, elsewhere] rounds, read in
            rounds.add([link])
            try await read.wait { $0.count == 1 ? true : nil }
            for _ in 0..<3000 {
                rounds.add([link])
                rounds.add([route, elsewhere])
            }
            try await clock.waitForSleepers(1)
            clock.advance(by: pause)
            try await read.wait { $0.count == 4 ? true : nil }
        }
        #expect(read == [link, link, route, elsewhere])
    }

    @Test func `nothing is given before the pause is over`() async throws {
        let read = try await reading { [clock, pause, link, route] rounds, read in
            rounds.add([link])
            try await read.wait { $0.count == 1 ? true : nil }
            rounds.add([route])
            try await clock.waitForSleepers(1)
            clock.advance(by: pause - .nanoseconds(1))
            #expect(read.value == [link])
            clock.advance(by: .nanoseconds(1))
            try await read.wait { $0.count == 2 ? true : nil }
        }
        #expect(read == [link, route])
    }

    @Test func `what comes while a round is given belongs to the next`() async throws {
        let rounds = EventRounds(pause: pause, clock: clock)
        rounds.add([link, route])
        #expect(await rounds.next() == link)
        // The same as one that was given, and one that waits already.
        rounds.add([link, route, elsewhere])
        #expect(await rounds.next() == route)
        async let third = rounds.next()
        try await clock.waitForSleepers(1)
        clock.advance(by: pause)
        #expect(await third == link)
        #expect(await rounds.next() == elsewhere)
    }

    @Test func `one more change costs the same beside tens of thousands of others`() async throws {
        let rounds = EventRounds(pause: pause, clock: clock)
        let events = (0..<60_000).map { number in
            NetlinkEvent.changed(NetlinkChange(topic: .link, namespaceID: Int32(clamping: number)))
        }
        // Each compared with all others, these are billions of comparisons.
        let start = ContinuousClock.now
        for event in events { rounds.add([event]) }
        rounds.add(events)
        var given: [NetlinkEvent] = []
        for _ in events { if let event = await rounds.next() { given.append(event) } }
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(given == events)
    }

    @Test func `a reader that is cancelled or whose events end does not wait`() async throws {
        let rounds = EventRounds(pause: pause, clock: clock)
        rounds.add([link])
        #expect(await rounds.next() == link)
        rounds.add([route])
        let ended = try await withThrowingTaskGroup(of: NetlinkEvent?.self) { group in
            group.addTask { await rounds.next() }
            try await clock.waitForSleepers(1)
            group.cancelAll()
            return try await group.next()
        }
        #expect(ended == .some(nil))
        rounds.finish()
        #expect(await rounds.next() == route)
        #expect(await rounds.next() == nil)
    }
}
