package import Model

extension Service {
    /// Whether a task is what the service asks for now.
    ///
    /// A task whose node is still fit is not outdated by a change of placement alone, nor one that has its image by other credentials to pull it.
    /// Source: swarmkit, `orchestrator.IsTaskDirty`.
    /// - Parameter node: The task's node, if it has one.
    package func isUpToDate(_ task: SwarmTask, on node: @autoclosure () -> Node?) -> Bool {
        if spec.isJob { return task.jobIteration == jobStatus?.jobIteration }
        guard task.assignment?.endpointSpec == spec.endpointSpec else { return false }
        let template = spec.taskTemplate
        if task.isMade(by: spec) { return true }
        var moved = task.spec
        if Self.hasImage(task), moved.registryAuth != template.registryAuth {
            moved.registryAuth = template.registryAuth
            if moved == template { return true }
        }
        moved.placement = template.placement
        guard moved == template, let node = node() else { return false }
        return (template.placement ?? Placement()).admits(node)
    }

    /// Whether a task is to run, or has run, and has been prepared: what its image is pulled with is nothing to it any more. One that has ended by
    /// itself is the restart policy's matter then, as ever: it begins no update long after that of the credentials, which might be rolled back.
    private static func hasImage(_ task: SwarmTask) -> Bool {
        if [.complete, .failed].contains(task.status.state) { return true }
        return task.desiredState <= .running && task.status.state >= .ready && task.status.state <= .running
    }
}

extension Placement {
    /// Whether a node meets the constraints.
    package func admits(_ node: Node) -> Bool {
        (constraints ?? []).allSatisfy { text in
            // Constraints are checked when the service is created: one that cannot be read fits no node.
            (try? PlacementConstraint(text))?.matches(node) ?? false
        }
    }
}

extension ServiceSpec {
    package var isJob: Bool { mode.replicatedJob != nil || mode.globalJob != nil }
    /// Whether each fit node gets one task.
    package var isPerNode: Bool { mode.global != nil || mode.globalJob != nil }
    /// The mode's name in filters and listings.
    package var modeName: String {
        if mode.global != nil { return "global" }
        if mode.replicatedJob != nil { return "replicated-job" }
        return mode.globalJob != nil ? "global-job" : "replicated"
    }
}
