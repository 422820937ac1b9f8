/// What one pass did. Failures of one namespace do not stop the others; what failed is tried again by the next pass, and by the repair.
package struct ApplyReport: Sendable {
    /// Changes made: netlink requests, kernel parameters, elements and tables of nft.
    package var changes = 0
    /// Sandboxes that were looked at to know what is to be done: those that change, or all there are where a change reaches further.
    package var derived = 0
    package var scopes: Set<Scope> = []
    /// What went wrong, by namespace.
    package var failures: [Scope: [any Error]] = [:]
    package var duration: Duration = .zero

    package init() {}

    package var isUnchanged: Bool { changes == 0 && failures.isEmpty }
}

/// What a comparison with the kernel found, and repaired.
package struct DriftReport: Sendable {
    /// As many differences of one namespace are told in words.
    package static let mostWords = 8

    package var reason: String
    /// What differed, in words, by namespace.
    package var repairs: [Scope: [String]] = [:]
    /// What could not be compared or repaired, by namespace.
    package var failures: [Scope: [any Error]] = [:]
    package var duration: Duration = .zero
    /// Differences repaired since the daemon has started, these included.
    package var total: UInt64 = 0

    package init(reason: String) { self.reason = reason }

    /// Differences found and repaired, of all namespaces.
    package var count: Int { repairs.values.reduce(0) { $0 + $1.count } }

    package var isClean: Bool { repairs.isEmpty && failures.isEmpty }
}

extension Duration {
    /// With milliseconds, for people.
    package var seconds: Double {
        (Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15).rounded() / 1000
    }
}

extension ApplyReport {
    /// Throws what kept a container's network from being complete: failures in its namespace, the node's, or an overlay's.
    package func check(sandbox id: String) throws {
        for (scope, errors) in failures {
            if case .sandbox(let other) = scope, other != id { continue }
            if scope == .ingress { continue }
            let text = errors.map { "\($0)" }.joined(separator: "; ")
            throw DataPlaneError(code: .incomplete, message: "\(scope): \(text)")
        }
    }
}
