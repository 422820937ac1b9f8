package import EngineInterface
import Model

/// What is used in the swarm, as this node answers when it is a manager: from what nodes have told it.
package struct SwarmUsageReader: UsageBackend {
    private let swarm: Swarm

    package init(_ swarm: Swarm) { self.swarm = swarm }

    package func usage(ofServices services: [String]) async throws -> SwarmUsage {
        let manager = try await swarm.manager()
        let ids = try services.map { try manager.findService($0).id }
        let report = UsageReport(
            state: manager.model.objects, board: manager.feeds.board, containers: manager.feeds.containers,
            now: Timestamp.now.seconds)
        var usage = SwarmUsage()
        usage.nodes = services.isEmpty ? report.nodes : []
        usage.containers = services.isEmpty ? report.others : []
        usage.tasks = report.tasks(ofServices: services.isEmpty ? nil : Set(ids))
        return usage
    }
}
