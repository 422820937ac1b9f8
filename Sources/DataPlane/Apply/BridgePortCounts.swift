/// How many ports of bridges are in use, as the last pass has left them. Ports that others have put into a bridge are not counted. Pure.
package struct BridgePortCounts: Equatable, Sendable {
    /// The most that Linux gives a bridge (`BR_PORT_BITS` of `net/bridge/br_private.h`).
    package static let most = 1023

    /// Of the node's bridges, by their links' names.
    package private(set) var bridges: [String: Int] = [:]
    /// Of overlays' bridges on this node, by the network's id. One port of each is that of the tunnel to other nodes.
    package private(set) var overlays: [String: Int] = [:]

    mutating func add(_ kernel: KernelState, of scope: Scope) {
        for (name, link) in kernel.links {
            let isBridge = if case .bridge = link.make { true } else { false }
            switch scope {
            case .node:
                if isBridge { bridges[name, default: 0] += 0 }
                if let master = link.master { bridges[master, default: 0] += 1 }
            case .overlay(let id):
                if isBridge { overlays[id, default: 0] += 0 }
                if link.master == Layout.overlayBridge { overlays[id, default: 0] += 1 }
            case .ingress, .sandbox: break
            }
        }
    }
}
