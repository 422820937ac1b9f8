import Glibc
import LinuxSystem

/// A quick look at what changes without a word of the kernel: parameters, and whether a namespace still has its name.
struct DriftProbe: Sendable {
    let scope: Scope
    /// `nil`: the one this process runs in.
    let namespace: NetworkNamespace?
    let parameters: [String: String]

    struct Result: Sendable {
        /// In which something is not as it should be, or that cannot be looked at: who compares them with the kernel is told why.
        var changed: Set<Scope> = []
        /// Those of the others that there was time for: the first ones of them.
        var looked: [Scope] = []

        fileprivate mutating func note(_ probe: DriftProbe) {
            do {
                if try probe.differs() { changed.insert(probe.scope) }
            } catch { changed.insert(probe.scope) }
        }
    }

    /// Looks at the first ones, and at as many of the others as there is time for, in their order; at one of these always. One thread goes through all namespaces.
    /// - Parameter budget: of the thread's own time, for the others.
    static func take(
        first: [DriftProbe] = [], _ others: [DriftProbe], within budget: Duration
    ) async throws -> Result {
        if first.isEmpty, others.isEmpty { return Result() }
        return try await onThread {
            var result = Result()
            // Before the thread goes elsewhere, for it does not come back.
            for probe in first.filter({ $0.namespace == nil }) + first.filter({ $0.namespace != nil }) {
                result.note(probe)
            }
            let start = threadTime()
            for probe in others {
                if !result.looked.isEmpty, threadTime() - start > budget { break }
                result.looked.append(probe.scope)
                result.note(probe)
            }
            return result
        }
    }

    private static func threadTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
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
