import EngineInterface
import Model
import Orchestration

/// Where in the swarm a container is, and whose.
struct TaskContainerPlace: Sendable, Equatable {
    let nodeID: String
    let taskID: String
    /// As `docker ps` on its node shows it.
    let name: String
    let serviceID: String
    var containerID: String

    /// `nil` for a task that has no container, or a place on a network instead of one.
    init?(_ task: SwarmTask) {
        guard task.spec.networkAttachmentSpec == nil, let nodeID = task.nodeID, !nodeID.isEmpty,
            let containerID = task.status.containerStatus?.containerID, !containerID.isEmpty
        else { return nil }
        self.containerID = containerID
        self.nodeID = nodeID
        name = task.containerName
        serviceID = task.serviceID
        taskID = task.id
    }

    /// One that belongs to no task.
    init(_ place: StandaloneBoard.Place) {
        containerID = place.container.id
        name = place.container.name
        nodeID = place.nodeID
        serviceID = ""
        taskID = ""
    }
}

/// Finds the container of a task by what users call it: the task's id, its name (`web.1`, `web.1.<id>`; of a global service with the node's id in
/// the place of the number), the container's id, or an unambiguous beginning of an id.
struct TaskContainerFinder {
    let objects: SwarmState

    /// - Throws: ``ContainerError/ambiguousReference(_:)``.
    func find(_ reference: String) throws(ContainerError) -> TaskContainerPlace? {
        let name = reference.hasPrefix("/") ? String(reference.dropFirst()) : reference
        guard !name.isEmpty else { return nil }
        if let task = objects.tasks[name] { return TaskContainerPlace(task) }
        if let place = try find(named: name) { return place }
        return try find(idBeginning: name)
    }

    /// Whether a reference is the beginning of a task's id.
    static func isTask(_ place: TaskContainerPlace, _ reference: String) -> Bool { place.taskID.hasPrefix(reference) }

    private func find(named name: String) throws(ContainerError) -> TaskContainerPlace? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 1, let ending = parts.last, !ending.isEmpty else { return nil }
        // The whole name of a container: good also when its service is gone.
        if let task = objects.tasks[ending], task.containerName == name { return TaskContainerPlace(task) }
        if let place = newest(tasks(parts.dropLast().joined(separator: "."), at: ending)) { return place }
        guard parts.count > 2, let slot = parts.dropLast().last else { return nil }
        let found = tasks(parts.dropLast(2).joined(separator: "."), at: slot).filter { $0.id.hasPrefix(ending) }
            .compactMap(TaskContainerPlace.init)
        guard found.count < 2 else { throw .ambiguousReference(name) }
        return found.first
    }

    private func tasks(_ service: String, at slot: String) -> [SwarmTask] {
        objects.services(named: service).flatMap { objects.tasks(ofService: $0.id) }
            .filter { $0.slot.map(String.init) ?? $0.nodeID == slot }
    }

    /// The one that is meant by a place's name alone: that which runs there, or else the last that did.
    private func newest(_ tasks: [SwarmTask]) -> TaskContainerPlace? {
        func rank(_ task: SwarmTask) -> (Int, Timestamp) {
            (task.status.state == .running ? 2 : task.isLive ? 1 : 0, task.createdAt)
        }
        let found = tasks.compactMap { task in TaskContainerPlace(task).map { (place: $0, rank: rank(task)) } }
        return found.max { $0.rank < $1.rank }?.place
    }

    private func find(idBeginning beginning: String) throws(ContainerError) -> TaskContainerPlace? {
        // Neither kind of ids has others.
        guard beginning.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) }) else { return nil }
        var found: TaskContainerPlace?
        for object in objects.tasks.shared {
            let task = object.value
            guard
                task.id.hasPrefix(beginning)
                    || task.status.containerStatus?.containerID.hasPrefix(beginning) == true,
                let place = TaskContainerPlace(task)
            else { continue }
            if found != nil { throw .ambiguousReference(beginning) }
            found = place
        }
        return found
    }
}
