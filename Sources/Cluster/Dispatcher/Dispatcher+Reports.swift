import GRPCCore
import Model
import NodeProtocol
import Orchestration

extension Dispatcher {
    /// Writes what a node reports of its tasks. States only advance; reports on other nodes' tasks are ignored.
    ///
    /// - Throws: `RPCError`: `.aborted` when the session is over, `.resourceExhausted` while an earlier call of it is being taken.
    func report(_ nodeID: String, session: String, _ reports: [(taskID: String, status: TaskStatus)]) async throws {
        try check(nodeID, session)
        guard sessions[nodeID]?.isReporting == false else {
            throw RPCError(code: .resourceExhausted, message: "an earlier report is still being taken")
        }
        sessions[nodeID]?.isReporting = true
        defer { if sessions[nodeID]?.id == session { sessions[nodeID]?.isReporting = false } }
        for report in reports {
            if let known = model.objects.tasks[report.taskID], known.status.state == report.status.state,
                NodeReports.isNews(report.status, after: known.status)
            {
                try await waitForUpdate(nodeID, session)
            }
            _ = try await writer.update(SwarmTask.self, report.taskID) { task in
                guard task.nodeID == nodeID, NodeReports.isNews(report.status, after: task.status) else { return false }
                let status = NodeReports.settled(report.status, after: task.status, at: .now)
                task.status = status
                if status.state == .running, task.assignment?.runningSince == nil {
                    task.assignment?.runningSince = status.timestamp
                }
                return true
            }
        }
    }

    /// A task's steps are few; what else a node says of it has a pace, and waits for it.
    private func waitForUpdate(_ nodeID: String, _ session: String) async throws {
        while true {
            let pause = paces[nodeID, default: NodePace(at: clock.now)].updates.pause(at: clock.now)
            if pause == .zero { break }
            try await Task.sleep(for: pause)
            try check(nodeID, session)
        }
        _ = allows(\.updates, of: nodeID)
    }
}
