import Concurrency
import EngineInterface
import Logging
import Model
import Synchronization
import TestKit
import Testing

@testable import Cluster

@Suite struct TaskRunnerTests {
    private func runner(
        _ executor: FakeExecutor, _ wanted: ObservableValue<SwarmTask?>, _ report: ObservableValue<[TaskStatus]>
    )
        -> TaskRunner
    {
        var runner = TaskRunner(
            wanted: wanted, executor: executor, report: { status in report.change { $0.append(status) } },
            log: Logger(label: "test"))
        (runner.firstRetry, runner.longestRetry) = (.milliseconds(1), .milliseconds(2))
        return runner
    }

    private func task() -> SwarmTask {
        var task = SwarmTask(id: "t")
        task.desiredState = .running
        task.spec.containerSpec = ContainerSpec()
        task.status = TaskStatus(.assigned, "assigned", at: .now)
        return task
    }

    @Test(.timeLimit(.minutes(1)))
    func `a task is not reported as ended before its container has, however often stopping fails`() async throws {
        let executor = FakeExecutor(hostname: "n")
        let (task, reports) = (task(), ObservableValue<[TaskStatus]>([]))
        let wanted = ObservableValue<SwarmTask?>(task)
        let runner = runner(executor, wanted, reports)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run(task, from: task.status) }
            try await reports.wait { $0.last?.state == .running ? true : nil }
            executor.state.withLock { $0.failingStops = 100 }
            wanted.change { $0?.desiredState = .shutdown }
            try await reports.wait { $0.last?.state == .shutdown ? true : nil }
            #expect(executor.state.withLock { $0.failingStops } == 0)
            #expect(executor.state.withLock { $0.containers["t"]?.isRunning } == false)
            wanted.set(nil)
            try await group.waitForAll()
        }
        #expect(executor.state.withLock { $0.containers.isEmpty })
    }

    @Test(.timeLimit(.minutes(1)))
    func `a task that the swarm has forgotten is removed though it cannot be stopped`() async throws {
        let executor = FakeExecutor(hostname: "n")
        let (task, reports) = (task(), ObservableValue<[TaskStatus]>([]))
        let wanted = ObservableValue<SwarmTask?>(task)
        let runner = runner(executor, wanted, reports)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run(task, from: task.status) }
            try await reports.wait { $0.last?.state == .running ? true : nil }
            executor.state.withLock { $0.failingStops = .max }
            wanted.set(nil)
            try await group.waitForAll()
        }
        #expect(executor.state.withLock { $0.containers.isEmpty })
    }

    @Test(.timeLimit(.minutes(1)), arguments: [TaskState.failed, .shutdown, .complete])
    func `a task with an end in its status makes sure that nothing of it runs`(_ end: TaskState) async throws {
        let executor = FakeExecutor(hostname: "n")
        let reports = ObservableValue<[TaskStatus]>([])
        var task = task()
        task.status = TaskStatus(end, "ended", at: .now)
        // As after a daemon that was killed between two steps, or an engine that has begun something on its own.
        executor.state.withLock {
            $0.containers["t"] = .init(id: "c", isRunning: true)
            $0.failingStops = 2
        }
        let wanted = ObservableValue<SwarmTask?>(task)
        let runner = runner(executor, wanted, reports)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [task] in await runner.run(task, from: task.status) }
            try await eventually("nothing runs") { executor.running.isEmpty }
            #expect(executor.state.withLock { $0.containers["t"] } != nil, "its log is kept")
            #expect(reports.value.isEmpty)
            wanted.set(nil)
            try await group.waitForAll()
        }
        #expect(executor.state.withLock { $0.containers.isEmpty })
    }

    @Test(.timeLimit(.minutes(1)))
    func `a task whose end could not be learnt does not run on`() async throws {
        let executor = FakeExecutor(hostname: "n")
        let (task, reports) = (task(), ObservableValue<[TaskStatus]>([]))
        let wanted = ObservableValue<SwarmTask?>(task)
        executor.state.withLock { $0.failsWaiting = true }
        let runner = runner(executor, wanted, reports)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run(task, from: task.status) }
            try await reports.wait { $0.last?.state == .failed ? true : nil }
            try await eventually("nothing runs") { executor.running.isEmpty }
            wanted.set(nil)
            try await group.waitForAll()
        }
    }

    @Test func `renewals in a row are paused after, more and more, one alone is not`() {
        var pace = RenewalPace()
        var now = ContinuousClock.now
        #expect(pace.pause(at: now) == .zero)
        var pauses: [Duration] = []
        for _ in 0..<6 {
            now += .milliseconds(50) + (pauses.last ?? .zero)
            pauses.append(pace.pause(at: now))
        }
        #expect(pauses == [1, 2, 4, 5, 5, 5].map { .seconds($0) })
        now += .seconds(3600)
        #expect(pace.pause(at: now) == .zero)
    }
}
