import Faults
import LinuxSystem
import Model
import Synchronization
import TestKit
import Testing

@testable import Engine

@Suite struct ExecTableTests {
    private final class Clock: Sendable {
        private let timestamp = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { timestamp.withLock { $0 } }
        func pass(_ time: Duration) { timestamp.withLock { $0 += time } }
    }

    private let clock = Clock()
    private let table: ExecTable

    init() {
        let clock = clock
        table = ExecTable { clock.now }
    }

    /// Runs to its end.
    private func run(in container: String = "c", code: Int = 0) throws -> String {
        let id = table.create(containerID: container, ExecRequest()).id
        _ = try table.begin(id)
        table.end(id, code)
        return id
    }

    @Test func `an exit code is kept until somebody has asked for it, whatever ends meanwhile`() throws {
        let ids = try (0..<1000).map { try run(code: $0 % 256) }
        for (number, id) in ids.enumerated() { #expect(try table.inspect(id).exitCode == number % 256) }
    }

    @Test func `those that were asked for go when there are many, the oldest first`() throws {
        let ids = try (0..<1000).map { _ in
            let id = try run()
            _ = try table.inspect(id)
            return id
        }
        // What is not found was forgotten.
        let kept = ids.filter { (try? table.find($0)) != nil }
        #expect(kept == Array(ids.suffix(kept.count)))
        #expect((ExecTable.usualCount...ExecTable.usualCount * 2).contains(kept.count))
        #expect(throws: APIError(.notFound, "No such exec instance: \(ids[0])")) {
            try told { try table.inspect(ids[0]) }
        }
    }

    @Test func `one that nobody asks for, or starts, is forgotten after minutes, and one that runs never`() throws {
        let running = table.create(containerID: "c", ExecRequest()).id
        _ = try table.begin(running)
        let waiting = table.create(containerID: "c", ExecRequest()).id
        let ended = try run()
        let others = try (0..<500).map { _ in try run() }
        #expect(try table.find(waiting).isStarted == false)
        clock.pass(ExecTable.timeout)
        for _ in 0..<500 { _ = try table.inspect(run()) }
        for id in [waiting, ended] + others {
            #expect(throws: APIError(.notFound, "No such exec instance: \(id)")) { try told { try table.find(id) } }
        }
        #expect(try table.find(running).isRunning)
        #expect(table.running(in: "c") == [running])
    }

    @Test func `each container has a memory of its own, which goes with it`() throws {
        let ids = try (0..<100).map { try run(in: "c\($0)") }
        for id in ids { _ = try table.inspect(id) }
        for id in ids { _ = try table.find(id) }
        table.forget(containerID: "c7")
        #expect(throws: APIError.self) { try told { try table.find(ids[7]) } }
    }
}
