import Concurrency
import EngineInterface
import GRPCCore
import Logging
import Model
import NodeProtocol
import SwiftProtobuf

/// What a manager tells the node to run and to know.
extension Agent {
    func assignments(
        _ dispatcher: Wire.Dispatcher.Client<some ClientTransport>, _ session: SessionState
    ) async throws {
        let id = try await session.id()
        board.reportEverything()
        let request = Wire.AssignmentsRequest.with { $0.sessionID = id }
        try await dispatcher.assignments(request, options: NodeTransport.streamOptions) { response in
            let inbox = AssignmentInbox()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var reader = AssignmentReader(decodedChanges)
                    for try await message in response.messages {
                        guard let content = try reader.read(message) else { continue }
                        try await inbox.put(.init(content: content, unread: reader.unread))
                        reader.unread = []
                    }
                }
                group.addTask {
                    var told: Set<String> = []
                    while true { try await self.take(try await inbox.take(), told: &told, session) }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    /// Takes what has arrived, in its order; facts of networks that follow each other at once.
    /// - Parameter told: The networks that the session's manager has told of so far, by their ids.
    private func take(
        _ items: [AssignmentInbox.Item], told: inout Set<String>, _ session: SessionState
    ) async throws {
        var sets: [NetworkChangeSet] = []
        for item in items {
            switch item.content {
            case .keys(let keys): await executor.setOverlayKeys(keys)
            case .network(let set):
                sets.append(set)
                told.insert(set.scope.networkID)
            case .tasks(let complete, let tasks, let removed):
                // All networks come before the first of the tasks: what the engine knows beyond them is of before the session.
                if complete {
                    let over = board.networks.value.ids.subtracting(told)
                    sets += over.map { NetworkChangeSet(.network($0), sequence: 0, isEnd: true) }
                }
                await take(sets, session)
                sets = []
                let unread = Set(item.unread.filter { $0.type == "task" }.map(\.id))
                board.take(complete: complete, tasks, removed: removed, unread: unread)
                if complete { await endStrays(sparing: unread) }
            }
            board.tell(of: item.unread)
        }
        await take(sets, session)
    }

    private func take(_ sets: [NetworkChangeSet], _ session: SessionState) async {
        if sets.isEmpty { return }
        let nodeID = membership.value.nodeID
        let before = board.networks.value
        var after = before
        for set in sets { after.take(set, nodeID: nodeID) }
        let new = after.networks.filter { !before.ids.contains($0.id) }
        await board.keep(networks: new.map { ($0.id, $0) })
        await apply(sets)
        board.networks.set(after)
        await board.keep(networks: before.ids.subtracting(after.ids).map { ($0, nil) })
        session.apply(sets)
    }

    /// Applies changes of networks, again and again until the engine can.
    private func apply(_ sets: [NetworkChangeSet]) async {
        while !Task.isCancelled {
            do { return try await executor.applyNetworkChanges(sets, nodeID: membership.value.nodeID) } catch {
                log.error("networks could not be set up", metadata: ["sets": "\(sets.count)", "error": "\(error)"])
                // Cancellation shows in the loop's condition.
                try? await Task.sleep(for: Self.networkRetry)
            }
        }
    }

    /// Ends what carries a task's mark and is not to run: containers of tasks that the swarm does not know on this node any more, and of
    /// those that have ended.
    private func endStrays(sparing unread: Set<String>) async {
        do {
            let (known, ended) = (board.knownIDs.union(unread), board.endedIDs)
            for (id, status) in try await executor.presentTasks() {
                if !known.contains(id) {
                    log.info("removing the container of a task that is not assigned", metadata: ["task": "\(id)"])
                    try await executor.removeTask(id: id)
                } else if ended.contains(id), status.processID != 0 {
                    log.warning("a task that has ended still runs, and is stopped", metadata: ["task": "\(id)"])
                    try await executor.stopTask(SwarmTask(id: id))
                }
            }
        } catch {
            log.error("stray containers could not be ended", metadata: ["error": "\(error)"])
        }
    }
}
