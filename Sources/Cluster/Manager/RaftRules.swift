import Faults
import Model

/// The `Raft` of a swarm's specification: parameters of a store that Apus does not have. Clients send the usual values along.
enum RaftRules {
    /// What Docker's clients and managers begin with.
    private static let usual: [String: [Double]] = [
        "SnapshotInterval": [0, 10_000], "KeepOldSnapshots": [0], "LogEntriesForSlowFollowers": [0, 500],
        "ElectionTick": [0, 3, 10], "HeartbeatTick": [0, 1],
    ]

    /// The values as answers have them: all, whichever were given.
    static func shown(_ raft: JSONValue?) -> JSONValue {
        var shown = usual.compactMapValues { $0.last.map(JSONValue.number) }
        if case .object(let given)? = raft {
            for (name, value) in given where value != .number(0) && value != .null { shown[name] = value }
        }
        return .object(shown)
    }

    /// - Throws: ``UnsupportedError`` for a value that asks for something.
    static func check(_ raft: JSONValue?) throws(UnsupportedError) {
        guard case .object(let fields)? = raft else { return }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            guard case .number(let number) = value, usual[name]?.contains(number) == false else { continue }
            throw UnsupportedError.raftSetting(name)
        }
    }
}
