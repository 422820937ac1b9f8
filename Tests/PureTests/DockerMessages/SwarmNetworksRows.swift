import Faults
import EngineInterface

@testable import DockerMessages

extension SentenceTests {
    static let swarmNetworks: [Row] = [
        Row(
            SwarmNetworkError.networkUnread(id: "id", reason: "reason"), .unavailable,
            "no network can be made while the swarm has one that this manager cannot read: id: reason"),
        Row(
            SwarmNetworkError.ingressPresent("id"), .conflict,
            "rpc error: code = AlreadyExists desc = ingress network (id) is already present"),
        Row(
            SwarmNetworkError.ingressAttachable, .invalidInput,
            "rpc error: code = InvalidArgument desc = ingress network cannot be attachable"),
        Row(
            SwarmNetworkError.ingressNeeded(by: "id"), .invalidInput,
            "rpc error: code = FailedPrecondition desc = ingress network cannot be removed because service id depends on it"
        ),
        Row(SwarmNetworkError.identifiersExhausted, .unavailable, "no VXLAN network identifier is free"),
        Row(
            SwarmNetworkError.poolsExhausted, .unavailable,
            "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
        ),
        Row(
            SwarmNetworkError.inUse(network: "id", user: .service("web")), .invalidInput,
            "rpc error: code = FailedPrecondition desc = network id is in use by service web"),
        Row(
            SwarmNetworkError.inUse(network: "id", user: .task("t1")), .invalidInput,
            "rpc error: code = FailedPrecondition desc = network id is in use by task t1"),
        Row(AttachmentError.notMember(node: "node"), .forbidden, "node node is not part of the swarm"),
        Row(
            AttachmentError.limitReached(node: "node"), .unavailable,
            "node node has as many places on networks as a node may have"),
        Row(
            AttachmentError.notOfNode(task: "task", node: "node"), .forbidden, "task task is no attachment of node node"
        ),
        Row(AttachmentError.notAttachable("network"), .forbidden, "network network not manually attachable"),
        Row(AttachmentError.notAllocated(reason: "reason"), .conflict, "reason"),
        Row(AttachmentError.allocationTimeout, .unavailable, "the swarm's leader has given no address in time"),
        Row(
            AttachmentError.refused(
                network: "network", reply: ManagerRefusal(.notFound, code: "NotFound", "message")), .notFound,
            "Could not attach to network network: rpc error: code = NotFound desc = message"),
    ]
}
