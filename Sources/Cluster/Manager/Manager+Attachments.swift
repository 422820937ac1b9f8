import Addressing
import Concurrency
import EngineInterface
import LinuxSystem
import Model
import Orchestration
import StateStore

extension Manager {
    /// Places on networks that one node may have: far more than a kernel takes endpoints.
    static let maximumAttachments = 4096

    /// Stores a container's place on a network and returns when the leader has given it an address.
    ///
    /// - Parameter id: The attachment's task id; when there is one already, that is answered.
    func attach(
        _ id: String, of nodeID: String, to reference: String, _ spec: NetworkAttachmentSpec
    ) async throws -> NetworkAttachment {
        if try !isThere(id, of: nodeID, in: model.objects) {
            try await guarded { state in
                // Another manager may have been asked before, and this one have been behind.
                if try isThere(id, of: nodeID, in: state) { return StoreTransaction() }
                let network = try attachable(reference, in: state)
                guard state.nodes[nodeID] != nil else {
                    throw AttachmentError.notMember(node: nodeID)
                }
                if !network.isNodeLocal { try check(spec.address, in: network) }
                let held = state.sharedTasks(onNode: nodeID).count { $0.value.isAttachment && $0.value.isLive }
                guard held < Self.maximumAttachments else {
                    throw AttachmentError.limitReached(node: nodeID)
                }
                var task = SwarmTask(id: id)
                task.createdAt = .now
                task.updatedAt = task.createdAt
                task.nodeID = nodeID
                task.spec.networkAttachmentSpec = spec
                task.spec.runtime = "attachment"
                var place = NetworkAttachmentConfig()
                place.target = network.id
                task.spec.networks = [place]
                task.desiredState = .running
                task.status = TaskStatus(.new, "created", at: task.createdAt)
                return StoreTransaction(
                    conditions: [.absent(task.key)], puts: [.init(task.key, try task.storedBytes)])
            }
        }
        do { return try await allocated(id) } catch {
            // Whoever asked may have gone, and this be cancelled for it.
            await uncancelled { await giveUp(id) }
            throw error
        }
    }

    /// - Throws: ``AttachmentError`` for a task that is not the node's to ask for.
    private func isThere(_ id: String, of nodeID: String, in state: SwarmState) throws -> Bool {
        guard let task = state.tasks[id] else { return false }
        guard task.isAttachment, task.nodeID == nodeID else {
            throw AttachmentError.notOfNode(task: id, node: nodeID)
        }
        return true
    }

    /// Nobody waits for it any more here. One that has got its address meanwhile may be held by then, asked for at another manager: its
    /// node gives it back if not.
    private func giveUp(_ id: String) async {
        guard let task = model.objects.tasks[id], (task.networksAttachments ?? []).isEmpty else { return }
        do {
            _ = try await store.commit(
                StoreTransaction(
                    conditions: [.modified(task.key, at: Int64(clamping: task.version.index))], deletes: [task.key]))
        } catch {
            // The leader forgets it after a while, and why it came to nothing is for the caller to know.
            return
        }
    }

    private func attachable(_ reference: String, in state: SwarmState) throws -> SwarmNetwork {
        let network = try find(
            reference, in: state.networks, kind: .network, named: state.networks(named: reference))
        guard network.spec.attachable == true else {
            throw AttachmentError.notAttachable(reference)
        }
        return network
    }

    /// - Throws: ``EndpointError`` for what is no address, and for addresses that the network has not.
    private func check(_ requested: RequestedAddresses?, in network: SwarmNetwork) throws {
        switch requested {
        case nil: return
        case .unread(let text): throw text.contains(":") ? EndpointError.invalidAddress6(text) : .invalidAddress(text)
        case .hosts(let hosts):
            for address in hosts.all {
                guard network.addressRanges.contains(where: { $0.subnet.contains(address) }) else {
                    throw EndpointError.addressOutside(address.description)
                }
            }
        }
    }

    private func allocated(_ id: String) async throws -> NetworkAttachment {
        try await withThrowingTaskGroup(of: NetworkAttachment.self) { group in
            group.addTask {
                for await _ in self.model.changes() {
                    if let attachment = self.model.objects.tasks[id]?.networksAttachments?.first { return attachment }
                }
                throw CancellationError()
            }
            group.addTask {
                try await Task.sleep(for: NodeTimeouts.attachment)
                guard let reason = self.model.objects.tasks[id]?.status.err else {
                    throw AttachmentError.allocationTimeout
                }
                throw AttachmentError.notAllocated(reason: reason)
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }
}
