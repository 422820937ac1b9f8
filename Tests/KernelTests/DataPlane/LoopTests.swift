import Addressing
import Concurrency
import Logging
import TestKit
import Testing

@testable import DataPlane

/// Many callers of one data plane.
@Suite struct LoopTests {
    @Test func `changes of many callers share passes, and each is in force when its caller is told`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            _ = try await node.plane.reconcile(NodeNetwork(bridges: [docker0]))
            let first = try node.plane.post(NetworkChanges()).number
            let reports = try await withThrowingTaskGroup(of: ApplyReport.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let sandbox = container("c\(number)", UInt8(10 + number))
                        var changes = NetworkChanges()
                        changes.set(.sandbox(sandbox))
                        let report = try await node.plane.apply(changes)
                        try report.check(sandbox: sandbox.id)
                        #expect(node.plane.sandboxNamespace(sandbox.id).exists())
                        #expect(node.plane.ledger.value.applied[.sandbox(sandbox.id)]?.isCertain == true)
                        return report
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // What one pass has done is told to all that were in it.
            let passes = Set(reports.map(\.duration)).count
            #expect(passes < 40, "every caller made a pass of its own")
            #expect(try node.plane.post(NetworkChanges()).number == first + 41)
            var changes = NetworkChanges()
            for number in 0..<40 { changes.remove(.sandbox("c\(number)")) }
            _ = try await node.plane.apply(changes)
            #expect((0..<40).allSatisfy { !node.plane.sandboxNamespace("c\($0)").exists() })
            #expect(try await node.plane.resync(reason: "test").isClean)
        }
    }

    @Test func `a pass goes on though nobody waits for it any more`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            _ = try await node.plane.reconcile(NodeNetwork(bridges: [docker0]))
            // A pass may be over before anybody has seen that it is waited for.
            for number in UInt8(1)...50 {
                let scope = Scope.sandbox("c\(number)")
                var changes = NetworkChanges()
                changes.set(.sandbox(container("c\(number)", 10 + number)))
                // To be cancelled.
                let caller = Task { [changes] in try await node.plane.apply(changes) }
                let end = ContinuousClock.now + .seconds(20)
                while node.plane.mailbox.waiterCount == 0, node.plane.ledger.value.applied[scope] == nil,
                    ContinuousClock.now < end
                { await Task.yield() }
                caller.cancel()
                let isCancelled: Bool
                do {
                    _ = try await caller.value
                    isCancelled = false
                } catch is CancellationError { isCancelled = true }
                try await eventually("carried out") { node.plane.ledger.value.applied[scope]?.isCertain == true }
                #expect(try await node.plane.apply(changes).isUnchanged)
                if isCancelled { return }
            }
            Issue.record("no caller was cancelled while it waited")
        }
    }

    @Test func `changes by key leave what the whole value leaves`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            let all = [container("c1", 10), container("c2", 11), container("c3", 12)]
            _ = try await node.plane.reconcile(NodeNetwork(bridges: [docker0], sandboxes: all))
            var changes = NetworkChanges()
            changes.remove(.sandbox("c2"))
            changes.set(.sandbox(container("c4", 13)))
            let report = try await node.plane.apply(changes)
            #expect(report.scopes == [.node, .sandbox("c2"), .sandbox("c4")])
            let desired = NodeNetwork(bridges: [docker0], sandboxes: [all[0], all[2], container("c4", 13)])
            #expect(try await node.plane.reconcile(desired).isUnchanged)
            #expect(try await node.plane.resync(reason: "test").isClean)
            // What contradicts itself is refused as a whole.
            var wrong = NetworkChanges()
            wrong.remove(.bridge(docker0.id))
            #expect(throws: DataPlaneError.self) { try node.plane.post(wrong) }
            #expect(try await node.plane.resync(reason: "test").isClean)
        }
    }

    @Test func `the loop ends with its data plane`() async throws {
        try await withWorld(nodes: 1) { world in
            let node = world.nodes[0]
            weak var mailbox: Mailbox?
            do {
                let plane = NodeDataPlane(
                    runDirectory: node.plane.layout.runDirectory, nodeNamespace: node.namespace,
                    log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                mailbox = plane.mailbox
                _ = try await plane.reconcile(NodeNetwork(bridges: [docker0]))
            }
            try await eventually("nobody holds the mailbox") { mailbox == nil }
        }
    }
}
