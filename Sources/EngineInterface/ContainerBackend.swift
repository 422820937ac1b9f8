package import Model

/// Containers' lives: what the routes that start, stop, change and remove them need of the engine. A reference is an id, an unambiguous prefix of one, a name,
/// or the name that a link gives, `parent/alias`.
///
/// Faults: `.notFound` with `No such container: X`; `.conflict`; `.notModified` for a start or stop that changes nothing.
package protocol ContainerBackend: Sendable {
    /// Starts a container with all that it needs; what was done is undone when it fails.
    func startContainer(_ reference: String) async throws
    /// - Parameter timeout: Seconds before SIGKILL; `nil` for the container's own, −1 for never.
    func stopContainer(_ reference: String, signal: String?, timeout: Int?) async throws
    /// Stops a container that runs, and starts it.
    /// - Parameter timeout: As for a stop.
    func restartContainer(_ reference: String, signal: String?, timeout: Int?) async throws
    /// - Parameter signal: Name or number; `nil` for SIGKILL.
    func killContainer(_ reference: String, signal: String?) async throws
    /// Freezes a running container; `.conflict` for one that is not to be frozen.
    func pauseContainer(_ reference: String) async throws
    /// Lets a frozen container go on.
    func unpauseContainer(_ reference: String) async throws
    /// Names lead to the container under its new name from now on, also those of other containers' resolvers.
    func renameContainer(_ reference: String, to name: String) async throws
    /// Changes limits and the restart policy: what `changes` leaves at zero stays as it is.
    /// - Returns: Warnings.
    func updateContainer(_ reference: String, _ changes: HostConfiguration) async throws -> [String]
    /// Registers the wait before it returns, so that nothing that happens afterwards is missed.
    func waitForContainer(_ reference: String, _ condition: WaitCondition) async throws -> PendingExit
    /// - Parameters:
    ///   - force: Kill it first when it runs.
    ///   - removeVolumes: Anonymous volumes go along.
    func removeContainer(_ reference: String, force: Bool, removeVolumes: Bool) async throws
    /// Removes a link between two containers, and none of them: what it is called by, `parent/alias`, leads nowhere from now on.
    func removeLink(_ reference: String) async throws
    /// Ids of the removed ones.
    func pruneContainers(_ filters: Filters) async throws -> (removed: [String], reclaimedBytes: Int64)
}

/// Making containers. What a request names and is not there is the request's fault; only a missing image is `.notFound`.
package protocol ContainerCreationBackend: Sendable {
    /// - Parameter platform: `os/architecture` that the image has to be for; `nil` for whatever it is.
    func createContainer(name: String?, platform: String?, _ request: ContainerCreateRequest) async throws -> (
        id: String, warnings: [String]
    )
}

/// How containers are listed and inspected.
package protocol ContainerListBackend: Sendable {
    /// Those that run, or all; newest first.
    func listContainers(_ query: ContainerQuery) async throws -> [ContainerSummary]
    /// - Parameter size: Whether to tell how much the container has written, which takes a walk through it.
    func inspectContainer(_ reference: String, size: Bool) async throws -> ContainerInspection
}
