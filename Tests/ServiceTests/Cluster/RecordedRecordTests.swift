import Foundation
import LinuxSystem
import Logging
import Model
import NodeProtocol
import Orchestration
import StateStore
import SwiftProtobuf
import TestKit
import Testing

@testable import Cluster
@testable import EtcdStore

/// What earlier versions have stored and sent, read by this one.
@Suite struct RecordedRecordTests {
    @Test func `every form that the swarm's own records were ever kept in is read`() throws {
        var problems = try RecordedFiles.problems(with: StoredAuthority.self)
        problems += try RecordedFiles.problems(with: DrainedTasks.self)
        problems += try RecordedFiles.problems(with: Membership.self)
        problems += try RecordedFiles.problems(with: AssignedStore.Memory.self)
        problems += try RecordedFiles.problems(with: SealingKeys.Ring.self)
        problems += try RecordedFiles.problems(with: RevokedSerials.self)
        #expect(problems == [])
    }

    private struct Entry: Decodable {
        var key: String
        var value: Data
    }

    /// The store that was recorded, opened with the secrets that were recorded.
    private func recordedStore() throws -> [StoredValue] {
        let secrets = try WireJSON.decode(
            record: SealingKeys.Ring.self,
            from: RecordedFiles.data("State/manager/swarm/certificates/store-secrets.json"))
        let keys = SealingKeys(secrets)
        return try JSONDecoder().decode([Entry].self, from: RecordedFiles.data("Store/sealed.json")).map { entry in
            let key = StoreKey(path: entry.key)
            return StoredValue(
                key: key, value: try keys.open(entry.value, at: key), createRevision: 1, modifyRevision: 7)
        }
    }

    @Test func `a store that version 0.2.0 has written is read whole`() async throws {
        let values = try recordedStore()
        var state = SwarmState()
        state.take(.snapshot(StoreListing(values: values, revision: 7)))
        #expect(state.unread.isEmpty)
        let hosts: [String] = state.nodes.values.compactMap { $0.description?.hostname }
        #expect(hosts.sorted() == ["node-1", "node-2"] && state.nodes.count == 2)
        let services: [String] = state.services.values.map(\.spec.name)
        #expect(services.sorted() == ["every", "gjob", "job", "web"])
        let networks: [String] = state.networks.values.map(\.spec.name)
        #expect(Set(networks) == ["back", "ingress", "mesh"])
        #expect(state.cluster?.spec.name == "default")
        #expect(state.tasks.count == values.count { $0.key.path.hasPrefix("/apus/v1/tasks/") })
        let web = try #require(state.services.values.first { $0.spec.name == "web" })
        #expect(web.spec.mode.replicated?.replicas == 3 && web.endpoint.virtualIPs?.count == 2)
        #expect(state.tasks.values.count { $0.serviceID == web.id && $0.status.state == .running } == 3)

        let store = MemoryStore()
        let authority = try #require(values.first { $0.key == StoredAuthority.storeKey })
        _ = try await store.commit(StoreTransaction(puts: [.init(authority.key, authority.value)]))
        #expect(try await StoredAuthority.read(from: store).rootPEM.hasPrefix("-----BEGIN CERTIFICATE"))
    }

    @Test func `what is planned from it is written in records, and says the same`() throws {
        var state = SwarmState()
        state.take(.snapshot(StoreListing(values: try recordedStore(), revision: 7)))
        var draft = SwarmDraft(state, now: .now)
        for node in state.nodes.values {
            var node = node
            node.spec.labels["new"] = "yes"
            draft.put(node)
        }
        let puts = try draft.transactions(under: LeaderFence(role: "test", revision: 1)).flatMap(\.transaction.puts)
        #expect(puts.count == 2)
        for put in puts {
            #expect(String(decoding: put.value, as: UTF8.self).hasPrefix(#"{"Kind":"node","Value":{"#))
            let read = try WireJSON.decode(record: Node.self, from: put.value)
            #expect(read.spec.labels["new"] == "yes" && read.membership == state.nodes[read.id]?.membership)
        }
    }

    @Test func `a node's directory of version 0.2.0 is taken up`() async throws {
        try await withTemporaryDirectory { directory in
            try RecordedFiles.copyState(to: directory)
            let swarm = directory + "/swarm"
            let file = try #require(try await MembershipFile.load(directory: swarm))
            #expect(file.value.role == .manager && file.value.managers.map(\.addr) == ["198.51.100.11:2377"])
            #expect(file.value.advertiseAddress.description == "198.51.100.11:2377")
            #expect(file.value.listenAddress.description == "0.0.0.0:2377")
            let files = CredentialFiles(directory: swarm + "/certificates")
            #expect(try files.setAsideUnread().isEmpty)
            #expect(try files.load()?.member.nodeID == file.value.nodeID)
            #expect(try files.loadRevoked().count == 1)
            #expect(try SealingFile.load(files).keys.ring.secrets.count == 2)
            let board = AssignedTasks(
                executor: FakeExecutor(hostname: "one"), directory: swarm, log: Logger(label: "test"))
            await board.restore()
            #expect(board.knownIDs.count == 6)
            #expect(try Files.list(swarm).filter { $0.contains("unread") }.isEmpty)
        }
    }

    /// As version 0.2.0 has sent them, as 0.3.0 has since objects in them have envelopes, and as they are sent since networks are told of as
    /// facts: the whole network states of before are read no more.
    @Test(arguments: [1, 2, 3]) func `messages of every form that was ever sent are read`(_ form: Int) throws {
        func message<Message: SwiftProtobuf.Message>(_ type: Message.Type, _ name: String) throws -> Message {
            try Message(serializedBytes: RecordedFiles.data("Messages/\(name).\(form).bin"))
        }
        let session = try message(Wire.SessionRequest.self, "session-request")
        #expect(try NodeReports.description(session.description_p).hostname == "node-1")
        let join = try message(Wire.JoinRequest.self, "join-request")
        #expect(
            join.advertiseAddress == "198.51.100.11:2377" && join.program.capabilities.contains("records") == (form > 1)
        )
        var reader = AssignmentReader()
        guard
            case .tasks(true, let tasks, ["gone"]) = try reader.read(
                message(Wire.AssignmentsMessage.self, "assigned-tasks"))
        else {
            Issue.record("not what was sent")
            return
        }
        #expect(tasks.count == 6 && reader.unread.isEmpty)
        if form > 2 {
            guard
                case .network(let set) = try reader.read(message(Wire.AssignmentsMessage.self, "network-changes"))
            else {
                Issue.record("not what was sent")
                return
            }
            #expect(set.isSnapshot && set.upserts.count > 3 && set.removals.count == 1)
        }
        let reports = try message(Wire.ReportTasksRequest.self, "task-reports").reports
        #expect(try NodeReports.status(try #require(reports.first).status).portStatus?.ports?.count == 1)
        let asked = try message(Wire.AttachRequest.self, "attach-request")
        #expect(try NodeReports.attachment(asked.spec).containerName == "guest")
        let answered = try message(Wire.AttachReply.self, "attach-reply")
        #expect(try Wire.value(NetworkAttachment.self, answered.attachment).network.spec.name == "mesh")
        #expect(try message(Wire.SessionMessage.self, "session-message").role == "worker")
    }
}
