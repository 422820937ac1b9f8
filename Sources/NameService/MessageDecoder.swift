package import Faults
import Addressing

/// Octets that are no DNS message.
package struct MessageError: Fault, Equatable {
    package enum Code: String, Sendable {
        case tooShort, badLabel, badPointer, nameTooLong, badData, secondOption, notQueryOfOurs
    }
    package let code: Code
    /// Where in the message it was found.
    package let offset: Int
    package var kind: FaultKind { .invalidInput }
    package var description: String { "not a DNS message: \(code.rawValue) at octet \(offset)" }
}

extension Message {
    /// Reads a message. Octets after the last record are ignored, as resolvers do.
    package init(decoding octets: [UInt8]) throws(MessageError) {
        var decoder = MessageDecoder(octets)
        try self.init(from: &decoder)
    }

    private init(from decoder: inout MessageDecoder) throws(MessageError) {
        id = try decoder.number16()
        let flags = try decoder.number16()
        isResponse = flags & 0x8000 != 0
        opcode = UInt8(flags >> 11 & 0xf)
        isAuthoritative = flags & 0x400 != 0
        isTruncated = flags & 0x200 != 0
        recursionDesired = flags & 0x100 != 0
        recursionAvailable = flags & 0x80 != 0
        authenticData = flags & 0x20 != 0
        checkingDisabled = flags & 0x10 != 0
        code = ResponseCode(rawValue: flags & 0xf)
        let questionCount = try decoder.number16()
        let answerCount = try decoder.number16()
        let authorityCount = try decoder.number16()
        let additionalCount = try decoder.number16()
        for _ in 0..<questionCount {
            let name = try decoder.name()
            let type = RecordType(rawValue: try decoder.number16())
            questions.append(Question(name, type, recordClass: try decoder.number16()))
        }
        try read(answerCount, from: &decoder) { $0.answers.append($1) }
        try read(authorityCount, from: &decoder) { $0.authorities.append($1) }
        try read(additionalCount, from: &decoder) { $0.additionals.append($1) }
    }

    private mutating func read(
        _ count: UInt16, from decoder: inout MessageDecoder, keep: (inout Message, Record) -> Void
    ) throws(MessageError) {
        for _ in 0..<count {
            let start = decoder.offset
            let name = try decoder.name()
            let type = RecordType(rawValue: try decoder.number16())
            let recordClass = try decoder.number16()
            let timeToLive = try decoder.number32()
            let length = Int(try decoder.number16())
            guard type == .opt else {
                let data = try decoder.data(of: type, length: length)
                keep(&self, Record(name, timeToLive: timeToLive, data, recordClass: recordClass))
                continue
            }
            guard edns == nil, name.labels.isEmpty else { throw MessageError(code: .secondOption, offset: start) }
            edns = EDNS(
                payloadSize: recordClass, version: UInt8(truncatingIfNeeded: timeToLive >> 16),
                wantsSignatures: timeToLive & 0x8000 != 0, options: try decoder.octets(length))
            code = ResponseCode(rawValue: code.rawValue | UInt16(timeToLive >> 24) << 4)
        }
    }
}

/// A reading position in a message.
struct MessageDecoder {
    private let message: [UInt8]
    private(set) var offset = 0

    init(_ message: [UInt8]) { self.message = message }

    private func require(_ count: Int) throws(MessageError) {
        guard count <= message.count - offset else { throw MessageError(code: .tooShort, offset: offset) }
    }

    mutating func number8() throws(MessageError) -> UInt8 {
        try require(1)
        defer { offset += 1 }
        return message[offset]
    }

    mutating func number16() throws(MessageError) -> UInt16 {
        try require(2)
        defer { offset += 2 }
        return UInt16(message[offset]) << 8 | UInt16(message[offset + 1])
    }

    mutating func number32() throws(MessageError) -> UInt32 {
        let high = try number16()
        return UInt32(high) << 16 | UInt32(try number16())
    }

    mutating func octets(_ count: Int) throws(MessageError) -> [UInt8] {
        try require(count)
        defer { offset += count }
        return Array(message[offset..<offset + count])
    }

    /// As many jumps as a name can have labels: one without a label before it is of no use. A message of nothing but pointers would
    /// otherwise keep an event loop for a second.
    static let maximumJumps = DomainName.maximumWireLength / 2

    /// Reads a name. A compression pointer must point before the place where the name, or the part that the previous
    /// pointer led to, begins: every jump goes further back, so that reading ends whatever the message says.
    mutating func name() throws(MessageError) -> DomainName {
        var labels: [[UInt8]] = []
        var length = 1
        var position = offset
        var earliest = offset
        var resume: Int?
        var jumps = 0
        while true {
            guard position < message.count else { throw MessageError(code: .tooShort, offset: position) }
            let first = Int(message[position])
            switch first {
            case 0:
                offset = resume ?? position + 1
                guard let name = DomainName(labels: labels) else {
                    throw MessageError(code: .nameTooLong, offset: position)
                }
                return name
            case 1...DomainName.maximumLabelLength:
                let end = position + 1 + first
                guard end <= message.count else { throw MessageError(code: .tooShort, offset: position) }
                length += first + 1
                guard length <= DomainName.maximumWireLength else {
                    throw MessageError(code: .nameTooLong, offset: position)
                }
                labels.append(Array(message[position + 1..<end]))
                position = end
            case 0xc0...0xff:
                guard position + 1 < message.count else { throw MessageError(code: .tooShort, offset: position) }
                let target = (first & 0x3f) << 8 | Int(message[position + 1])
                jumps += 1
                guard target < earliest, jumps <= Self.maximumJumps else {
                    throw MessageError(code: .badPointer, offset: position)
                }
                if resume == nil { resume = position + 2 }
                earliest = target
                position = target
            default:
                throw MessageError(code: .badLabel, offset: position)
            }
        }
    }

    mutating func data(of type: RecordType, length: Int) throws(MessageError) -> RecordData {
        try require(length)
        let start = offset
        let end = offset + length
        let data: RecordData
        switch type {
        case .a:
            let octets = try octets(length)
            guard octets.count == 4 else { throw MessageError(code: .badData, offset: start) }
            data = .address(IPv4Address(octets[0], octets[1], octets[2], octets[3]))
        case .aaaa:
            let octets = try octets(length)
            guard octets.count == 16 else { throw MessageError(code: .badData, offset: start) }
            data = .address6(octets)
        case .ptr: data = .pointer(try name())
        case .cname: data = .canonicalName(try name())
        case .txt:
            var strings: [[UInt8]] = []
            while offset < end { strings.append(try octets(Int(try number8()))) }
            data = .text(strings)
        case .srv:
            let priority = try number16()
            let weight = try number16()
            let port = try number16()
            data = .service(priority: priority, weight: weight, port: port, target: try name())
        case .ns:
            data = .other(type, MessageEncoder.plain(try name()))
        case .mx:
            let preference = try octets(2)
            data = .other(type, preference + MessageEncoder.plain(try name()))
        case .soa:
            let names = MessageEncoder.plain(try name()) + MessageEncoder.plain(try name())
            data = .other(type, names + (try octets(20)))
        default: data = .other(type, try octets(length))
        }
        guard offset == end else { throw MessageError(code: .badData, offset: start) }
        return data
    }
}
