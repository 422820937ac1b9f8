import EngineInterface
import Faults
import Model
import Testing

@testable import Cluster

@Suite struct SwarmSpecTests {
    private var present: ClusterSpec {
        var spec = Manager.completed(nil)
        spec.labels = ["a": "b"]
        spec.orchestration?.taskHistoryRetentionLimit = 7
        spec.dispatcher?.heartbeatPeriod = 6_000_000_000
        spec.caConfig?.nodeCertExpiry = 7200 * 1_000_000_000
        spec.taskDefaults?.logDriver = Driver(name: "local")
        return spec
    }

    @Test func `what an update of the swarm does not name stays as it is`() {
        #expect(Manager.merged(ClusterSpec(), over: present) == present)
        var request = ClusterSpec()
        request.labels = ["c": "d"]
        request.dispatcher = .init()
        request.dispatcher?.heartbeatPeriod = 0
        request.caConfig = .init()
        request.orchestration = .init()
        request.orchestration?.taskHistoryRetentionLimit = 0
        var expected = present
        expected.labels = ["c": "d"]
        expected.orchestration?.taskHistoryRetentionLimit = 0
        #expect(Manager.merged(request, over: present) == expected)
    }

    @Test func `a specification that was emptied by an update has Docker's defaults again after the next`() {
        #expect(Manager.merged(ClusterSpec(), over: ClusterSpec()) == Manager.completed(nil))
    }

    @Test func `what an update does not name of Raft stays, too`() {
        var (known, request) = (present, ClusterSpec())
        known.raft = .object(["SnapshotInterval": .number(10_000), "ElectionTick": .number(10)])
        request.raft = .object(["SnapshotInterval": .number(0), "HeartbeatTick": .number(1)])
        let raft: [String: JSONValue] = [
            "SnapshotInterval": .number(10_000), "ElectionTick": .number(10), "HeartbeatTick": .number(1),
        ]
        #expect(Manager.merged(request, over: known).raft == .object(raft))
    }

    @Test func `answers have all values of Raft, as a new swarm of Docker's has them`() {
        let all: [String: JSONValue] = [
            "SnapshotInterval": .number(10_000), "KeepOldSnapshots": .number(0),
            "LogEntriesForSlowFollowers": .number(500), "ElectionTick": .number(10), "HeartbeatTick": .number(1),
        ]
        #expect(RaftRules.shown(nil) == .object(all))
        #expect(RaftRules.shown(.object(["ElectionTick": .number(0), "HeartbeatTick": .null])) == .object(all))
        let asked = all.merging(["ElectionTick": .number(3)]) { $1 }
        #expect(RaftRules.shown(.object(["ElectionTick": .number(3)])) == .object(asked))
        // What was answered is taken back.
        #expect(throws: Never.self) { try RaftRules.check(.object(asked)) }
    }

    @Test func `settings of Raft's snapshots are kept and shown, though etcd has no use for them`() throws {
        let asked: [String: JSONValue] = [
            "SnapshotInterval": .number(5000), "KeepOldSnapshots": .number(2), "LogEntriesForSlowFollowers": .number(7),
        ]
        let usual: [String: JSONValue] = ["ElectionTick": .number(10), "HeartbeatTick": .number(1)]
        var request = ClusterSpec()
        request.raft = .object(asked)
        try Manager.check(request, replacing: nil)
        #expect(RaftRules.shown(Manager.completed(request).raft) == .object(asked.merging(usual) { $1 }))
        let known = Manager.merged(request, over: present)
        #expect(known.raft == .object(asked))
        // Docker's clients name as zero or null what they do not mean; no snapshot at all can be meant.
        request.raft = .object([
            "SnapshotInterval": .null, "KeepOldSnapshots": .number(0), "LogEntriesForSlowFollowers": .number(0),
        ])
        try Manager.check(request, replacing: nil)
        let expected = asked.merging(["KeepOldSnapshots": .number(0)]) { $1 }
        #expect(Manager.merged(request, over: known).raft == .object(expected))
    }

    @Test(arguments: [JSONValue.number(-1), .number(0.5), .number(1e30), .string("5000"), .bool(true)])
    func `a setting of Raft's snapshots is a count`(value: JSONValue) {
        for name in ["SnapshotInterval", "KeepOldSnapshots", "LogEntriesForSlowFollowers"] {
            #expect(throws: SwarmSpecError.raftCount(name)) { try RaftRules.check(.object([name: value])) }
        }
    }

    @Test func `other ticks of Raft than the usual ones are refused, as are counts that cannot be shown as they are`() {
        for (name, number) in [("ElectionTick", 5.0), ("HeartbeatTick", 2.0), ("SnapshotInterval", 1e19)] {
            #expect(throws: UnsupportedError.raftSetting(name)) {
                try RaftRules.check(.object([name: .number(number)]))
            }
        }
    }

    @Test func `the default log driver of tasks can be taken back`() {
        var request = present
        request.taskDefaults = .init()
        #expect(Manager.merged(request, over: present).taskDefaults?.logDriver == nil)
    }
}
