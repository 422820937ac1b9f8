import Model

/// The metrics of a manager's member of the store, under the names that etcd has for them.
enum StoreFamilies {
    static func write(_ store: StoreMetrics, to page: inout ExpositionWriter) {
        let gauges: [(name: String, unit: String, help: String, value: Int64)] = [
            ("server_has_leader", "", "Whether the store has a leader, and so takes changes.", store.hasLeader ? 1 : 0),
            ("server_is_leader", "", "Whether this manager's member leads the store.", store.isLeader ? 1 : 0),
            ("server_proposals_pending", "", "Changes that wait to be agreed on.", store.pendingProposals),
            ("mvcc_db_total_size_in_bytes", "bytes", "Size of the store's file.", store.databaseBytes),
            (
                "mvcc_db_total_size_in_use_in_bytes", "bytes", "What of the store's file is in use.",
                store.databaseBytesInUse
            ),
        ]
        for gauge in gauges {
            page.family("etcd_\(gauge.name)", .gauge, unit: gauge.unit, gauge.help)
            page.sample(gauge.value)
        }
        page.family("etcd_server_leader_changes_seen", .counter, "How often the store had another leader.")
        page.sample(store.leaderChanges)
        page.family("etcd_server_proposals_failed", .counter, "Changes that were not agreed on.")
        page.sample(store.failedProposals)
        page.family(
            "etcd_disk_wal_fsync_duration_seconds", .histogram, unit: "seconds",
            "How long the disk took to keep what was agreed on.")
        page.sample(.init(), store.logSyncs)
        page.family(
            "etcd_disk_backend_commit_duration_seconds", .histogram, unit: "seconds",
            "How long the disk took to keep the store's file.")
        page.sample(.init(), store.commits)
    }
}
