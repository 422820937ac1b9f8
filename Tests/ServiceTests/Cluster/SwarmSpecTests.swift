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

    @Test func `the default log driver of tasks can be taken back`() {
        var request = present
        request.taskDefaults = .init()
        #expect(Manager.merged(request, over: present).taskDefaults?.logDriver == nil)
    }
}
