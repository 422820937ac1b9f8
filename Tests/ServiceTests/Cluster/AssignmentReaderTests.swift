import Foundation
import Model
import NodeProtocol
import SwiftProtobuf
import TestKit
import Testing

/// Assignments as they travel: in pieces, versioned, and from whoever.
@Suite struct AssignmentReaderTests {
    private func task(_ id: String, padding: Int = 0) -> SwarmTask {
        var task = SwarmTask(id: id)
        task.desiredState = .running
        task.labels = ["padding": String(repeating: "x", count: padding)]
        return task
    }

    /// Whether something is complete with this message.
    private func isWhole(_ message: Wire.AssignmentsMessage, _ reader: inout AssignmentReader) throws -> Bool {
        switch try reader.read(message) {
        case nil: false
        case .some: true
        }
    }

    @Test func `a large set travels in pieces and comes back whole`() throws {
        let tasks = (0..<40).map { task("task-\($0)", padding: 50_000) }
        let messages = try Wire.messages(from: 0, to: 1, tasks: tasks, removed: ["gone"])
        #expect(messages.count > 3)
        for message in messages { #expect((try message.serializedData()).count < 1 << 20) }
        var reader = AssignmentReader()
        var items: [AssignmentReader.Item] = []
        for message in messages {
            if let item = try reader.read(message) { items.append(item) }
        }
        guard items.count == 1, case .tasks(true, let read, ["gone"]) = items[0] else {
            Issue.record("not one complete set: \(items.count)")
            return
        }
        #expect(read == tasks)
    }

    @Test func `a change that does not follow the last one is a gap, and everything heals it`() throws {
        var reader = AssignmentReader()
        for message in try Wire.messages(from: 0, to: 1, tasks: [task("a")], removed: []) {
            _ = try reader.read(message)
        }
        for message in try Wire.messages(from: 1, to: 2, tasks: [task("b")], removed: ["a"]) {
            guard case .tasks(false, let tasks, ["a"]) = try reader.read(message) else {
                Issue.record("not a change")
                continue
            }
            #expect(tasks.map(\.id) == ["b"])
        }
        #expect(throws: AssignmentReader.Failure.gap(have: 2, from: 3)) {
            for message in try Wire.messages(from: 3, to: 4, tasks: [], removed: []) { _ = try reader.read(message) }
        }
        for message in try Wire.messages(from: 0, to: 9, tasks: [], removed: []) {
            #expect(try reader.read(message) != nil)
        }
        for message in try Wire.messages(from: 9, to: 10, tasks: [], removed: []) {
            #expect(try reader.read(message) != nil)
        }
    }

    @Test func `damaged messages are refused and crash nothing`() throws {
        var random = SeededGenerator.fresh("damaged assignments")
        let whole = try Wire.messages(from: 0, to: 1, tasks: [task("a"), task("b", padding: 100)], removed: ["c"])[0]
        let bytes: [UInt8] = try whole.serializedBytes()
        var refused = 0
        for _ in 0..<3000 {
            let damaged = random.mutated(bytes)
            var reader = AssignmentReader()
            do {
                _ = try reader.read(try Wire.AssignmentsMessage(serializedBytes: damaged))
            } catch {
                refused += 1
            }
        }
        #expect(refused > 0)
    }
}
