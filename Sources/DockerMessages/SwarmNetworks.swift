import EngineInterface

extension SwarmNetworkError: MessageConvertible {
    var message: String {
        switch self {
        case .networkUnread(let id, let reason):
            "no network can be made while the swarm has one that this manager cannot read: \(id): \(reason)"
        case .ingressPresent(let id):
            "rpc error: code = AlreadyExists desc = ingress network (\(id)) is already present"
        case .ingressAttachable:
            "rpc error: code = InvalidArgument desc = ingress network cannot be attachable"
        case .ingressNeeded(let service):
            "rpc error: code = FailedPrecondition desc = ingress network cannot be removed because service \(service) depends on it"
        case .identifiersExhausted:
            "no VXLAN network identifier is free"
        case .poolsExhausted:
            "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
        case .inUse(let network, let user):
            "rpc error: code = FailedPrecondition desc = network \(network) is in use by \(user.message)"
        }
    }
}

extension SwarmNetworkUser: MessageConvertible {
    var message: String {
        switch self {
        case .service(let id):
            "service \(id)"
        case .task(let id):
            "task \(id)"
        }
    }
}

extension AttachmentError: MessageConvertible {
    var message: String {
        switch self {
        case .notMember(let node):
            "node \(node) is not part of the swarm"
        case .limitReached(let node):
            "node \(node) has as many places on networks as a node may have"
        case .notOfNode(let task, let node):
            "task \(task) is no attachment of node \(node)"
        case .notAttachable(let network):
            "network \(network) not manually attachable"
        case .notAllocated(let reason):
            reason
        case .allocationTimeout:
            "the swarm's leader has given no address in time"
        case .refused(let network, let reply):
            "Could not attach to network \(network): \(reply.sentence)"
        }
    }
}
