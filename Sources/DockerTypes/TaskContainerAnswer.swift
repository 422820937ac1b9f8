package import Model

/// The answer to `GET /containers/{id}/json` for the id of a task: the container with the task's own fields beside (`ID`, `Status`, `Spec`, …). Clients that
/// look for anything of that id ask for containers first, and what reads a task of their answer finds it.
package struct TaskContainerAnswer: Encodable, Sendable {
    private let container: ContainerInspection
    private let task: SwarmTask

    package init(_ container: ContainerInspection, of task: SwarmTask) {
        self.container = container
        self.task = task
    }

    package func encode(to encoder: any Encoder) throws {
        try task.encode(to: encoder)
        // What both have is the container's.
        try container.encode(to: encoder)
    }
}
