import Synchronization

/// How often this process did what a change of the network that only adds or takes an endpoint or a backend must not need. For tests and benchmarks.
package struct KernelCounters: Equatable, Sendable {
    /// What is counted.
    package enum Kind: Int, CaseIterable, Sendable {
        /// A thread was started for blocking work.
        case thread
        /// A thread has entered a network namespace.
        case entry
        /// A file was opened.
        case file
        /// A context of libnftables was made.
        case rulesetContext
        /// Everything in a network namespace was listed.
        case listing
    }

    private static let threads = Atomic<Int>(0)
    private static let entries = Atomic<Int>(0)
    private static let files = Atomic<Int>(0)
    private static let contexts = Atomic<Int>(0)
    private static let listed = Atomic<Int>(0)

    /// Counts one; from any thread.
    package static func note(_ kind: Kind) {
        switch kind {
        case .thread: threads.wrappingAdd(1, ordering: .relaxed)
        case .entry: entries.wrappingAdd(1, ordering: .relaxed)
        case .file: files.wrappingAdd(1, ordering: .relaxed)
        case .rulesetContext: contexts.wrappingAdd(1, ordering: .relaxed)
        case .listing: listed.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Started for blocking work.
    package let threads: Int
    /// Of threads into network namespaces.
    package let entries: Int
    /// Opened.
    package let files: Int
    /// Of libnftables.
    package let contexts: Int
    /// Of network namespaces.
    package let listings: Int

    /// Since the process has started.
    package static var now: KernelCounters {
        KernelCounters(
            threads: threads.load(ordering: .relaxed), entries: entries.load(ordering: .relaxed),
            files: files.load(ordering: .relaxed), contexts: contexts.load(ordering: .relaxed),
            listings: listed.load(ordering: .relaxed))
    }

    /// What has been counted in between.
    package static func - (later: Self, earlier: Self) -> Self {
        KernelCounters(
            threads: later.threads &- earlier.threads, entries: later.entries &- earlier.entries,
            files: later.files &- earlier.files, contexts: later.contexts &- earlier.contexts,
            listings: later.listings &- earlier.listings)
    }
}
