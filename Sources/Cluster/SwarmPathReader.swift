package import EngineInterface
import Model

/// The ways between the swarm's nodes, as this node answers when it is a manager: from what nodes have told it.
package struct SwarmPathReader: PathBackend {
    private let swarm: Swarm

    package init(_ swarm: Swarm) { self.swarm = swarm }

    package func paths() async throws -> SwarmPaths {
        let manager = try await swarm.manager()
        return PathReport(state: manager.model.objects, board: manager.feeds.board, now: Timestamp.now.seconds).paths
    }
}
