import Addressing
import Foundation
import Model
import SwiftProtobuf

@testable import LinuxSystem
@testable import NameService
@testable import Netlink
@testable import Nftables
@testable import NodeProtocol

/// What comes from the kernel and the network in binary forms, and nft's listings.
enum Wires {
    static func dns(_ input: [UInt8]) {
        guard let message = try? Message(decoding: input) else { return }
        let whole = message.encoded()
        Harness.demand(whole.count <= 65_535, "a message of \(whole.count) bytes")
        // What was understood can be said again.
        Harness.demand((try? Message(decoding: whole)) != nil, "cannot be read back")
        for limit in [512, 1232] {
            let cut = message.encoded(limit: limit)
            Harness.demand(cut.count <= max(limit, 12), "\(cut.count) bytes for \(limit)")
        }
        var generator = SystemRandomNumberGenerator()
        let table = NameTable(forwards: false)
        if case .answer(let reply) = Resolver.resolve(message, in: table, using: &generator) {
            _ = reply.encoded(limit: message.replyLimit)
        }
        _ = message.reply(.serverFailure).encoded(limit: message.replyLimit)
    }

    static func netlink(_ input: [UInt8]) {
        _ = InotifyEvent.decode(input[...])
        guard let messages = try? NetlinkMessage.decode(input) else { return }
        for message in messages {
            _ = NetlinkChange.topic(of: message.type, isNetfilter: false)
            _ = NetlinkChange.topic(of: message.type, isNetfilter: true)
            _ = try? NetlinkNews.told(by: message, isNetfilter: false)
            _ = try? Link(message)
            _ = try? Route(message)
            _ = try? Rule(message)
            _ = try? Neighbour(message)
            _ = try? ForwardingEntry(message)
            _ = try? LinkAddress(message)
            _ = try? TrackedConnection(message)
        }
    }

    static func nft(_ input: [UInt8]) {
        guard let value = ListedValue(parsing: input.text) else {
            _ = ObservedTable(text: input.text, items: [])
            return
        }
        let table = ObservedTable(text: "", items: value["nftables"]?.list ?? value.list ?? [value])
        for name in ["s", "a", "published"] { _ = table.elements(of: ElementSet(name, nameFields: [0, 1], keys: [])) }
    }

    static func node(_ input: [UInt8]) {
        let (kind, rest) = input.choice(of: 12)
        let bytes = Data(rest)
        switch kind {
        case 0:
            var reader = AssignmentReader()
            // Several messages, one behind the other, as a stream brings them.
            for piece in Array(rest).pieces {
                if let message = try? Wire.AssignmentsMessage(serializedBytes: Data(piece)) {
                    _ = try? reader.read(message)
                }
            }
            if let message = try? Wire.AssignmentsMessage(serializedBytes: bytes) { _ = try? reader.read(message) }
        case 1:
            if let request = try? Wire.SessionRequest(serializedBytes: bytes) {
                _ = try? Wire.value(NodeDescription.self, request.description_p)
            }
        case 2:
            if let request = try? Wire.ReportTasksRequest(serializedBytes: bytes) {
                for report in request.reports { _ = try? Wire.value(TaskStatus.self, report.status) }
            }
        case 3: if let batch = try? Wire.LogBatch(serializedBytes: bytes) { for line in batch.lines { _ = line.entry } }
        case 4:
            if let wanted = try? Wire.WantedLogs(serializedBytes: bytes) {
                for request in wanted.requests { _ = request.selection }
            }
        case 5: _ = try? Wire.SessionMessage(serializedBytes: bytes)
        case 6: value(SwarmTask.self, bytes)
        case 7:
            var reader = NetworkChangesReader()
            if let set = try? reader.read(bytes) {
                // What was understood can be said again, and means the same.
                var other = NetworkChangesReader()
                var read: NetworkChangeSet?
                for piece in (try? set.encoded()) ?? [] { read = try? other.read(piece) }
                Harness.demand(read == set, "other facts than were sent")
            }
        case 8: value(NodeDescription.self, bytes)
        case 9: value(TaskStatus.self, bytes)
        case 10: value(Node.self, bytes)
        default: value(Service.self, bytes)
        }
    }

    /// What was read can be written.
    private static func value<Value: VersionedRecord>(_ type: Value.Type, _ bytes: Data) {
        if let value = try? Wire.value(type, bytes) { _ = try? Wire.payload(value) }
    }
}
