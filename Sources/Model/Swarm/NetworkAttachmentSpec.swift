/// A container outside of services that has a place on a swarm network; a task with this instead of a container is that place.
/// Source: Engine API 1.50, `NetworkAttachmentSpec`; the API does not show such tasks, so what else the swarm needs is here, too.
package struct NetworkAttachmentSpec: Codable, Sendable, Equatable {
    @Zero package var containerID: String
    /// Without the leading slash; when the place was asked for. What it is called since is in the task's status.
    @Zero package var containerName: String
    /// What it is called on the network besides.
    @Zero package var aliases: [String]
    /// The addresses that are asked for; `nil` for any.
    package var address: RequestedAddresses?

    package init(
        containerID: String, containerName: String, aliases: [String] = [], address: RequestedAddresses? = nil
    ) {
        self.address = address
        self.aliases = aliases
        self.containerID = containerID
        self.containerName = containerName
    }
}

extension SwarmTask {
    /// The task is a container's place on a network, and no container of its own.
    package var isAttachment: Bool { spec.networkAttachmentSpec != nil }
}
