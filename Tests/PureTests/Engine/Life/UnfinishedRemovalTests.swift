import EngineInterface
import Model
import TestKit
import Testing

@testable import Engine

/// A removal that has begun comes to its end, whoever has stopped waiting for it and whatever has failed meanwhile.
@Suite(.timeLimit(.minutes(2))) struct UnfinishedRemovalTests {
    @Test func `a removal whose caller is cancelled is gone on with at once`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            fixture.surroundings.fail("cancelled removal")
            await #expect(throws: CancellationError.self) {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: true)
            }
            // No time passes here.
            try await eventually { fixture.phase("a") == nil }
            #expect(fixture.surroundings.withVolumes == ["a"])
        }
    }

    @Test func `an attempt of the daemon that meets a cancellation of something else is followed by others`()
        async throws
    {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            // The caller's attempt, and the daemon's own first one.
            fixture.surroundings.fail("cancelled removal", times: 2)
            await #expect(throws: CancellationError.self) {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: true)
            }
            try await eventually { fixture.clock.sleepers == 1 }
            #expect(fixture.phase("a")?.isBeingRemoved == true)
            fixture.clock.advance(by: .seconds(5))
            try await eventually { fixture.phase("a") == nil }
            #expect(fixture.surroundings.withVolumes == ["a"])
        }
    }

    @Test func `a removal that fails is tried again, ever less often, until it succeeds`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            fixture.surroundings.fail("remove", times: 3)
            await #expect(throws: FakeSurroundings.Failure.self) {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: true)
            }
            for seconds in [5, 10] as [Int64] {
                try await eventually { fixture.clock.sleepers == 1 }
                #expect(fixture.phase("a")?.status == "dead")
                #expect(fixture.clock.nextDue == fixture.clock.now.advanced(bySeconds: seconds))
                fixture.clock.advance(by: .seconds(seconds))
            }
            try await eventually { fixture.clock.nextDue == fixture.clock.now.advanced(bySeconds: 20) }
            fixture.clock.advance(by: .seconds(20))
            try await eventually { fixture.phase("a") == nil }
            #expect(fixture.surroundings.withVolumes == ["a"])
        }
    }

    @Test(arguments: [false, true])
    func `a removal on a full disk makes room, though nothing can be written of its beginning`(byUser: Bool)
        async throws
    {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            fixture.store.setFull(true)
            await #expect(throws: MemoryContainers.Full.self) {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: true)
            }
            #expect(fixture.phase("a")?.isBeingRemoved == true)
            try await eventually { fixture.clock.sleepers == 1 }
            if byUser {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: true)
            } else {
                fixture.clock.advance(by: .seconds(5))
            }
            try await eventually { fixture.phase("a") == nil }
            #expect(fixture.surroundings.withVolumes == ["a"])
        }
    }

    @Test func `a user may be faster, and nothing is left to be done then`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            fixture.surroundings.fail("remove", times: 2)
            for _ in 0..<2 {
                await #expect(throws: FakeSurroundings.Failure.self) {
                    try await fixture.service.removeContainer("a", force: false, removeVolumes: false)
                }
            }
            // One job, however often it was asked for.
            try await eventually { fixture.clock.sleepers == 1 }
            try await fixture.service.removeContainer("a", force: false, removeVolumes: false)
            fixture.clock.advance(by: .seconds(5))
            try await eventually { fixture.service.unfinishedRemovals.withLock { $0.isEmpty } }
            #expect(fixture.phase("a") == nil && fixture.clock.sleepers == 0)
            #expect(fixture.surroundings.withVolumes.isEmpty)
        }
    }

    @Test func `the next daemon takes a removal up, with what was to go along, and goes on as the first would`()
        async throws
    {
        let first = try await LifeFixture.run { fixture in
            try await fixture.make("a")
            fixture.surroundings.fail("remove")
            await #expect(throws: FakeSurroundings.Failure.self) {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: true)
            }
        }
        first.surroundings.fail("remove")
        try await LifeFixture.run(after: first) { fixture in
            try await eventually { fixture.clock.sleepers == 1 }
            #expect(fixture.phase("a")?.status == "dead")
            fixture.clock.advance(by: .seconds(5))
            try await eventually { fixture.phase("a") == nil }
            #expect(fixture.surroundings.withVolumes == ["a"])
        }
    }

    @Test func `a container that may not be removed is not removed later either`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            try await fixture.service.startContainer("a")
            await #expect(throws: ContainerError.self) {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: false)
            }
            await #expect(throws: ContainerError.self) {
                try await fixture.service.destroy("a", removeVolumes: false)
            }
            #expect(fixture.service.unfinishedRemovals.withLock { $0.isEmpty })
            #expect(fixture.phase("a")?.isUp == true)
        }
    }
}
