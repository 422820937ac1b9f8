import EngineInterface
import Faults
import Model

/// The `Raft` of a swarm's specification: parameters of a store that Apus does not have. Those of its snapshots are kept and shown, and etcd goes
/// by rules of its own; of the ticks clients send the usual values along.
enum RaftRules {
    /// What a new swarm of Docker's has.
    private static let usual: [String: Double] = [
        "SnapshotInterval": 10_000, "KeepOldSnapshots": 0, "LogEntriesForSlowFollowers": 500, "ElectionTick": 10,
        "HeartbeatTick": 1,
    ]
    /// What Docker's clients and managers begin with.
    private static let ticks: [String: [Double]] = ["ElectionTick": [0, 3, 10], "HeartbeatTick": [0, 1]]
    /// Counts of 64 bits with Docker.
    private static let counts: Set<String> = ["SnapshotInterval", "KeepOldSnapshots", "LogEntriesForSlowFollowers"]
    /// The only one that Docker takes a zero of for what is asked, and not for what is not named.
    private static let zeroable = "KeepOldSnapshots"
    /// Above it a `Double` is no count any more.
    private static let largest = 9_007_199_254_740_992.0

    /// The values as answers have them: all, whichever were given.
    static func shown(_ raft: JSONValue?) -> JSONValue {
        var shown = usual.mapValues(JSONValue.number)
        if case .object(let given)? = raft {
            for (name, value) in given where value != .number(0) && value != .null { shown[name] = value }
        }
        return .object(shown)
    }

    /// The values that a request leads to: what it does not name, or names as nothing, stays as it is. Source: Docker's `MergeSwarmSpecToGRPC`.
    static func merged(_ raft: JSONValue?, over present: JSONValue?) -> JSONValue? {
        guard case .object(let named)? = raft else { return present }
        var merged: [String: JSONValue] = [:]
        if case .object(let known)? = present { merged = known }
        for (name, value) in named where value != .null {
            if value == .number(0), name != zeroable, merged[name] != nil { continue }
            merged[name] = value
        }
        return .object(merged)
    }

    /// - Throws: ``SwarmSpecError`` for what is no count, ``UnsupportedError`` for a value that asks for something.
    static func check(_ raft: JSONValue?) throws {
        guard case .object(let fields)? = raft else { return }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) where value != .null {
            if counts.contains(name) {
                guard case .number(let number) = value, UInt64(exactly: number) != nil else {
                    throw SwarmSpecError.raftCount(name)
                }
                guard number < largest else { throw UnsupportedError.raftSetting(name) }
            } else if let known = ticks[name], case .number(let number) = value, !known.contains(number) {
                throw UnsupportedError.raftSetting(name)
            }
        }
    }
}
