import Concurrency
package import EngineInterface
import Model
import Orchestration
import Synchronization

/// The containers that a node's API answers for: its own, and on a manager those of the swarm's tasks on other nodes as well.
///
/// A reference is looked up here first, so that nothing that the engine knows means something else on a manager. What changes a container stays with
/// its own node: a task's container is the swarm's.
package final class SwarmContainers: Sendable {
    let local: TaskContainers
    private let execs = ExecPlaces()
    /// Containers that were found lately → their tasks: who reads statistics asks again each second.
    private let found = Mutex(BoundedTable<String, String>(most: 4096))
    private let hub: @Sendable () async -> TunnelHub?

    init(local: TaskContainers, hub: @escaping @Sendable () async -> TunnelHub?) {
        self.hub = hub
        self.local = local
    }

    /// Asks this node's engine, and for what it does not know the node that has it.
    func anywhere<Answer: Sendable>(
        _ reference: String, here: (String) async throws -> Answer,
        there: (RemoteContainer) async throws -> Answer
    ) async throws -> Answer {
        do { return try await here(reference) } catch ContainerError.notFound(let missing) where missing == reference {
            guard let hub = await hub(), let place = try find(reference, hub) else {
                throw ContainerError.notFound(reference)
            }
            guard place.nodeID == hub.nodeID else {
                return try await there(RemoteContainer(place: place, reference: reference, hub: hub))
            }
            do { return try await here(place.containerID) } catch ContainerError.notFound(place.containerID) {
                throw ContainerError.notFound(reference)
            }
        }
    }

    private func find(_ reference: String, _ hub: TunnelHub) throws -> TaskContainerPlace? {
        let objects = hub.model.objects
        if let taskID = found.withLock({ $0[reference] }), let task = objects.tasks[taskID],
            let place = TaskContainerPlace(task), place.containerID == reference
        {
            return place
        }
        guard let place = try TaskContainerFinder(objects: objects).find(reference) else { return nil }
        found.withLock { $0[place.containerID] = place.taskID }
        return place
    }

    /// The log of a container that belongs to no task, on whichever node it is: what the dashboard shows. Clients of the API are not given it: what is
    /// on another node and no task's is not there for them.
    /// - Parameter id: In full.
    package func standaloneLogs(_ id: String, _ query: LogQuery) async throws -> LogStream {
        do { return try await local.logs.containerLogs(id, query) } catch ContainerError.notFound(id) {
            guard let hub = await hub(), let place = hub.standalone(id), place.nodeID != hub.nodeID else {
                throw ContainerError.notFound(id)
            }
            return try await RemoteContainer(place: TaskContainerPlace(place), reference: id, hub: hub).logs(query)
        }
    }

    // MARK: Commands

    func createExec(_ reference: String, _ request: ExecRequest) async throws -> String {
        try await anywhere(reference) {
            try await local.execs.createExec(container: $0, request)
        } there: { container in
            let id = try await container.createExec(request)
            guard execs.remember(id, (container.place, container.reference)) else {
                throw TunnelError.badAnswer(container.hub.name(of: container.place.nodeID))
            }
            return id
        }
    }

    /// The same for what was made before.
    func anywhere<Answer: Sendable>(
        exec id: String, here: () async throws -> Answer, there: (RemoteContainer) async throws -> Answer
    ) async throws -> Answer {
        do { return try await here() } catch ExecError.notFound(id) {
            // A node that is no manager any more asks nobody.
            guard let known = execs[id], let hub = await hub() else { throw ExecError.notFound(id) }
            return try await there(RemoteContainer(place: known.place, reference: known.reference, hub: hub))
        }
    }
}
