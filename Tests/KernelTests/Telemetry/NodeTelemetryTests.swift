import Glibc
import LinuxSystem
import Logging
import Model
import Synchronization
import TestKit
import Testing

@testable import Telemetry

/// Sampling and keeping together.
@Suite(.timeLimit(.minutes(1))) struct NodeTelemetryTests {
    private final class Targets: TelemetrySource {
        let asked = Atomic<Int>(0)
        func sampleTargets() -> [SampleTarget] {
            asked.wrappingAdd(1, ordering: .relaxed)
            var target = SampleTarget(id: "abc", name: "web", group: "/apus-test-that-is-not-there")
            target.restarts = 3
            target.taskID = "task"
            return [target]
        }
    }

    private func telemetry(_ directory: String, _ targets: Targets) async throws -> NodeTelemetry {
        NodeTelemetry(
            source: targets, layout: try await onThread { try Cgroups.layout() }, root: directory,
            path: directory + "/metrics.db", log: Logger(label: "test"))
    }

    @Test func `what was sampled before the end is there after the next start`() async throws {
        try await withTemporaryDirectory { directory in
            let targets = Targets()
            let telemetry = try await telemetry(directory, targets)
            let running = Task { await telemetry.run() }  // Ended below, which is what is looked at.
            while telemetry.history == nil { try await Task.sleep(for: .milliseconds(5)) }
            let now = Timestamp.now.seconds
            let time = now - now % 10
            await telemetry.sample(at: time)
            #expect(telemetry.snapshot?.pulse().tasks.keys.sorted() == ["task"])
            running.cancel()
            await running.value
            #expect(telemetry.history == nil)
            let again = try await History.open(directory + "/metrics.db", now: time + 10)
            let answer = try await again.answer(
                HistoryQuery(
                    groups: [
                        HistoryQuery.Group(name: "node", entities: [.node])
                    ], series: ["memory_total_bytes"], from: time, to: time + 10, points: 1), now: time + 10)
            #expect((answer.curves[0].average[0] ?? 0) > 268_435_456)
            try await again.close(at: time + 10)
        }
    }

    @Test func `a file that cannot be opened stops no sampling, and is tried again`() async throws {
        try await withTemporaryDirectory { directory in
            let targets = Targets()
            try Files.makeDirectories(directory + "/metrics.db")
            let telemetry = try await telemetry(directory, targets)
            await telemetry.sample(at: 1_700_000_060 - 1_700_000_060 % 60)
            #expect(telemetry.history == nil && telemetry.snapshot != nil)
            try #require(rmdir(directory + "/metrics.db") == 0)
            await telemetry.sample(at: 1_700_000_120 - 1_700_000_120 % 60)
            #expect(telemetry.history != nil && targets.asked.load(ordering: .relaxed) == 2)
        }
    }
}
