import EtcdStore
import Model

/// What the leader does so that the roles that are asked for, the roles that certificates may have, and the store's members agree.
///
/// A manager is taken out of the store before its certificate may be a worker's, and may have a manager's certificate before it is let into
/// the store. Every step can be repeated: whoever leads next goes on from what is there.
enum RolePlanner {
    enum Step: Equatable {
        /// Lets the node have a certificate of this role.
        case grant(node: String, NodeRole)
        /// Makes a learner count.
        case promote(member: UInt64)
        case remove(member: UInt64)
        /// The leader itself is to be a worker: another one takes it out.
        case resign
        /// Removing a member now would cost the quorum.
        case wait(member: UInt64)
    }

    /// - Parameters:
    ///   - present: The managers that are up, by node id.
    ///   - leader: The node that asks; its own member is never removed.
    static func steps(nodes: [Node], members: [EtcdMember], present: Set<String>, leader: String) -> [Step] {
        var steps: [Step] = []
        var removed: Set<UInt64> = []

        func node(of member: EtcdMember) -> Node? {
            nodes.first { member.name == $0.id }
                ?? nodes.first { node in node.membership?.storeURL.map { member.peerURLs.contains($0) } ?? false }
        }
        func remove(_ member: EtcdMember) {
            let left = members.filter { $0.id != member.id && !removed.contains($0.id) && !$0.isLearner }
            let reachable = left.count { member in
                node(of: member).map { present.contains($0.id) || $0.id == leader } ?? false
            }
            guard member.isLearner || hasQuorum(reachable, of: left.count) else {
                steps.append(.wait(member: member.id))
                return
            }
            removed.insert(member.id)
            steps.append(.remove(member: member.id))
        }

        for node in nodes.sorted(by: { $0.id < $1.id }) {
            switch (node.spec.role, node.grantedRole) {
            case (.manager, .worker): steps.append(.grant(node: node.id, .manager))
            case (.worker, .manager) where node.id == leader:
                if !present.subtracting([leader]).isEmpty { return [.resign] }
            case (.worker, .manager):
                let own = members.filter { member in
                    member.name == node.id || node.membership?.storeURL.map { member.peerURLs.contains($0) } ?? false
                }
                if own.isEmpty { steps.append(.grant(node: node.id, .worker)) }
                own.forEach(remove)
            case (.manager, .manager), (.worker, .worker): break
            }
        }
        for member in members.sorted(by: { $0.id < $1.id }) {
            guard let node = node(of: member), node.grantedRole == .manager else {
                remove(member)
                continue
            }
            guard node.spec.role == .manager, member.isLearner else { continue }
            // One learner at a time is let in: one whose node is gone must not keep others out. It joins anew when it is back.
            if node.status.state == .down { remove(member) } else { steps.append(.promote(member: member.id)) }
        }
        return steps
    }

    /// Whether so many of the store's members are enough to go on.
    static func hasQuorum(_ reachable: Int, of members: Int) -> Bool { reachable >= members / 2 + 1 }
}
