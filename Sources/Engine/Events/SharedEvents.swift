import Model

/// Which of a node's events are kept in its file, and told to the managers.
enum SharedEvents {
    /// What somebody looked at or did within a container. Health checks alone make three of these each, on 30,000 containers 2,000 a second;
    /// they are in the node's memory only.
    private static let passing: Set<Substring> = [
        "exec_create", "exec_start", "exec_die", "exec_detach", "top", "attach", "detach", "resize",
    ]
    private static let types: Set<String> = ["container", "daemon", "image", "network", "volume"]

    /// Whether the file keeps it.
    static func areKept(_ event: EngineEvent) -> Bool {
        guard event.type == "container" else { return true }
        let action = event.action
        // As in `exec_start: command`.
        let end = action.utf8.firstIndex(of: 58) ?? action.endIndex
        return !passing.contains(action[..<end])
    }

    /// Whether managers are told of it. What the swarm did they know by themselves, but for ``LoggedEvent/managerTypes``.
    static func contains(_ event: EngineEvent) -> Bool {
        // What a node did because a manager asked is its own.
        if LoggedEvent.managerTypes.contains(event.type) { return event.scope == "swarm" }
        return event.scope == "local" && types.contains(event.type) && areKept(event)
    }
}
