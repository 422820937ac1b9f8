import DataPlane
import EngineInterface

/// What is looked at before a container joins a network that hangs on a link of the node.
extension EndpointService {
    /// - Throws: ``ParentError`` when the link is not there, or has room for one container and has it.
    func checkParents(of id: String) async throws {
        guard let record = containers.record(id) else { return }
        for endpoint in record.endpoints where endpoint.overlay == nil && !endpoint.isJoined {
            guard let network = local.network(endpoint.networkID) ?? local.named(endpoint.networkName),
                let parent = network.parent
            else { continue }
            let isThere = try await self.network.dataPlane.hasLink(parent.name)
            guard isThere || parent.origin != .given else { throw ParentError.parentGone(parent.name) }
            guard parent.mode == "passthru" else { continue }
            let isTaken = containers.all.contains { other in
                other.id != id && other.endpoints.contains { $0.isJoined && $0.networkID == network.id }
            }
            if isTaken { throw ParentError.portTaken(driver: network.driver) }
        }
    }
}
