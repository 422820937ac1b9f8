import EngineInterface
import Faults

@testable import DockerMessages

extension SentenceTests {
    static let tunnels: [Row] = [
        Row(
            TunnelError.nodeUnreachable("n"), .unavailable,
            "the container is on node n, which is not connected to this manager"),
        Row(
            TunnelError.nodeTooOld("n"), .unavailable,
            "the container is on node n, which runs a version of Apus that does not answer for it at other nodes"),
        Row(TunnelError.noAnswer("n"), .unavailable, "the container is on node n, which does not answer"),
        Row(TunnelError.brokenOff("n"), .unavailable, "the connection with node n has broken off"),
        Row(
            TunnelError.limitReached("n"), .unavailable,
            "too much is asked of containers on node n at once: try again later"),
        Row(TunnelError.requestTooLarge, .invalidInput, "the request is too large for a container on another node"),
        Row(TunnelError.badAnswer("n"), .internalError, "node n has answered what is no answer"),
        Row(TunnelError.refused(.conflict, "container c is not running"), .conflict, "container c is not running"),
    ]
}
