package import LinuxSystem

/// Names, paths and numbers by which everything of ours is found again.
package struct Layout: Sendable, Equatable {
    /// Links that lead to containers: bridges of the node and ports of veth pairs, overlays' as well. A port of this group may say
    /// what `bridge guard` lets it say.
    package static let linkGroup: UInt32 = 77
    /// Ports of namespaces of our own that pass on what others send.
    package static let ownGroup: UInt32 = 78
    /// Links on their way out, which may say nothing any more: a group is deleted at once.
    package static let leavingGroup: UInt32 = 79
    /// Table and rule preference of replies to mesh traffic, in a task.
    package static let meshTable: UInt32 = 77
    package static let aliasPrefix = "apus:"
    /// In an overlay's namespace.
    package static let overlayBridge = "br0"
    package static let overlayTunnel = "vx0"
    /// In an encrypted overlay's namespace, in the tunnel's place: the TAP device of the process that encrypts.
    package static let encryptedTunnel = "esp0"
    /// In the ingress sandbox: on the ingress overlay, and on docker_gwbridge.
    package static let ingressInterface = "eth0"
    package static let gatewayInterface = "gw0"
    /// Node end of the ingress sandbox's endpoint in docker_gwbridge; port of its endpoint in the overlay.
    static let gatewayPort = "aingress"
    static let ingressPort = "pingress"
    private static let identifierLength = 12

    /// The directory of the daemon's volatile state, `/run/apus`.
    package let runDirectory: String

    package init(runDirectory: String) { self.runDirectory = runDirectory }

    /// What the names of overlays' namespaces begin with.
    package static let overlayPrefix = "o-"

    /// Where the names of namespaces are bound (ip-netns(8) has its own in `/run/netns`).
    package var namespaceDirectory: String { runDirectory + "/netns" }

    /// A container's namespace, by the container's id.
    package func sandbox(_ id: String) -> NetworkNamespace { namespace("c-" + id) }
    /// Where an overlay's namespace on this node is, by the network's id.
    package func overlayPath(_ id: String) -> String { overlay(id).path }
    /// An overlay's namespace on this node, by the network's id.
    package func overlay(_ id: String) -> NetworkNamespace { namespace(Self.overlayPrefix + id) }
    package var ingress: NetworkNamespace { namespace("ingress") }

    /// A namespace to try something in, thrown away right afterwards.
    func probe() -> String { namespaceDirectory + "/" + Self.probePrefix + RandomID.hex(bytes: 4) }
    static let probePrefix = "probe-"

    /// `nil`: the node's own.
    func namespace(of scope: Scope) -> NetworkNamespace? {
        switch scope {
        case .node: nil
        case .overlay(let id): overlay(id)
        case .ingress: ingress
        case .sandbox(let id): sandbox(id)
        }
    }

    private func namespace(_ name: String) -> NetworkNamespace {
        NetworkNamespace(path: namespaceDirectory + "/" + name)
    }

    /// Node end of an endpoint's veth pair in a bridge of the node.
    static func nodePort(_ endpointID: String) -> String { "a" + endpointID.prefix(identifierLength) }
    /// Port of an endpoint in its overlay's namespace.
    static func overlayPort(_ endpointID: String) -> String { "p" + endpointID.prefix(identifierLength) }

    static func alias(_ kind: String, _ id: String) -> String { "\(aliasPrefix)\(kind):\(id)" }
}
