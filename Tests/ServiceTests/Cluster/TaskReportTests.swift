import Concurrency
import Logging
import Model
import TestKit
import Testing

@testable import Cluster

/// How many messages a node's reports of its tasks are.
@Suite(.timeLimit(.minutes(1))) struct TaskReportTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func task(_ number: Int, _ state: TaskState) -> SwarmTask {
        var task = SwarmTask(id: "t\(number)")
        task.status = TaskStatus(state, "", at: Timestamp(seconds: 1_000))
        return task
    }

    /// Makes a manager that thinks otherwise of these tasks be told of them.
    private static func contradict(_ numbers: Range<Int>, _ board: AssignedTasks) {
        board.take(complete: false, numbers.map { task($0, .pending) }, removed: [])
    }

    @Test func `one message is under way at a time, and what comes meanwhile goes into the next`() async throws {
        let board = AssignedTasks(executor: FakeExecutor(hostname: "one"), directory: "/nonexistent", log: quiet)
        board.take(complete: false, (0..<300).map { Self.task($0, .assigned) }, removed: [])
        let sent = ObservableValue<[[String]]>([])
        let answered = ObservableValue(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await board.report(atMost: 200) { reports in
                    sent.change { $0.append(reports.map(\.id)) }
                    let number = sent.value.count
                    _ = try await answered.wait { $0 >= number ? true : nil }
                }
            }
            defer { group.cancelAll() }
            Self.contradict(0..<1, board)
            _ = try await sent.wait { $0.count == 1 ? true : nil }
            // Six thousand changes of three hundred tasks.
            for _ in 0..<20 { Self.contradict(1..<300, board) }
            #expect(sent.value == [["t0"]])
            answered.set(1)
            _ = try await sent.wait { $0.count == 2 ? true : nil }
            answered.set(3)
            try await eventually("everything is told") { board.unreported.isEmpty }
        }
        #expect(sent.value.map(\.count) == [1, 200, 99])
        #expect(Set(sent.value.joined()).count == 300)
    }

    @Test func `what was not taken is told again`() async throws {
        struct Refused: Error {}
        let board = AssignedTasks(executor: FakeExecutor(hostname: "one"), directory: "/nonexistent", log: quiet)
        board.take(complete: false, (0..<3).map { Self.task($0, .assigned) }, removed: [])
        Self.contradict(0..<3, board)
        await #expect(throws: Refused.self) { try await board.report(atMost: 200) { _ in throw Refused() } }
        #expect(board.unreported.count == 3)
    }

    @Test func `what is taken away before its runner begins leaves nothing behind`() async throws {
        let executor = FakeExecutor(hostname: "one")
        let board = AssignedTasks(executor: executor, directory: "/nonexistent", log: quiet)
        let task = Self.task(0, .running)
        _ = try await executor.prepareTask(task)
        board.take(complete: false, [task], removed: [])
        board.take(complete: false, [], removed: [task.id])
        #expect(board.knownIDs == [task.id])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await board.run() }
            defer { group.cancelAll() }
            try await eventually("it is forgotten") { board.knownIDs.isEmpty }
        }
        #expect(executor.state.withLock { $0.containers.isEmpty })
    }
}
