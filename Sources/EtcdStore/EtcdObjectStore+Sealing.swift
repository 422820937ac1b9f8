package import StateStore

extension EtcdObjectStore {
    /// Keys of which values are leased, and written anew by those who lease them.
    private static let leased = StoreKey.leaders

    /// Seals whatever below a prefix is in clear or sealed with another secret than that of the moment. Each value is written as it is, unless
    /// somebody writes it meanwhile, and with the present secret then.
    ///
    /// - Parameter fence: A leader's: writes of a former one are refused.
    /// - Returns: How many values were written.
    package func reseal(_ prefix: String, under fence: LeaderFence? = nil) async throws -> Int {
        var written = 0
        for key in try await unsealed(prefix) where !key.path.hasPrefix(Self.leased) {
            guard let value = try await get(key) else { continue }
            let conditions = [.modified(key, at: value.modifyRevision)] + (fence.map { [$0.condition] } ?? [])
            let outcome = try await commit(StoreTransaction(conditions: conditions, puts: [.init(key, value.value)]))
            if let fence, fence.isBroken(by: outcome) { throw StateStoreError(.leadershipLost, "seal \(key)") }
            if outcome.revision != nil { written += 1 }
        }
        return written
    }
}
