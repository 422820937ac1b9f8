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

/// What one call of ``DataPlane/apply(_:)`` did. Failures of one namespace do not stop the others; what failed is tried
/// again at the next call, and by the repair.
package struct ApplyReport: Sendable {
    /// Changes made: netlink requests, kernel parameters, elements and tables of nft.
    package var changes = 0
    package var scopes: Set<Scope> = []
    package var failures: [Scope: [any Error]] = [:]
    package var duration: Duration = .zero

    package init() {}

    package var isUnchanged: Bool { changes == 0 && failures.isEmpty }
}

/// What a comparison with the kernel found, and repaired.
package struct DriftReport: Sendable {
    package var reason: String
    /// What differed, in words, by namespace.
    package var repairs: [Scope: [String]] = [:]
    package var failures: [Scope: [any Error]] = [:]
    package var duration: Duration = .zero

    package init(reason: String) { self.reason = reason }

    package var isClean: Bool { repairs.isEmpty && failures.isEmpty }
}
