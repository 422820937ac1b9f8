import ContainerRuntime
import EngineInterface
import Model
import TestKit
import Testing

@testable import Engine

/// Ends that somebody else settles than who follows the container.
@Suite(.timeLimit(.minutes(2))) struct OvertakenEndTests {
    @Test func `a removal that takes away what tells of an end is no fault of who waits for it`() async throws {
        let fixture = try await LifeFixture.run { fixture in
            try await fixture.make("a")
            try await fixture.service.startContainer("a")
            try await eventually(within: .seconds(20)) { fixture.runtime.delayWaiters("a") }
            try await fixture.service.removeContainer("a", force: true, removeVolumes: false)
            #expect(fixture.phase("a") == nil)
        }
        // By now nobody follows anything any more.
        #expect(fixture.lines.withLock { $0 } == [])
    }

    @Test func `an end that nobody has settled is told of all the same`() async throws {
        let fixture = try await LifeFixture.run { fixture in
            try await fixture.make("a")
            try await fixture.service.startContainer("a")
            try await eventually(within: .seconds(20)) { fixture.runtime.delayWaiters("a") }
            try await fixture.runtime.delete("a")
            try await eventually(within: .seconds(20)) { fixture.clock.sleepers == 1 }
        }
        #expect(fixture.lines.withLock { $0.first?.hasPrefix("a container's end was not settled") } == true)
    }

    @Test func `one that cannot be pruned does not keep the others`() async throws {
        let fixture = try await LifeFixture.run { fixture in
            for id in ["a", "b", "c"] { try await fixture.make(id) }
            fixture.surroundings.fail("size")
            let pruned = try await fixture.service.pruneContainers(Filters())
            #expect(pruned.removed.count == 2 && fixture.table.all.count == 1)
        }
        #expect(fixture.lines.withLock { $0.first?.hasPrefix("a container could not be pruned") } == true)
    }

    @Test func `one that waits for its policy is stopped without a signal, and that is told`() async throws {
        try await LifeFixture.run { fixture in
            let told = Kept<[String]>([])
            let events = fixture.events.follow(since: nil, until: nil) { $0.type == "container" }
            async let _: Void = {
                for await event in events { told.withLock { $0.append(event.action) } }
            }()
            try await fixture.make("a") { $0.hostConfig.restartPolicy.name = "always" }
            try await fixture.service.startContainer("a")
            fixture.runtime.end("a", code: 1)
            try await eventually(within: .seconds(20)) { fixture.phase("a")?.status == "restarting" }
            try await fixture.service.stopContainer("a", signal: nil, timeout: 10)
            #expect(fixture.phase("a")?.status == "exited")
            try await eventually(within: .seconds(20)) { told.withLock { $0.last } == "stop" }
            let actions: [String] = told.withLock { $0 }
            #expect(actions == ["start", "die", "stop"])
        }
    }
}
