import Model
import NodeProtocol
import SwiftProtobuf
import Testing

@testable import Cluster

@Suite struct SessionStateTests {
    @Test func `of what was applied meanwhile the newest of each network is told, and once`() async throws {
        let session = SessionState()
        session.apply([.network("a"): 3])
        session.apply([.network("a"): 2, .network("b"): 1, .swarm: 9])
        let told = try await session.progress()
        #expect(Dictionary(uniqueKeysWithValues: told.map { ($0.network, $0.sequence) }) == ["a": 3, "b": 1, "": 9])
        async let next = session.progress()
        session.apply([:])
        session.apply([.network("b"): 2])
        let later = try await next
        #expect(later.map(\.network) == ["b"] && later.map(\.sequence) == [2])
    }

    @Test func `what nobody waits for is not told, and goes along with what is`() async throws {
        let session = SessionState()
        session.apply([
            NetworkChangeSet(.network("a"), sequence: 3), NetworkChangeSet(.network("a"), sequence: 4, isQuiet: true),
            NetworkChangeSet(.swarm, sequence: 5, isQuiet: true),
            NetworkChangeSet(.network("b"), sequence: 6, isEnd: true),
        ])
        let told = try await session.progress()
        #expect(told.map(\.network) == ["a"] && told.map(\.sequence) == [3])
        async let next = session.progress()
        session.apply([NetworkChangeSet(.swarm, sequence: 7, isQuiet: true)])
        session.apply([NetworkChangeSet(.swarm, sequence: 8), NetworkChangeSet(.swarm, sequence: 9)])
        let later = try await next
        #expect(later.map(\.network) == [""] && later.map(\.sequence) == [9])
    }

    @Test func `a node of more networks than fit a message tells of all of them`() async throws {
        let session = SessionState()
        let ids = Set((0..<NodeReports.maximumReports + 1).map { "n\($0)" })
        for id in ids { session.apply([.network(id): 1]) }
        var told: Set<String> = []
        while told.count < ids.count {
            let message = try await session.progress()
            #expect(message.count <= NodeReports.maximumReports)
            told.formUnion(message.map(\.network))
        }
        #expect(told == ids)
    }

    @Test func `managers, roots and revoked certificates are told when they have changed, and the rest always`() {
        let full = Wire.SessionMessage.with {
            $0.sessionID = "session"
            $0.heartbeatMilliseconds = 5000
            $0.managers = [.with { $0.nodeID = "n1" }]
            $0.rootsPem = "roots"
            $0.revoked = ["1"]
            $0.role = "worker"
        }
        let short = Wire.SessionMessage.with {
            $0.sessionID = "session"
            $0.heartbeatMilliseconds = 5000
            $0.role = "worker"
        }
        var told = SessionTold()
        func answer(_ change: (inout Wire.SessionMessage) -> Void) -> Wire.SessionMessage {
            var answer = full
            change(&answer)
            told.leaveOut(of: &answer)
            return answer
        }
        #expect(answer { _ in } == full)
        #expect(answer { _ in } == short && answer { _ in } == short)
        let managed = answer { $0.managers = [.with { $0.nodeID = "n2" }] }
        #expect(managed.managers.map(\.nodeID) == ["n2"] && managed.rootsPem.isEmpty && managed.revoked.isEmpty)
        let revoked = answer { $0.revoked = ["1", "2"] }
        #expect(revoked.managers == full.managers && revoked.revoked == ["1", "2"])
        let rooted = answer { $0.rootsPem = "others" }
        #expect(rooted.managers.isEmpty && rooted.rootsPem == "others" && rooted.revoked == ["1"])
        // A manager that knows of none yet tells them once it does.
        #expect(answer { $0.managers = [] }.managers.isEmpty)
        #expect(answer { _ in }.managers == full.managers)
    }
}
