import LinuxSystem
package import Model

/// What a member tells of itself in Prometheus' text, on the socket that its clients have anyway.
package enum EtcdMetrics {
    /// Bytes of an answer; 150 KB are usual.
    private static let most = 2 << 20
    private static let deadline = Duration.seconds(2)
    /// HTTP/1.0: the answer ends with the connection, and is not in pieces.
    private static let request = Array("GET /metrics HTTP/1.0\r\nHost: etcd\r\n\r\n".utf8)

    /// - Parameter socket: Path of the clients' socket.
    /// - Throws: `SystemError`, ``EtcdError``.
    package static func read(from socket: String) async throws -> StoreMetrics {
        let octets = try await onThread {
            try StreamExchange.run(request, at: .unix(socket), within: deadline, most: most)
        }
        guard let metrics = StoreMetrics(exposition: String(decoding: octets, as: UTF8.self)) else {
            throw EtcdError(.notReady, "what it tells on \(socket) are no metrics")
        }
        return metrics
    }
}

extension StoreMetrics {
    /// What is of interest of etcd's page. Names: etcd 3.4 and 3.5, `etcdserver/metrics.go`, `mvcc/metrics.go`, `wal/metrics.go`.
    /// - Returns: `nil` for what is no page of a member.
    package init?(exposition text: String) {
        var values: [Substring: Double] = [:]
        var classes: [Substring: [(bound: Int64, count: UInt64)]] = [:]
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("etcd_") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let key = parts.first, let word = parts.last, let value = Double(word) else {
                continue
            }
            guard let brace = key.firstIndex(of: "{") else {
                values[key] = value
                continue
            }
            let family = key[..<brace]
            guard family.hasSuffix("_seconds_bucket"), let bound = Self.bound(key[brace...]) else { continue }
            classes[family, default: []].append((bound, UInt64(exactly: value.rounded()) ?? 0))
        }
        guard let leader = values["etcd_server_has_leader"] else { return nil }
        func whole(_ name: Substring) -> Int64 { values[name].flatMap { Int64(exactly: $0.rounded()) } ?? 0 }
        self.init()
        commits = Self.histogram("etcd_disk_backend_commit_duration_seconds", values, classes)
        databaseBytes = whole("etcd_mvcc_db_total_size_in_bytes")
        databaseBytesInUse = whole("etcd_mvcc_db_total_size_in_use_in_bytes")
        failedProposals = whole("etcd_server_proposals_failed_total")
        hasLeader = leader == 1
        isLeader = values["etcd_server_is_leader"] == 1
        leaderChanges = whole("etcd_server_leader_changes_seen_total")
        logSyncs = Self.histogram("etcd_disk_wal_fsync_duration_seconds", values, classes)
        pendingProposals = whole("etcd_server_proposals_pending")
    }

    /// Of `{le="0.001"}` in microseconds; `nil` for the last class, which the whole number tells.
    private static func bound(_ labels: Substring) -> Int64? {
        guard labels.hasPrefix("{le=\""), labels.hasSuffix("\"}"),
            let seconds = Double(labels.dropFirst(5).dropLast(2)), seconds.isFinite
        else { return nil }
        return Int64(exactly: (seconds * 1e6).rounded())
    }

    private static func histogram(
        _ family: String, _ values: [Substring: Double], _ classes: [Substring: [(bound: Int64, count: UInt64)]]
    ) -> DurationHistogram {
        let told = (classes["\(family)_bucket"] ?? []).sorted { $0.bound < $1.bound }.prefix(64)
        let total = values["\(family)_count"].flatMap { UInt64(exactly: $0.rounded()) } ?? 0
        var before: UInt64 = 0
        // They are told added up.
        let counts = (told.map(\.count) + [total]).map { count in
            defer { before = max(before, count) }
            return count > before ? count - before : 0
        }
        let sum = values["\(family)_sum"].flatMap { UInt64(exactly: ($0 * 1e6).rounded()) } ?? 0
        return DurationHistogram(bounds: told.map(\.bound), counts: counts, microseconds: sum)
    }
}
