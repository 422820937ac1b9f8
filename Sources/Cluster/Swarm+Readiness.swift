import Concurrency
import Model

/// What `init` and `join` wait for besides the part itself.
extension Swarm {
    /// How long they wait for the node's first session: longer than its agent does between two tries. If not by then, it comes later.
    static let sessionDeadline = Duration.seconds(10)

    /// Waits until the node's session has begun, with which its description and its state are written: who asks for the node next finds it by its
    /// name. Best effort: it returns after a while, when the part ends or when the request is cancelled in any case. On a manager it looks at the
    /// manager's own copy, from which the next answers come. The membership has been changed by now, and may be changed again meanwhile.
    @inline(never) func untilReady() async {
        guard let part else { return }
        let nodeID = part.file.value.nodeID
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                if let manager = part.state.value.manager {
                    await manager.model.waitUntilReady(nodeID)
                } else {
                    // Only cancellation is thrown.
                    _ = try? await part.agent.connection.wait { $0 != nil ? true : nil }
                }
            }
            tasks.addTask {
                // Only cancellation is thrown.
                try? await Task.sleep(for: Self.sessionDeadline)
            }
            tasks.addTask {
                // Only cancellation is thrown.
                _ = try? await part.state.wait { $0.isEnding || $0.hasEnded ? true : nil }
            }
            defer { tasks.cancelAll() }
            await tasks.next()
        }
    }
}
