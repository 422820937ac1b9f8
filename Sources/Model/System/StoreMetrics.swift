/// What this manager's member of the store tells of itself.
package struct StoreMetrics: Sendable, Equatable {
    package var hasLeader = false
    package var isLeader = false
    /// That it has seen since it began, and so the next.
    package var leaderChanges: Int64 = 0
    /// Changes that were not agreed on.
    package var failedProposals: Int64 = 0
    /// Changes that wait to be agreed on at present.
    package var pendingProposals: Int64 = 0
    package var databaseBytes: Int64 = 0
    /// What would be left after a defragmentation.
    package var databaseBytesInUse: Int64 = 0
    /// Writes of its log to the disk, without which nothing is decided.
    package var logSyncs = DurationHistogram(bounds: [])
    /// Commits of its database to the disk.
    package var commits = DurationHistogram(bounds: [])

    package init() {}
}
