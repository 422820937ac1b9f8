import LinuxSystem
import Netlink

extension NodeDataPlane {
    /// Whether the node has a link of this name, whosever it is.
    package func hasLink(_ name: String) async throws -> Bool {
        let work: @Sendable () throws -> Bool = { try RouteSocket().link(named: name) != nil }
        return if let node { try await node.run(work) } else { try await onThread(work) }
    }
}
