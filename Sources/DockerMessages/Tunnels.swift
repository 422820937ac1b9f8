import EngineInterface

extension TunnelError: MessageConvertible {
    var message: String {
        switch self {
        case .nodeUnreachable(let node):
            "the container is on node \(node), which is not connected to this manager"
        case .nodeTooOld(let node):
            "the container is on node \(node), which runs a version of Apus that does not answer for it at other nodes"
        case .noAnswer(let node):
            "the container is on node \(node), which does not answer"
        case .brokenOff(let node):
            "the connection with node \(node) has broken off"
        case .limitReached(let node):
            "too much is asked of containers on node \(node) at once: try again later"
        case .requestTooLarge:
            "the request is too large for a container on another node"
        case .badAnswer(let node):
            "node \(node) has answered what is no answer"
        case .refused(_, let words):
            words
        }
    }
}
