/// A part of the node's network that is applied as a unit: one namespace.
package enum Scope: Hashable, Sendable, CustomStringConvertible {
    case node
    /// By network id.
    case overlay(String)
    case ingress
    /// By container id.
    case sandbox(String)

    package var description: String {
        switch self {
        case .node: "node"
        case .overlay(let id): "overlay \(id)"
        case .ingress: "ingress"
        case .sandbox(let id): "sandbox \(id)"
        }
    }
}
