import Addressing
import Faults
import EngineInterface
import Model

@testable import DockerMessages

extension SentenceTests {
    static let swarm: [Row] = [
        Row(
            SwarmError.notMember, .unavailable,
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
        ),
        Row(
            SwarmError.networkWithoutSwarm, .internalError,
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
        ),
        Row(
            SwarmError.notManager, .unavailable,
            "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager."
        ),
        Row(
            SwarmError.alreadyMember, .unavailable,
            "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one."
        ),
        Row(SwarmError.nothingToLeave, .unavailable, "This node is not part of a swarm"),
        Row(SwarmError.changing, .unavailable, "another change of this node's swarm membership is under way"),
        Row(
            SwarmError.unreadable(reason: "reason", directory: "directory"), .unavailable,
            "this node's swarm membership cannot be read: reason. It is kept in directory; move that away to begin anew"
        ),
        Row(
            SwarmError.leaderless, .unavailable,
            "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online."
        ),
        Row(
            SwarmError.dataPathPortOutOfRange(7), .invalidInput,
            "the port number 7 is not valid. valid range is from 1024 to 49151"),
        Row(
            SwarmError.invalidIngressPool("x"), .invalidInput,
            "invalid ingress pool x: it must be an IPv4 subnet of 16 to 28 bits"),
        Row(
            SwarmError.ingressPoolRouted(
                "10.0.0.0/16", by: IPNetwork(address: IPAddress(10, 0, 0, 0), prefixLength: 8)), .invalidInput,
            "ingress pool 10.0.0.0/16 overlaps with the route to 10.0.0.0/8 on this node"),
        Row(
            SwarmError.ingressUnusable(IPNetwork(address: IPAddress(10, 0, 0, 0), prefixLength: 16), .lost),
            .unavailable,
            "this node cannot have 10.0.0.0/16 as its swarm's ingress network: nothing arrives, while packets with other numbers do; --ingress-pool chooses others"
        ),
        Row(IngressTrouble.refused(reason: "reason"), .unavailable, "the kernel does not take it: reason"),
        Row(
            IngressTrouble.parameter(name: "net.ipv4.conf.all.arp_ignore", value: "8"), .unavailable,
            "nothing arrives while net.ipv4.conf.all.arp_ignore is 8"),
        Row(
            IngressTrouble.silent, .unavailable,
            "nothing arrives between two network namespaces, whatever numbers it has"),
        Row(SwarmError.noToken, .invalidInput, "A valid join token is necessary to join this cluster"),
        Row(SwarmError.invalidToken, .invalidInput, "invalid join token"),
        Row(SwarmError.noManagerNamed, .invalidInput, "at least 1 RemoteAddr is required to join"),
        Row(
            SwarmError.networkOfWorker, .forbidden,
            "Cannot create a multi-host network from a worker node. Please create the network from a manager node."),
        Row(SwarmError.networkNotFound("reference"), .notFound, "network reference not found"),
        Row(SwarmError.invalidAddress(field: "field", text: "text"), .invalidInput, "invalid field address: text"),
        Row(
            SwarmError.noOwnAddress, .invalidInput,
            "could not choose an IP address to advertise since this system has no or multiple addresses - specify one with --advertise-addr"
        ),
        Row(SwarmError.startTimeout, .unavailable, "the swarm could not be started in time"),
        Row(
            SwarmError.joinTimeout, .unavailable,
            "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the \"docker info\" command to see the current swarm status of your node."
        ),
        Row(
            SwarmError.leavesLastManager, .unavailable,
            "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message."
        ),
        Row(
            SwarmError.leavesWithoutQuorum(remaining: 7, all: 7), .unavailable,
            "You are attempting to leave the swarm on a node that is participating as a manager. Removing this node leaves 7 managers out of 7. Without a Raft quorum your swarm will be inaccessible. The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message."
        ),
        Row(
            SwarmError.leavesManagers, .unavailable,
            "You are attempting to leave the swarm on a node that is participating as a manager. The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message."
        ),
        Row(
            SwarmError.leavesUnknownManagers, .unavailable,
            "You are attempting to leave the swarm on a node that is participating as a manager. Doing so may lose the consensus of your cluster. The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message."
        ),
        Row(
            SwarmError.neitherAddressNorInterface(field: "field", text: "text"), .invalidInput,
            "invalid field address: neither an IPv4 address nor an interface with one: text"),
        Row(
            SwarmError.managerUnreachable(address: "address", reason: "reason"), .unavailable,
            "rpc error: code = Unavailable desc = connection error: cannot reach the manager at address: reason"),
        Row(
            SwarmError.joinRefused(ManagerRefusal(.forbidden, code: "PermissionDenied", "message")), .forbidden,
            "rpc error: code = PermissionDenied desc = message"),
        Row(
            SwarmError.rootMismatch(digest: "digest"), .internalError,
            "remote CA does not match fingerprint. Expected: digest"),
        Row(SwarmSpecError.notDefault, .invalidInput, "swarm spec must be named \"default\""),
        Row(
            SwarmSpecError.shortCertificateLife, .invalidInput,
            "rpc error: code = InvalidArgument desc = minimum certificate expiry time must be longer than or equal to 1h0m0s"
        ),
        Row(
            SwarmSpecError.negativeHeartbeat, .invalidInput,
            "rpc error: code = InvalidArgument desc = heartbeat time period cannot be a negative duration"),
        Row(
            SwarmSpecError.raftCount("name"), .invalidInput,
            "json: cannot unmarshal value into Go struct field RaftConfig.name of type uint64"),
        Row(
            SwarmSpecError.invalidPublishing("text"), .invalidInput,
            "rpc error: code = InvalidArgument desc = label apus.publish: invalid publishing option: text"),
        Row(DefaultPoolError.sizeOutOfRange(7), .invalidInput, "subnet size is out of range: 7"),
        Row(
            DefaultPoolError.invalidBase("text"), .invalidInput, "invalid base pool text: invalid CIDR address: text"),
        Row(
            DefaultPoolError.smallBase(text: "text", prefixLength: 7), .invalidInput,
            "invalid CIDR: \"text\". Subnet size is too small for pool: 7"),
        Row(
            DefaultPoolError.overlap(
                IPNetwork(address: IPAddress(10, 1, 0, 0), prefixLength: 16),
                IPNetwork(address: IPAddress(10, 0, 0, 0), prefixLength: 8)), .invalidInput,
            "base pool 10.1.0.0/16 overlaps with 10.0.0.0/8"),
    ]

    static let swarmObjects: [Row] = [
        Row(SwarmObjectError.notFound(.cluster, "id"), .notFound, "cluster id not found"),
        Row(SwarmObjectError.notFound(.network, "reference"), .notFound, "network reference not found"),
        Row(SwarmObjectError.notFound(.node, "reference"), .notFound, "node reference not found"),
        Row(SwarmObjectError.notFound(.service, "reference"), .notFound, "service reference not found"),
        Row(SwarmObjectError.notFound(.task, "reference"), .notFound, "task reference not found"),
        Row(
            SwarmObjectError.ambiguous(.node, "reference", matches: 7), .internalError,
            "node reference is ambiguous (7 matches found)"),
        Row(
            SwarmObjectError.outOfSequence, .internalError, "rpc error: code = Unknown desc = update out of sequence"),
        Row(
            NodeError.lastManager, .invalidInput,
            "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm"),
        Row(
            NodeError.losesQuorum, .invalidInput,
            "rpc error: code = FailedPrecondition desc = can't remove member from the raft: this would result in a loss of quorum"
        ),
        Row(
            NodeError.isManager("id"), .invalidInput,
            "rpc error: code = FailedPrecondition desc = node id is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"
        ),
        Row(
            NodeError.notDown("id"), .invalidInput,
            "rpc error: code = FailedPrecondition desc = node id is not down and can't be removed"),
    ]
}
