import Addressing
import Model
import Orchestration

/// Addresses that nodes have chosen for their tasks, in networks whose addresses nodes choose: names lead there, and nothing else follows from them.
///
/// Nobody can say from afar what the settings of a node are, and the node itself would say both. So what is looked at is what an honest node never
/// says: an address of no host, or of another network of the swarm; two of a family; one that a task on another node has. What a task has been given
/// it keeps, so that no node can lead a name about.
enum ChosenAddressRules {
    /// As many networks as a task may be told of at a time.
    private static let maximumNetworks = 64

    /// Whether these can be addresses of a task at all.
    static func isWellFormed(_ chosen: [TaskStatus.ChosenAddresses]) -> Bool {
        chosen.count <= maximumNetworks && Set(chosen.map(\.networkID)).count == chosen.count
            && chosen.allSatisfy { place in
                NodeReports.isIdentifier(place.networkID)
                    && (1...IPFamily.allCases.count).contains(place.addresses.count)
                    && Set(place.addresses.map(\.family)).count == place.addresses.count
                    && place.addresses.allSatisfy(isHost)
            }
    }

    private static func isHost(_ place: IPNetwork) -> Bool {
        let address = place.address
        guard place.prefixLength >= (address.family == .v4 ? 8 : 16), address.isOfAHost, !address.isLoopback,
            address.v6?.isLinkLocal != true, address.v6?.mappedIPv4 == nil
        else { return false }
        return AddressRange(subnet: place).isHost(address)
    }

    /// Whether a report has addresses for a place of the task that has none yet.
    static func areNews(_ status: TaskStatus, of task: SwarmTask) -> Bool {
        guard let chosen = status.chosenAddresses, !task.status.state.isTerminal, status.state >= task.status.state
        else { return false }
        return (task.networksAttachments ?? []).contains { attachment in
            isOpen(attachment) && chosen.contains { $0.networkID == attachment.network.id }
        }
    }

    private static func isOpen(_ attachment: NetworkAttachment) -> Bool {
        attachment.network.isNodeLocal && attachment.addresses.isEmpty
    }

    /// Gives a task what its node has chosen for it, where it has nothing yet. What is not believed is left out, and looked at again when something
    /// in the swarm has changed: ``ReportWriter/lookAgain()``.
    static func settle(_ status: TaskStatus, in task: inout SwarmTask, _ state: SwarmState) {
        guard areNews(status, of: task) else { return }
        for index in (task.networksAttachments ?? []).indices {
            guard let attachment = task.networksAttachments?[index], isOpen(attachment),
                let chosen = status.chosenAddresses?.first(where: { $0.networkID == attachment.network.id }),
                chosen.addresses.allSatisfy({ isFree($0.address, in: attachment.network.id, for: task, state) })
            else { continue }
            task.networksAttachments?[index].addresses = chosen.addresses
        }
    }

    /// A node's own tasks follow each other, and may be told of in any order.
    private static func isFree(
        _ address: IPAddress, in network: String, for task: SwarmTask, _ state: SwarmState
    ) -> Bool {
        let isOfOther = state.networks.values.contains { other in
            other.id != network && other.addressRanges.contains { $0.subnet.contains(address) }
        }
        if isOfOther { return false }
        guard state.holds(address, inNetwork: network) else { return true }
        return !state.sharedTasks(inNetwork: network).contains { other in
            // One that is to end makes room, though its node may be gone and say nothing any more.
            other.value.isLive && other.value.isWanted && other.value.nodeID != task.nodeID
                && (other.value.networksAttachments ?? []).contains { attachment in
                    attachment.network.id == network && attachment.addresses.contains { $0.address == address }
                }
        }
    }
}
