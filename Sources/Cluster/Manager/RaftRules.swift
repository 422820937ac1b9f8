import Faults
import Model

/// The `Raft` of a swarm's specification: parameters of a store that Apus does not have. Clients send the usual values along.
enum RaftRules {
    /// What Docker's clients and managers begin with.
    private static let usual: [String: [Double]] = [
        "SnapshotInterval": [0, 10_000], "KeepOldSnapshots": [0], "LogEntriesForSlowFollowers": [0, 500],
        "ElectionTick": [0, 3, 10], "HeartbeatTick": [0, 1],
    ]

    /// - Throws: ``UnsupportedError`` for a value that asks for something.
    static func check(_ raft: JSONValue?) throws(UnsupportedError) {
        guard case .object(let fields)? = raft else { return }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            guard case .number(let number) = value, usual[name]?.contains(number) == false else { continue }
            throw UnsupportedError.raftSetting(name)
        }
    }
}
