import GRPCCore
import Logging
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
        var ready: [ReportWriter.Report] = []
        for report in reports {
            if let known = model.objects.tasks.shared(report.taskID)?.value, known.status.state == report.status.state,
                NodeReports.isNews(report.status, of: known)
            {
                if !allows(\.updates, of: nodeID) {
                    // What came before it does not wait for it.
                    try await self.reports.write(ready, of: nodeID)
                    ready = []
                    try await waitForUpdate(nodeID, session)
                }
            }
            ready.append(ReportWriter.Report(taskID: report.taskID, status: report.status))
        }
        try await self.reports.write(ready, of: nodeID)
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

    /// Between two looks at addresses that were not believed.
    private static let refusalLook = Duration.seconds(1)

    /// Until cancelled: addresses that nodes have chosen for their tasks and that others had are given once those let go of them.
    func lookAtRefusals() async throws {
        while true {
            try await Task.sleep(for: Self.refusalLook)
            reports.forgetRefusals(of: reports.nodesWithRefusals.filter { sessions[$0] == nil })
            do { try await reports.lookAgain() } catch {
                try Task.checkCancellation()
                log.debug("chosen addresses are not written yet", metadata: ["error": "\(error)"])
            }
        }
    }
}
