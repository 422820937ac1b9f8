import Synchronization

/// How often this process asked the kernel for connections, in all namespaces: a count costs nothing, a dump goes through the table of all of them. For
/// tests.
package struct ConntrackCounters: Equatable, Sendable {
    /// What is counted.
    enum Kind {
        case count
        case dump
    }

    private static let counted = Atomic<Int>(0)
    private static let dumped = Atomic<Int>(0)

    static func note(_ kind: Kind) {
        switch kind {
        case .count: counted.wrappingAdd(1, ordering: .relaxed)
        case .dump: dumped.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// How often connections were counted.
    package let counts: Int
    /// How often they were listed, all or some.
    package let dumps: Int

    /// Since the process has started.
    package static var now: ConntrackCounters {
        ConntrackCounters(counts: counted.load(ordering: .relaxed), dumps: dumped.load(ordering: .relaxed))
    }

    /// What has been counted in between.
    package static func - (later: Self, earlier: Self) -> Self {
        ConntrackCounters(counts: later.counts &- earlier.counts, dumps: later.dumps &- earlier.dumps)
    }
}
