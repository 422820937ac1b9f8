import EngineInterface
import Model

extension SwarmError: MessageConvertible {
    var message: String {
        switch self {
        case .notMember:
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
        case .networkWithoutSwarm:
            "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
        case .notManager:
            "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager."
        case .alreadyMember:
            "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one."
        case .nothingToLeave:
            "This node is not part of a swarm"
        case .changing:
            "another change of this node's swarm membership is under way"
        case .unreadable(let reason, let directory):
            "this node's swarm membership cannot be read: \(reason). It is kept in \(directory); move that away to begin anew"
        case .leaderless:
            "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online."
        case .dataPathPortOutOfRange(let port):
            "the port number \(port) is not valid. valid range is from 1024 to 49151"
        case .invalidIngressPool(let text):
            "invalid ingress pool \(text): it must be an IPv4 subnet of 16 to 28 bits"
        case .ingressPoolRouted(let text, let route):
            "ingress pool \(text) overlaps with the route to \(route) on this node"
        case .ingressUnusable(let subnet, let trouble):
            "this node cannot have \(subnet) as its swarm's ingress network: \(trouble.message)"
        case .noToken:
            "A valid join token is necessary to join this cluster"
        case .invalidToken:
            "invalid join token"
        case .noManagerNamed:
            "at least 1 RemoteAddr is required to join"
        case .networkOfWorker:
            "Cannot create a multi-host network from a worker node. Please create the network from a manager node."
        case .networkNotFound(let reference):
            "network \(reference) not found"
        case .invalidAddress(let field, let text):
            "invalid \(field) address: \(text)"
        case .noOwnAddress:
            "could not choose an IP address to advertise since this system has no or multiple addresses - specify one with --advertise-addr"
        case .startTimeout:
            "the swarm could not be started in time"
        case .joinTimeout:
            "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the \"docker info\" command to see the current swarm status of your node."
        case .leavesLastManager:
            "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message."
        case .leavesWithoutQuorum(let remaining, let all):
            "You are attempting to leave the swarm on a node that is participating as a manager. Removing this node leaves \(remaining) managers out of \(all). Without a Raft quorum your swarm will be inaccessible. The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message."
        case .leavesManagers:
            "You are attempting to leave the swarm on a node that is participating as a manager. The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message."
        case .leavesUnknownManagers:
            "You are attempting to leave the swarm on a node that is participating as a manager. Doing so may lose the consensus of your cluster. The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message."
        case .neitherAddressNorInterface(let field, let text):
            "invalid \(field) address: neither an IPv4 address nor an interface with one: \(text)"
        case .managerUnreachable(let address, let reason):
            "rpc error: code = Unavailable desc = connection error: cannot reach the manager at \(address): \(reason)"
        case .joinRefused(let reply):
            reply.sentence
        case .rootMismatch(let digest):
            "remote CA does not match fingerprint. Expected: \(digest)"
        }
    }
}

extension ManagerRefusal {
    /// As Docker's own transport words it.
    var sentence: String { "rpc error: code = \(code) desc = \(message)" }
}

extension IngressTrouble: MessageConvertible {
    var message: String {
        switch self {
        case .refused(let reason):
            "the kernel does not take it: \(reason)"
        case .parameter(let name, let value):
            "nothing arrives while \(name) is \(value)"
        case .lost:
            "nothing arrives, while packets with other numbers do; --ingress-pool chooses others"
        case .silent:
            "nothing arrives between two network namespaces, whatever numbers it has"
        }
    }
}

extension SwarmSpecError: MessageConvertible {
    var message: String {
        switch self {
        case .notDefault:
            "swarm spec must be named \"default\""
        case .shortCertificateLife:
            "rpc error: code = InvalidArgument desc = minimum certificate expiry time must be longer than or equal to 1h0m0s"
        case .negativeHeartbeat:
            "rpc error: code = InvalidArgument desc = heartbeat time period cannot be a negative duration"
        case .raftCount(let name):
            "json: cannot unmarshal value into Go struct field RaftConfig.\(name) of type uint64"
        case .invalidPublishing(let text):
            "rpc error: code = InvalidArgument desc = label apus.publish: invalid publishing option: \(text)"
        }
    }
}

extension DefaultPoolError: MessageConvertible {
    var message: String {
        switch self {
        case .sizeOutOfRange(let size):
            "subnet size is out of range: \(size)"
        case .invalidBase(let text):
            "invalid base pool \(text): invalid CIDR address: \(text)"
        case .smallBase(let text, let prefixLength):
            "invalid CIDR: \"\(text)\". Subnet size is too small for pool: \(prefixLength)"
        case .overlap(let base, let other):
            "base pool \(base) overlaps with \(other)"
        }
    }
}

extension SwarmObjectError: MessageConvertible {
    var message: String {
        switch self {
        case .notFound(let kind, let reference):
            "\(kind.message) \(reference) not found"
        case .ambiguous(let kind, let reference, let matches):
            "\(kind.message) \(reference) is ambiguous (\(matches) matches found)"
        case .outOfSequence:
            "rpc error: code = Unknown desc = update out of sequence"
        }
    }
}

extension SwarmObjectKind: MessageConvertible {
    var message: String {
        switch self {
        case .cluster:
            "cluster"
        case .network:
            "network"
        case .node:
            "node"
        case .service:
            "service"
        case .task:
            "task"
        }
    }
}

extension NodeError: MessageConvertible {
    var message: String {
        switch self {
        case .lastManager:
            "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm"
        case .losesQuorum:
            "rpc error: code = FailedPrecondition desc = can't remove member from the raft: this would result in a loss of quorum"
        case .isManager(let id):
            "rpc error: code = FailedPrecondition desc = node \(id) is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"
        case .notDown(let id):
            "rpc error: code = FailedPrecondition desc = node \(id) is not down and can't be removed"
        }
    }
}
