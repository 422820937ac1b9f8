import Model
import Synchronization
import TestKit
import Testing

@testable import Engine
@testable import Telemetry

/// Processes that the kernel kills for want of memory in containers that go on.
@Suite(.timeLimit(.minutes(1))) struct MemoryKillTests {
    private func snapshot(_ kills: [String: Int64], startedAt: Int64 = .max) -> Snapshot {
        let containers = kills.sorted { $0.key < $1.key }.map { id, kills in
            var target = SampleTarget(id: id, name: id, group: "/\(id)")
            target.startedAt = startedAt
            var sample = ContainerSample(target: target, row: SampleRow(of: ContainerSeries.self))
            sample.row[ContainerSeries.outOfMemoryKills] = kills
            return sample
        }
        return Snapshot(time: 0, node: SampleRow(of: NodeSeries.self), containers: containers)
    }

    @Test func `kills are told once, however often they are looked at`() {
        let kills = MemoryKills(now: Timestamp(seconds: 1000))
        #expect(kills.untold(in: snapshot(["a": 0, "b": 0])) == [])
        #expect(kills.untold(in: snapshot(["a": 0, "b": 2])) == ["b"])
        #expect(kills.untold(in: snapshot(["a": 0, "b": 2])) == [])
        #expect(kills.untold(in: snapshot(["a": 1, "b": 3])) == ["a", "b"])
    }

    @Test func `what an earlier daemon has seen is not told again, and another life of a container begins anew`() {
        let kills = MemoryKills(now: Timestamp(seconds: 1000))
        #expect(kills.untold(in: snapshot(["a": 3], startedAt: 999)) == [])
        #expect(kills.untold(in: snapshot(["a": 4], startedAt: 999)) == ["a"])
        #expect(kills.untold(in: snapshot(["a": 1], startedAt: 1001)) == ["a"])
    }

    @Test func `a container that has gone is forgotten, but not before its end can be told`() {
        let kills = MemoryKills(now: Timestamp(seconds: 1000))
        _ = kills.untold(in: snapshot(["a": 1, "b": 1]))
        _ = kills.untold(in: snapshot([:]))
        kills.ended("a", kills: 1)
        #expect(!kills.takeUntold("a"))
        for _ in 0..<2 { _ = kills.untold(in: snapshot([:])) }
        kills.ended("b", kills: 1)
        #expect(kills.takeUntold("b"))
    }

    @Test func `a container that survives a kill has its event at once, and its end only what came since`() async throws
    {
        try await LifeFixture.run { fixture in
            let told = Mutex<[String]>([])
            let events = fixture.events.follow(since: nil, until: nil) { $0.action == "oom" || $0.action == "die" }
            async let _: Void = {
                for await event in events { told.withLock { $0.append("\(event.action) \(event.actorID)") } }
            }()
            for id in ["again", "once", "whole"] {
                try await fixture.make(id)
                try await fixture.service.startContainer(id)
            }
            await fixture.service.tellOfMemoryKills(in: snapshot(["again": 1, "once": 1, "whole": 0]))
            await fixture.service.tellOfMemoryKills(in: snapshot(["again": 1, "once": 1, "whole": 0]))
            try await eventually { told.withLock { $0 } == ["oom again", "oom once"] }
            for (id, isKilled) in [("again", true), ("once", true), ("whole", false)] {
                #expect(fixture.phase(id)?.shown.outOfMemoryKilled == isKilled, "\(id)")
            }
            let ends: [(String, Int, Int64)] = [("again", 137, 2), ("once", 1, 1), ("whole", 137, 1)]
            for (id, code, kills) in ends {
                fixture.runtime.end(id, code: code, kills: kills)
                try await eventually { told.withLock { $0.last } == "die \(id)" }
            }
            let later: [String] = told.withLock { Array($0.dropFirst(2)) }
            #expect(later == ["oom again", "die again", "die once", "oom whole", "die whole"])
            #expect(fixture.phase("once")?.exit?.wasOutOfMemory == true)
        }
    }

    @Test func `a kill that a container outlives is in its state until it is started again, however it ends`()
        async throws
    {
        try await LifeFixture.run { fixture in
            try await fixture.make("c")
            try await fixture.service.startContainer("c")
            #expect(fixture.phase("c")?.shown.outOfMemoryKilled == false)
            await fixture.service.tellOfMemoryKills(in: snapshot(["c": 1]))
            let state = try #require(fixture.phase("c")?.shown)
            #expect(state.outOfMemoryKilled && state.running)
            // Nothing is counted where a container ends with code 0.
            fixture.runtime.end("c", code: 0)
            try await eventually { fixture.phase("c")?.isUp == false }
            #expect(fixture.phase("c")?.shown.outOfMemoryKilled == true)
            try await fixture.service.startContainer("c")
            #expect(fixture.phase("c")?.shown.outOfMemoryKilled == false)
        }
    }
}
