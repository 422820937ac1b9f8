import Foundation
import LogDrivers
import Model
import TestKit
import Testing

@testable import ContainerRuntime
@testable import Engine

/// Records of versions that are made up: the first one, the one after it, and what neither knows.
@Suite struct RecordTests {
    /// As version 1 of a program has it.
    private struct Former: VersionedRecord {
        static let recordKind = "thing"
        static let recordVersion = 1
        var name: String
        var size: Int
    }

    /// As version 3 has it, of which version 2 had a unit, and version 1 none.
    private struct Present: VersionedRecord, Equatable {
        static let recordKind = "thing"
        static let recordVersion = 3
        static let earlierForms: [Int: @Sendable (any Decoder) throws -> Self] = [
            1: { decoder in
                let former = try Former(from: decoder)
                return Present(name: former.name, bytes: former.size)
            },
            2: { decoder in
                let former = try Former2(from: decoder)
                return Present(name: former.name, bytes: former.kilobytes * 1000)
            },
        ]
        var name: String
        var bytes: Int
        /// Added later, in the same form.
        var note: String?

        struct Former2: Decodable {
            var name: String
            var kilobytes: Int
        }
    }

    private struct Other: VersionedRecord {
        static let recordKind = "other"
        static let recordVersion = 1
        var name: String
    }

    private func read(_ text: String) throws -> Present {
        try WireJSON.decode(record: Present.self, from: Data(text.utf8))
    }

    @Test func `a record says its kind and version, and comes back`() throws {
        let value = Present(name: "a", bytes: 3)
        let data = try WireJSON.encode(record: value)
        #expect(
            String(decoding: data, as: UTF8.self)
                == #"{"Kind":"thing","Value":{"Bytes":3,"Name":"a"},"Version":3}"#)
        #expect(try WireJSON.decode(record: Present.self, from: data) == value)
    }

    @Test func `every earlier form is read, also that of before there were envelopes`() throws {
        let former = try WireJSON.encode(record: Former(name: "a", size: 7))
        #expect(try WireJSON.decode(record: Present.self, from: former) == Present(name: "a", bytes: 7))
        #expect(try read(#"{"Name":"a","Size":7}"#) == Present(name: "a", bytes: 7))
        #expect(
            try read(#"{"Kind":"thing","Value":{"Name":"a","Kilobytes":7},"Version":2}"#)
                == Present(name: "a", bytes: 7000))
    }

    @Test func `fields that are not known are passed over, and those that are missing have a default`() throws {
        let text = #"{"Kind":"thing","More":{},"Value":{"Bytes":1,"Later":[1],"Name":"a","Note":"n"},"Version":3}"#
        #expect(try read(text) == Present(name: "a", bytes: 1, note: "n"))
    }

    @Test func `what a newer version wrote is told apart from what is damaged`() throws {
        let newer = try WireJSON.encode(record: Present(name: "a", bytes: 1))
        #expect(throws: RecordError.newer(kind: "thing", version: 3, readable: 1)) {
            try WireJSON.decode(record: Former.self, from: newer)
        }
        #expect(throws: RecordError.unknownVersion(kind: "thing", version: 0)) {
            try read(#"{"Kind":"thing","Value":{},"Version":0}"#)
        }
        #expect(throws: RecordError.otherKind("other", expected: "thing")) {
            try WireJSON.decode(record: Present.self, from: WireJSON.encode(record: Other(name: "a")))
        }
        #expect(throws: DecodingError.self) { try read(#"{"Kind":"thing","Value":{"Name":"a"},"Version":3}"#) }
        #expect(throws: DecodingError.self) { try read("rubbish") }
    }

    @Test func `of several records the one that cannot be read is given up alone, with its id`() throws {
        var task = SwarmTask(id: "one")
        task.serviceID = "service"
        let good = String(decoding: try WireJSON.encode(record: task), as: UTF8.self)
        let newer = #"{"Kind":"task","Value":{"ID":"two","Unheard":1},"Version":99}"#
        let damaged = #"{"ID":"three","Slot":"seven"}"#
        let all = try WireJSON.decode([Readable<SwarmTask>].self, from: Data("[\(good),\(newer),\(damaged),[]]".utf8))
        let read = all.map { record in
            switch record {
            case .value(let task): "read \(task.id)"
            case .unread(let id, _): "not \(id)"
            }
        }
        #expect(read == ["read one", "not two", "not three", "not "])
    }

    @Test func `every form that a node's database and the swarm's store were ever written in is read`() throws {
        var problems = try RecordedFiles.problems(with: ContainerRecord.self, .plain)
        problems += try RecordedFiles.problems(with: LocalNetwork.self, .plain)
        problems += try RecordedFiles.problems(with: VolumeResource.self, .plain)
        problems += try RecordedFiles.problems(with: SwarmPlace.self, .plain)
        problems += try RecordedFiles.problems(with: SwarmMember.self, .plain)
        problems += try RecordedFiles.problems(with: KeptFact.self, .plain)
        problems += try RecordedFiles.problems(with: KeptLogPosition.self, .plain)
        problems += try RecordedFiles.problems(with: ShippedLog.self, .plain)
        problems += try RecordedFiles.problems(with: RuntimeRecord.self, .plain)
        problems += try RecordedFiles.problems(with: Node.self)
        problems += try RecordedFiles.problems(with: Service.self)
        problems += try RecordedFiles.problems(with: SwarmTask.self)
        problems += try RecordedFiles.problems(with: SwarmNetwork.self)
        problems += try RecordedFiles.problems(with: ClusterObject.self)
        problems += try RecordedFiles.problems(with: OperatorAlertRule.self)
        problems += try RecordedFiles.problems(with: AlertSilence.self)
        problems += try RecordedFiles.problems(with: KeptDashboardAccount.self)
        problems += try RecordedFiles.problems(with: DashboardSigningKey.self)
        #expect(problems == [])
    }

    @Test func `every form that an object in a message was ever sent in is read`() throws {
        var problems = try RecordedFiles.problems(with: NodeDescription.self)
        problems += try RecordedFiles.problems(with: SwarmNetworkState.self)
        problems += try RecordedFiles.problems(with: TaskStatus.self)
        problems += try RecordedFiles.problems(with: NetworkAttachmentSpec.self)
        problems += try RecordedFiles.problems(with: NetworkAttachment.self)
        #expect(problems == [])
    }
}
