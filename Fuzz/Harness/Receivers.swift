import Foundation

@testable import LogDrivers

/// What receivers of logs answer, and what of containers' lines is put into messages as it stands.
enum Receivers {
    static func messagePack(_ input: [UInt8]) {
        var (whole, parts) = (MessagePackReader(), MessagePackReader())
        let pieces = input.pieces
        whole.append(Array(pieces.joined()))
        let read = values(&whole)
        var reread: [MessagePackValue] = []
        var isOver = false
        for piece in pieces where !isOver {
            parts.append(Array(piece))
            let (some, isBroken) = values(&parts)
            reread += some
            isOver = isBroken
        }
        // However it comes in pieces, it says the same; more than one value may hold is malformed earlier in pieces, or later.
        for (one, other) in zip(read.0, reread) { Harness.demand(one == other, "pieces say \(other), not \(one)") }
        for value in read.0 {
            _ = (value.text, value.data, value.elements.count, value["ack"])
        }
    }

    /// All values that are whole, and whether what follows is none.
    private static func values(_ reader: inout MessagePackReader) -> ([MessagePackValue], Bool) {
        var values: [MessagePackValue] = []
        do {
            while let value = try reader.next() { values.append(value) }
            return (values, false)
        } catch { return (values, true) }
    }

    static func protobuf(_ input: [UInt8]) {
        var reader = ProtobufReader(input)
        var written = ProtobufBytes()
        var fields: [(UInt64, ProtobufReader.Value)] = []
        while let (field, value) = reader.next() {
            fields.append((field, value))
            switch value {
            case .number(let number): if number != 0 { written.varint(field, number) }
            case .block(let block): written.block(field, block)
            }
        }
        var again = ProtobufReader(written.bytes)
        for (field, value) in fields where value != .number(0) {
            let next = again.next()
            Harness.demand(next?.field == field && next?.value == value, "\(field) is written as another field")
        }
        Harness.demand(again.next() == nil, "more is written than was read")
        if let refusal = OTLPRecords.refusal(input) {
            Harness.demand(refusal.count > 0, "a refusal of nothing")
        }
    }

    static func json(_ input: [UInt8]) {
        // What counts as JSON here is put into receivers' JSON as it stands: Foundation has to read it, too.
        guard JSONCheck.isValue(input) else { return }
        let isRead = (try? JSONSerialization.jsonObject(with: Data(input), options: .fragmentsAllowed)) != nil
        // It has a bound of its own for what is nested, and for numbers beyond what it can hold.
        let isPlain = !input.contains { $0 == 0x5b || $0 == 0x7b || (0x30...0x39).contains($0) || $0 == 0x5c }
        Harness.demand(isRead || !isPlain, "what counts as JSON is none: \(input.text)")
    }

    static func credentials(_ input: [UInt8]) {
        let (kind, rest) = input.choice(of: 3)
        let bytes = Array(rest)
        switch kind {
        case 0:
            guard let found = AWSCredentialForms.profile("default", in: bytes.text) else { return }
            Harness.demand(!found.accessKey.contains("\n"), "a key of several lines")
        case 1: _ = AWSCredentialForms.served(bytes)
        default: _ = AWSCredentialForms.assumedRole(bytes)
        }
    }
}
