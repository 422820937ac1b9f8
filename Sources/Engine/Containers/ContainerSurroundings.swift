import ContainerRuntime
import Faults

/// Everything that a container's process needs around it on the node: networks, files, a root file system, a log.
///
/// ``ContainerService`` says when each of these comes and goes; how is told here, so that its order can be tried without a kernel.
typealias ContainerSurroundings = StartSurroundings & EndSurroundings & LifeSurroundings

/// What a start puts together, in this order, and takes back when a step fails.
protocol StartSurroundings: Sendable {
    /// Gives the container its places in its networks, its files and its root.
    /// - Returns: Its record of then.
    func prepare(_ id: String) async throws -> ContainerRecord
    /// Has `make` called with what the runtime is to make, while all that this names is there.
    func withRequest(
        _ record: ContainerRecord, _ make: (CreateRequest) async throws -> CreatedContainer
    ) async throws -> CreatedContainer
    /// Completes the container's networks. Beside the making of its process, which needs no more than its namespace's name.
    func join(_ record: ContainerRecord) async throws
    /// Its process has been made: nothing is written yet.
    func isMade(_ record: ContainerRecord) async throws
    /// Its networks are complete: its process is about to run.
    func isJoined(_ record: ContainerRecord) async throws
    /// Tells others, and events, that it runs.
    func hasStarted(_ record: ContainerRecord) async
    /// Takes back what a start that failed has made, all of it: a step that fails keeps none of the others from being done.
    func undo(_ id: String) async -> FaultList
}

/// What an end and a removal take away.
protocol EndSurroundings: Sendable {
    /// Gives up all places in networks.
    /// - Returns: Those that it had.
    func release(_ id: String) async throws -> [EndpointRecord]
    /// Tells events of the networks and volumes that it had.
    func hasLeft(_ record: ContainerRecord, _ endpoints: [EndpointRecord])
    /// Unmounts its root, and the volumes that no other container needs.
    func unmount(_ id: String) async throws
    /// Removes everything of a container that has no process.
    func remove(_ record: ContainerRecord, volumes: Bool) async throws
}

/// What a container has besides, from when it is made until it is removed.
protocol LifeSurroundings: Sendable {
    /// Tells networks its new name.
    func hasBeenRenamed(_ record: ContainerRecord) async throws
    /// Takes a link that was removed away from a container: another one is not known to it by `alias` any more.
    func hasBeenUnlinked(_ parent: ContainerRecord, from child: ContainerRecord, as alias: String) async throws
    /// Bytes of what it has written into its root file system.
    func writtenBytes(_ record: ContainerRecord) async throws -> Int64
    /// Takes a log up again of a process that an earlier daemon has started; before ``ContainerProcesses/adopt(_:)``.
    func watchLog(of record: ContainerRecord) throws
    /// The same once the process is known to be there.
    func takeUpLog(of record: ContainerRecord) throws
}

/// What goes along with containers and is no part of their life: health checks, commands inside.
struct ContainerCompanions: Sendable {
    /// Runs as long as a container's process does, and is cancelled then.
    var whileRunning: @Sendable (_ id: String) async -> Void = { _ in }
    var hasBeenRemoved: @Sendable (_ id: String) -> Void = { _ in }
    /// Ids of the commands that run inside.
    var commands: @Sendable (_ id: String) -> [String] = { _ in [] }
}
