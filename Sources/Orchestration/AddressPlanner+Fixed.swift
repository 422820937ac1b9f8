import Addressing
import Model

/// Addresses that services ask for, as ``FixedAddressRules`` let them.
extension AddressPlanner {
    /// What a task waits for, in words.
    static func isTaken(_ address: IPAddress, _ network: SwarmNetwork) -> String {
        "address \(address) of network \(network.spec.name) is in use"
    }

    /// Why a service is without the virtual address that it asks for; `nil` when it has it. Without it none of its tasks begins.
    func lack(of service: Service, in network: SwarmNetwork) -> String? {
        guard service.spec.usesVirtualIPs, let fixed = service.spec.fixedVirtualIP(in: network.id),
            !(service.endpoint.virtualIPs ?? []).contains(where: {
                $0.networkID == network.id && $0.addr?.address == fixed
            })
        else { return nil }
        return Self.isTaken(fixed, network)
    }

    /// Gives up what tasks have that a new one is to follow and that are lost with their nodes: nobody waits a day for the address.
    func forsake(_ address: IPAddress, in network: String, of task: SwarmTask, _ draft: inout SwarmDraft) {
        for other in draft.state.tasks.lookup.tasks(of: task.serviceID, at: task.place)
        where other.id != task.id && other.isLive && !other.isWanted {
            guard let id = other.nodeID, draft.state.nodes.shared(id)?.value.status.state == .down,
                (other.networksAttachments ?? []).contains(where: { attachment in
                    attachment.network.id == network && attachment.addresses.contains { $0.address == address }
                })
            else { continue }
            var other = other
            other.status = TaskStatus(
                .orphaned, "the node is down, and another task takes the address", at: draft.now)
            draft.put(other)
        }
    }
}
