/// Networks that every node has of its own, and that a service can name as well: it names them by these words, where others are named by ids.
package enum PredefinedNetwork: String, Sendable, CaseIterable {
    case bridge, host, none

    /// As inspect has it.
    package var driver: String { self == .none ? "null" : rawValue }
}

extension NetworkAttachmentConfig {
    /// `nil` for a network of the swarm.
    package var predefined: PredefinedNetwork? { PredefinedNetwork(rawValue: target) }
}
