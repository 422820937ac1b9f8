import LinuxSystem

/// A quick look at what changes without a word of the kernel: parameters, and whether a namespace still has its name.
struct DriftProbe: Sendable {
    let scope: Scope
    /// `nil`: the one this process runs in.
    let namespace: NetworkNamespace?
    let parameters: [String: String]

    /// The scopes in which something is not as it should be, or that cannot be looked at: who compares them with the kernel
    /// is told why. One thread goes through all namespaces.
    static func take(_ glances: [DriftProbe]) async throws -> Set<Scope> {
        try await onThread {
            var changed: Set<Scope> = []
            // Before the thread goes elsewhere, for it does not come back.
            for glance in glances.sorted(by: { $0.namespace == nil && $1.namespace != nil }) {
                do {
                    if try glance.differs() { changed.insert(glance.scope) }
                } catch {
                    changed.insert(glance.scope)
                }
            }
            return changed
        }
    }

    private func differs() throws -> Bool {
        if let namespace {
            guard namespace.exists() else { return true }
            try namespace.enter()
        }
        for (name, value) in parameters {
            // One that this kernel has not was never set.
            if let found = try Sysctl.read(name), found != value { return true }
        }
        return false
    }
}
