import Concurrency
import LinuxSystem
import Netlink

extension NodeDataPlane {
    /// Whether the node has a link of this name, whosever it is.
    package func hasLink(_ name: String) async throws -> Bool {
        let work: @Sendable () throws -> Bool = { try RouteSocket().link(named: name) != nil }
        return if let node { try await node.run(work) } else { try await onThread(work) }
    }

    /// Names of a container's links as the last pass has made them. One that is not desired any more goes with the pass that makes those which are, and
    /// after them: its name is free only then.
    package func linkNames(inSandbox containerID: String) -> Set<String> {
        guard case .sandbox(let sandbox, _)? = ledger.value.applied[.sandbox(containerID)]?.input else { return [] }
        return Set(sandbox.endpoints.map(\.interfaceName))
    }
}
