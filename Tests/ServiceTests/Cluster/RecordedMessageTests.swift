import Addressing
import Foundation
import Model
import NodeProtocol
import SwiftProtobuf
import TestKit
import Testing

@testable import Cluster

/// Records the messages between nodes as this version sends them; ``RecordedRecordTests`` reads them.
@Suite struct RecordedMessageTests {
    /// Counts up with what messages have that those of before had not. 1 was version 0.2.0's, of objects without envelopes, 2 was 0.3.0's, with
    /// whole network states.
    private static let form = 3

    @Test(.enabled(if: RecordedFiles.isRecording)) func `messages are recorded`() throws {
        let node = try WireJSON.decode(record: Node.self, from: RecordedFiles.data("Records/node/1.json"))
        let assigned = try WireJSON.decode(
            record: AssignedStore.Memory.self, from: RecordedFiles.data("Records/assigned/1.json"))
        let network = try #require(assigned.network)
        var description = try #require(node.description)
        description.tlsInfo = nil
        let guest = try #require(assigned.tasks.first { $0.spec.networkAttachmentSpec != nil })
        let spec = try #require(guest.spec.networkAttachmentSpec)
        let attachment = try #require(guest.networksAttachments?.first)
        let status = try #require(assigned.tasks.first { $0.status.portStatus?.ports?.isEmpty == false }).status

        let described = try Wire.payload(description)
        try message(
            Wire.SessionRequest.with {
                $0.description_p = described
                $0.dataPathAddress = node.status.addr?.description ?? ""
                $0.program = Capabilities.present.program
            }, "session-request")
        try message(
            Wire.JoinRequest.with {
                $0.token = "SWMTKN-1-0-0"
                $0.description_p = described
                $0.advertiseAddress = "198.51.100.11:2377"
                $0.program = Capabilities.present.program
            }, "join-request")
        for tasks in try Wire.messages(from: 0, to: 1, tasks: assigned.tasks, removed: ["gone"]) {
            try message(tasks, "assigned-tasks")
        }
        let mesh = try #require(network.networks.first { $0.network.spec.name == "mesh" })
        let id = mesh.network.id
        let changes = NetworkChangeSet(
            .network(id), sequence: 7, isSnapshot: true,
            upserts: [.network(mesh.network)] + mesh.endpoints.map { .endpoint(network: id, $0) }
                + mesh.services.flatMap { service in
                    [
                        .service(
                            network: id,
                            .init(
                                serviceID: service.serviceID, name: service.name, aliases: service.aliases,
                                virtualAddresses: service.virtualAddresses))
                    ] + service.backends.map { .backend(network: id, service: service.serviceID, $0) }
                }, removals: [.service(network: id, "gone")])
        for piece in try changes.encoded() {
            try message(Wire.AssignmentsMessage.with { $0.networkChanges = piece }, "network-changes")
        }
        let report = try Wire.payload(status)
        try message(
            Wire.ReportTasksRequest.with {
                $0.sessionID = "session"
                $0.reports = [
                    .with {
                        $0.taskID = guest.id
                        $0.status = report
                    }
                ]
            }, "task-reports")
        let asked = try Wire.payload(spec)
        try message(
            Wire.AttachRequest.with {
                $0.taskID = guest.id
                $0.network = "mesh"
                $0.spec = asked
            }, "attach-request")
        let answer = try Wire.payload(attachment)
        try message(Wire.AttachReply.with { $0.attachment = answer }, "attach-reply")
        try message(
            Wire.SessionMessage.with {
                $0.sessionID = "session"
                $0.heartbeatMilliseconds = 5000
                $0.managers = [
                    .with {
                        $0.nodeID = node.id
                        $0.address = "198.51.100.11:2377"
                    }
                ]
                $0.role = "worker"
                $0.program = Capabilities.present.program
                $0.revoked = ["2c92e02758d27f05896814cec03b60694c8e3d0c"]
            }, "session-message")
    }

    private func message(_ message: some SwiftProtobuf.Message, _ name: String) throws {
        try RecordedFiles.record(message.serializedData(), "Messages/\(name).\(Self.form).bin")
    }
}
