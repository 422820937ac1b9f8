import Concurrency
import ContainerRuntime
import EngineInterface
import Faults
import Glibc
import Model
import TestKit
import Testing

@testable import Engine

/// Containers' lives from start to removal, with a runtime that is played and time that passes when the test says so.
@Suite(.timeLimit(.minutes(2))) struct ContainerLifeTests {
    private func always(_ record: inout ContainerRecord) { record.hostConfig.restartPolicy.name = "always" }

    private func status(_ fixture: LifeFixture, _ id: String) -> String { fixture.phase(id)?.status ?? "none" }

    /// Lets time pass until something has happened.
    private func pass(
        _ fixture: LifeFixture, by step: Duration = .seconds(1), until what: String, _ condition: () throws -> Bool
    ) async throws {
        try await eventually(within: .seconds(20), what) {
            if try condition() { return true }
            fixture.clock.advance(by: step)
            return false
        }
    }

    @Test func `a container runs, is stopped, starts again and is removed`() async throws {
        try await LifeFixture.run { fixture in
            let (service, runtime) = (fixture.service, fixture.runtime)
            try await fixture.make("a")
            #expect(status(fixture, "a") == "created")
            try await service.startContainer("a")
            #expect(runtime.isRunning("a") && fixture.surroundings.isJoined("a") && fixture.surroundings.isMounted("a"))
            await #expect(throws: APIError(.notModified, "container a is already running")) {
                try await told {
                    try await service.startContainer("a")
                }
            }
            try await service.stopContainer("a", signal: nil, timeout: 10)
            #expect(fixture.phase("a")?.exit?.code == 143 && fixture.phase("a")?.exit?.cause == .user)
            #expect(!runtime.isThere("a") && !fixture.surroundings.isJoined("a"))
            #expect(!fixture.surroundings.isMounted("a"))
            await #expect(throws: APIError(.notModified, "container a is not running")) {
                try await told {
                    try await service.stopContainer("a", signal: nil, timeout: nil)
                }
            }
            try await service.startContainer("name-a")
            await #expect(throws: APIError.self) {
                try await told {
                    try await service.removeContainer("a", force: false, removeVolumes: false)
                }
            }
            try await service.removeContainer("a", force: true, removeVolumes: false)
            #expect(fixture.phase("a") == nil && !runtime.isThere("a") && !fixture.surroundings.isJoined("a"))
        }
    }

    @Test func `a program that takes no notice of its signal is killed when its time is over`() async throws {
        try await LifeFixture.run { fixture in
            fixture.runtime.makeDeaf("a")
            try await fixture.make("a")
            try await fixture.service.startContainer("a")
            async let stopped: Void = fixture.service.stopContainer("a", signal: nil, timeout: 10)
            try await eventually { fixture.clock.sleepers == 1 }
            let deadline = fixture.clock.now.advanced(bySeconds: 10)
            if case .stopping(_, let stop) = fixture.phase("a") {
                #expect(stop == ContainerPhase.Stop(by: .user, deadline: deadline))
            } else {
                Issue.record("it is not stopping: \(String(describing: fixture.phase("a")))")
            }
            fixture.clock.advance(by: .seconds(9))
            #expect(fixture.runtime.isRunning("a"))
            fixture.clock.advance(by: .seconds(1))
            try await stopped
            #expect(fixture.phase("a")?.exitCode == 137)
            #expect(fixture.runtime.calls.filter { $0.hasPrefix("kill") } == ["kill 15 a", "kill 9 a"])
        }
    }

    @Test func `a policy's waits double, and begin anew after ten seconds of running`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a", always)
            try await fixture.service.startContainer("a")
            for milliseconds in [100, 200, 400, 800] {
                fixture.runtime.end("a", code: 1)
                try await eventually { fixture.clock.sleepers == 1 }
                #expect(status(fixture, "a") == "restarting")
                let due = fixture.clock.now.advanced(byNanoseconds: Int64(milliseconds) * 1_000_000)
                #expect(fixture.clock.nextDue == due)
                if case .restarting(let at, let exit) = fixture.phase("a") { #expect(at == due && exit.code == 1) }
                fixture.clock.advance(by: .milliseconds(milliseconds))
                try await eventually { fixture.phase("a")?.isUp == true }
            }
            #expect(fixture.table.record("a")?.restartCount == 4)
            fixture.clock.advance(by: .seconds(11))
            fixture.runtime.end("a", code: 1)
            try await eventually { fixture.clock.sleepers == 1 }
            #expect(fixture.clock.nextDue == fixture.clock.now.advanced(byNanoseconds: 100_000_000))
        }
    }

    @Test func `a stop while it waits for its policy keeps it from being started`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a", always)
            try await fixture.service.startContainer("a")
            fixture.runtime.end("a", code: 1)
            try await eventually { fixture.clock.sleepers == 1 }
            let over = fixture.waiters.register("a", .over)
            try await fixture.service.stopContainer("a", signal: nil, timeout: 10)
            #expect(try await over.result().statusCode == 1)
            fixture.clock.advance(by: .seconds(60))
            try await eventually { fixture.clock.sleepers == 0 }
            #expect(fixture.phase("a")?.exit?.cause == .user)
            #expect(!fixture.runtime.isThere("a"))
        }
    }

    @Test func `a stop while it is started again waits for the start, and ends it`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a", always)
            try await fixture.service.startContainer("a")
            fixture.runtime.holdCreation()
            fixture.runtime.end("a", code: 1)
            try await pass(fixture, until: "it is being started again") { fixture.phase("a")?.isStarting == true }
            async let stopped: Void = fixture.service.stopContainer("a", signal: nil, timeout: 10)
            try await eventually { fixture.phase("a")?.isRequested == false }
            fixture.runtime.releaseCreation()
            try await stopped
            #expect(fixture.phase("a")?.exitCode == 143 && fixture.phase("a")?.isRunning == false)
        }
    }

    @Test func `a stop of a start that fails lets the run alone that begins after it`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a", always)
            try await fixture.service.startContainer("a")
            fixture.runtime.holdCreation()
            fixture.runtime.end("a", code: 1)
            try await pass(fixture, until: "it is being started again") { fixture.phase("a")?.isStarting == true }
            async let started: Void = fixture.service.startContainer("a")
            try await eventually { fixture.table.lock.waiterCount("a") == 1 }
            async let stopped: Void = withDeadline(.seconds(20)) {
                try await fixture.service.stopContainer("a", signal: nil, timeout: 10)
            }
            try await eventually { fixture.table.lock.waiterCount("a") == 2 }
            fixture.runtime.fail("start")
            fixture.runtime.releaseCreation()
            try await started
            try await stopped
            #expect(fixture.runtime.isRunning("a") && fixture.phase("a")?.isRequested == true)
            #expect(!fixture.runtime.calls.contains { $0.hasPrefix("kill") })
        }
    }

    @Test(arguments: ["prepare", "join"]) func `a start that fails leaves nothing`(step: String) async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            fixture.surroundings.fail(step)
            await #expect(throws: FakeSurroundings.Failure.self) { try await fixture.service.startContainer("a") }
            #expect(fixture.phase("a")?.exitCode == 128 && status(fixture, "a") == "created")
            #expect(!fixture.runtime.isThere("a") && !fixture.surroundings.isJoined("a"))
            #expect(!fixture.surroundings.isMounted("a"))
            try await fixture.service.startContainer("a")
            #expect(fixture.phase("a")?.isUp == true)
        }
    }

    @Test func `a paused container that is stopped goes on and ends`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            try await fixture.service.startContainer("a")
            try await fixture.service.pauseContainer("a")
            #expect(status(fixture, "a") == "paused")
            await #expect(throws: APIError(.conflict, "container a is already paused")) {
                try await told {
                    try await fixture.service.pauseContainer("a")
                }
            }
            try await fixture.service.stopContainer("a", signal: nil, timeout: 10)
            #expect(fixture.phase("a")?.exitCode == 143)
        }
    }

    @Test func `an end that cannot be settled is settled as soon as it can be`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            try await fixture.service.startContainer("a")
            fixture.runtime.fail("delete", times: 3)
            fixture.runtime.end("a", code: 4)
            try await eventually { fixture.clock.sleepers == 1 }
            #expect(fixture.phase("a")?.isUp == true && fixture.phase("a")?.run?.end?.code == 4)
            try await pass(fixture, by: .seconds(5), until: "it has ended") { fixture.phase("a")?.isUp == false }
            #expect(fixture.phase("a")?.exitCode == 4)
        }
    }

    @Test func `so many start at a time, and one beyond them when one of them has started`() async throws {
        try await LifeFixture.run { fixture in
            let (service, runtime) = (fixture.service, fixture.runtime)
            let limit = 2 * Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            let ids = (0...limit).map { "c\($0)" }
            for id in ids { try await fixture.make(id) }
            func made() -> Int { runtime.calls.count { $0.hasPrefix("create ") } }
            runtime.holdCreation()
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { runtime.releaseCreation() }
                for id in ids { group.addTask { try await service.startContainer(id) } }
                try await eventually { made() == limit && service.starts.waiterCount == 1 }
                #expect(!ids.contains { runtime.isRunning($0) })
                try await eventually { runtime.releaseOne() }
                try await eventually { made() == limit + 1 }
                #expect(ids.count { runtime.isRunning($0) } == 1 && service.starts.waiterCount == 0)
                runtime.releaseCreation()
                try await group.waitForAll()
            }
            #expect(ids.allSatisfy { fixture.phase($0)?.isUp == true })
        }
    }

    @Test func `a removal that fails leaves it dead until the next one`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            fixture.surroundings.fail("remove")
            await #expect(throws: FakeSurroundings.Failure.self) {
                try await fixture.service.removeContainer("a", force: false, removeVolumes: false)
            }
            #expect(status(fixture, "a") == "dead")
            await #expect(throws: APIError.self) { try await told { try await fixture.service.startContainer("a") } }
            try await fixture.service.removeContainer("a", force: false, removeVolumes: false)
            #expect(fixture.phase("a") == nil)
        }
    }

    @Test func `those who wait learn of an end though nothing can be put on record`() async throws {
        try await LifeFixture.run { fixture in
            try await fixture.make("a")
            try await fixture.service.startContainer("a")
            let end = fixture.waiters.register("a", .over)
            fixture.store.setFull(true)
            fixture.runtime.end("a", code: 6)
            #expect(try await end.result().statusCode == 6)
            #expect(status(fixture, "a") == "exited")
        }
    }

    @Test func `the next daemon goes on from each place in a life`() async throws {
        let first = try await LifeFixture.run { fixture in
            for id in ["runs", "ended", "lost", "waits", "stopped", "never", "temporary"] {
                try await fixture.make(id) { record in
                    if id == "waits" { always(&record) }
                    record.hostConfig.autoRemove = id == "temporary"
                }
                if id != "never" { try await fixture.service.startContainer(id) }
            }
            try await fixture.service.stopContainer("stopped", signal: nil, timeout: nil)
            fixture.runtime.end("waits", code: 2)
            try await eventually { status(fixture, "waits") == "restarting" }
        }
        first.runtime.end("ended", code: 5)
        first.runtime.vanish("lost")
        first.runtime.end("temporary", code: 0)
        try await LifeFixture.run(after: first) { fixture in
            try await eventually { fixture.phase("ended")?.exitCode == 5 && fixture.phase("temporary") == nil }
            // It went with the machine, and was to be running.
            try await eventually { fixture.phase("lost")?.isUp == true && fixture.phase("waits")?.isUp == true }
            #expect(fixture.phase("lost")?.run?.startedAt == fixture.clock.now)
            #expect(fixture.phase("runs")?.isUp == true && fixture.runtime.isRunning("runs"))
            #expect(status(fixture, "stopped") == "exited" && status(fixture, "never") == "created")
            fixture.runtime.end("runs", code: 7)
            try await eventually { fixture.phase("runs")?.exitCode == 7 }
        }
    }

    // MARK: Any order

    private static let ids = ["a", "b", "c"]

    /// Whatever users, processes, failures and daemons do, what is on record is what there is.
    ///
    /// A seed repeats the steps, not in which order those go on that are taken at once; `ContainerPhaseTests` has an order of one container exactly.
    @Test(arguments: 0..<24) func `any order of events ends where record and runtime agree`(seed: UInt64) async throws {
        var numbers = SeededGenerator(seed: seed)
        var earlier: LifeFixture?
        for daemon in 0..<3 {
            let last = daemon == 2
            var steps: [(Int, String)] = []
            for _ in 0..<40 {
                steps.append((Int.random(in: 0..<14, using: &numbers), Self.ids.randomElement(using: &numbers) ?? "a"))
            }
            earlier = try await LifeFixture.run(after: earlier) { fixture in
                if daemon == 0 {
                    for id in Self.ids {
                        try await fixture.make(id) { record in
                            if id == "a" { always(&record) }
                            if id == "b" { record.hostConfig.restartPolicy.name = "on-failure" }
                        }
                    }
                    fixture.runtime.makeDeaf("c")
                }
                var isOver: Kept<Bool>?
                defer { isOver?.withLock { $0 = true } }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (step, id) in steps {
                        group.addTask { try await Self.take(step, id, fixture) }
                        // Some one after the other, some at once.
                        if step % 3 != 0 { await Task.yield() }
                        // What was begun comes further meanwhile.
                        if step == 13 { try await Task.sleep(for: .milliseconds(1)) }
                    }
                    // A killed daemon leaves its clients in the middle.
                    if !last { return group.cancelAll() }
                    isOver = Self.tick(fixture)
                    try await Self.settle(fixture, &group)
                }
                if last { try await Self.check(fixture, seed) }
            }
        }
    }

    private static func take(_ step: Int, _ id: String, _ fixture: LifeFixture) async throws {
        let service = fixture.service
        do {
            switch step {
            case 0, 1, 2: try await service.startContainer(id)
            case 3: try await service.stopContainer(id, signal: nil, timeout: 1)
            case 4: try await service.killContainer(id, signal: nil)
            case 5: try await service.killContainer(id, signal: "TERM")
            case 6: try await service.pauseContainer(id)
            case 7: try await service.unpauseContainer(id)
            case 8: try await service.restartContainer(id, signal: nil, timeout: 1)
            case 9: fixture.runtime.end(id, code: 1)
            case 10: fixture.runtime.end(id, code: 0)
            case 11: fixture.surroundings.fail("join")
            case 12: fixture.runtime.fail("delete")
            default: fixture.clock.advance(by: .seconds(1))
            }
        } catch is ContainerError {
            // It was in no place for it.
        } catch is CancellationError {
            // The daemon has gone.
        } catch is FakeSurroundings.Failure {
            // As was asked for.
        } catch is RuntimeError {
            // The same, or a process ended meanwhile.
        }
    }

    /// Lets time pass until nobody asks for anything and nothing waits.
    private static func settle(_ fixture: LifeFixture, _ group: inout ThrowingTaskGroup<Void, any Error>) async throws {
        fixture.runtime.stopFailing()
        fixture.surroundings.stopFailing()
        try await group.waitForAll()
        // What the last of them have asked to fail does so no more.
        fixture.runtime.stopFailing()
        fixture.surroundings.stopFailing()
        try await eventually(within: .seconds(20), "nothing waits") {
            Self.ids.allSatisfy { id in
                guard let phase = fixture.phase(id) else { return true }
                if case .restarting = phase { return false }
                return !phase.isStarting && phase.run?.end == nil && phase.isUp == fixture.runtime.isRunning(id)
            } && fixture.clock.sleepers == 0
        }
    }

    /// Lets time pass until the value is set. Beside whatever waits for it: a removal, too, may wait for a moment to come.
    private static func tick(_ fixture: LifeFixture) -> Kept<Bool> {
        let isOver = Kept(false)
        // Ends by the value that is returned.
        Task {
            while !isOver.withLock({ $0 }) {
                fixture.clock.advance(by: .seconds(5))
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        return isOver
    }

    private static func check(_ fixture: LifeFixture, _ seed: UInt64) async throws {
        // A change is in memory first: the last one may still be on its way to the store.
        try await eventually(within: .seconds(20), "seed \(seed): the store has what is in memory") {
            let stored = try await fixture.store.loadContainers()
            return ids.allSatisfy { id in stored.first { $0.id == id }?.phase == fixture.phase(id) }
        }
        for id in ids {
            let phase = try #require(fixture.phase(id))
            let about: Comment = "seed \(seed), \(id): \(String(describing: phase))"
            #expect(phase.isUp == fixture.runtime.isRunning(id), about)
            #expect(phase.isUp == fixture.surroundings.isJoined(id), about)
            #expect(phase.isUp == fixture.surroundings.isMounted(id), about)
        }
        #expect(fixture.waiters.count == 0, "seed \(seed)")
        // And from anywhere it can be removed.
        for id in ids { try await fixture.service.removeContainer(id, force: true, removeVolumes: true) }
        #expect(fixture.table.all.isEmpty, "seed \(seed)")
        #expect(try await fixture.runtime.containers().isEmpty, "seed \(seed)")
    }
}
