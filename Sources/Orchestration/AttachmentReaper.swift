import Model

/// Forgets attachments that nobody holds any more: those that have ended, whose node is gone, or that nobody waits for.
struct AttachmentReaper {
    /// Seconds after which an attachment without an address is given up: the node that asked has gone on long before.
    static let timeout: Int64 = 60

    /// - Parameter ids: Those of the tasks to look at.
    func run(_ draft: inout SwarmDraft, _ ids: Set<String>) {
        defer { draft.subject = nil }
        for id in ids {
            guard let task = draft.state.tasks.shared(id)?.value, task.isAttachment else { continue }
            draft.subject = .task(id)
            guard task.isLive, let nodeID = task.nodeID,
                draft.state.nodes.shared(nodeID) != nil || draft.state.isUnread(node: nodeID)
            else {
                draft.removeTask(task.id)
                continue
            }
            guard task.status.state == .new else { continue }
            let due = task.createdAt.advanced(bySeconds: Self.timeout)
            if due <= draft.now { draft.removeTask(task.id) } else { draft.wake(at: due) }
        }
    }
}
