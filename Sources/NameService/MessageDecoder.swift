package import Faults
import Addressing

/// Octets that are no DNS message.
package struct MessageError: Fault, CustomStringConvertible, Equatable {
    /// What is wrong.
    package enum Code: String, Sendable {
        case tooShort, badLabel, badPointer, nameTooLong, badData, secondOption, tooManyQuestions, tooManyLabels
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
        let header = try decoder.header()
        try self.init(header, from: &decoder)
        try read(header.answers, from: &decoder) { $0.answers.append($1) }
        try read(header.authorities, from: &decoder) { $0.authorities.append($1) }
        try read(header.additionals, from: &decoder) { $0.additionals.append($1) }
    }

    /// Reads what a message is about, its header and its question, and none of its records: what that takes does not grow with
    /// the message.
    init(beginningOf octets: [UInt8]) throws(MessageError) {
        var decoder = MessageDecoder(octets)
        let header = try decoder.header()
        try self.init(header, from: &decoder)
    }

    private init(_ header: MessageHeader, from decoder: inout MessageDecoder) throws(MessageError) {
        id = header.id
        let flags = header.flags
        isResponse = header.isResponse
        opcode = header.opcode
        isAuthoritative = flags & 0x400 != 0
        isTruncated = flags & 0x200 != 0
        recursionDesired = header.recursionDesired
        recursionAvailable = flags & 0x80 != 0
        authenticData = flags & 0x20 != 0
        checkingDisabled = flags & 0x10 != 0
        code = header.code
        guard header.questions <= 1 else { throw MessageError(code: .tooManyQuestions, offset: decoder.offset) }
        if header.questions == 1 {
            let name = try decoder.name()
            let type = RecordType(rawValue: try decoder.number16())
            question = Question(name, type, recordClass: try decoder.number16())
        }
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
            let length = Int(clamping: try decoder.number16())
            guard type == .opt else {
                let data = try decoder.data(of: type, length: length)
                keep(&self, Record(name, timeToLive: timeToLive, data, recordClass: recordClass))
                continue
            }
            guard edns == nil, name.labels.isEmpty else { throw MessageError(code: .secondOption, offset: start) }
            edns = EDNS(
                payloadSize: recordClass, version: UInt8(truncatingIfNeeded: timeToLive >> 16),
                wantsSignatures: timeToLive & 0x8000 != 0, options: try decoder.octets(length))
            code = ResponseCode(rawValue: code.rawValue | UInt16(truncatingIfNeeded: timeToLive >> 24) << 4)
        }
    }
}

/// A reading position in a message.
struct MessageDecoder {
    /// As many jumps as a name can have labels: one without a label before it is of no use.
    static let maximumJumps = DomainName.maximumWireLength / 2
    /// Labels that are read in a whole message, those that pointers lead to again and again included. Each record of the largest
    /// message may have a name of a dozen; more is a message made to be slow to read.
    static let maximumLabels = 65_536

    private let message: [UInt8]
    private(set) var offset = 0
    private var labelsLeft = MessageDecoder.maximumLabels

    init(_ message: [UInt8]) { self.message = message }

    mutating func header() throws(MessageError) -> MessageHeader {
        guard let header = MessageHeader(message) else { throw MessageError(code: .tooShort, offset: offset) }
        offset = MessageHeader.length
        return header
    }

    mutating func number8() throws(MessageError) -> UInt8 {
        guard let octet = message.octet(at: offset) else { throw MessageError(code: .tooShort, offset: offset) }
        offset += 1
        return octet
    }

    mutating func number16() throws(MessageError) -> UInt16 {
        guard let number = message.number16(at: offset) else { throw MessageError(code: .tooShort, offset: offset) }
        offset += 2
        return number
    }

    mutating func number32() throws(MessageError) -> UInt32 {
        let high = try number16()
        return UInt32(truncatingIfNeeded: high) << 16 | UInt32(truncatingIfNeeded: try number16())
    }

    mutating func octets(_ count: Int) throws(MessageError) -> [UInt8] {
        guard let octets = message.octets(at: offset, count) else {
            throw MessageError(code: .tooShort, offset: offset)
        }
        offset += count
        return Array(octets)
    }

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
            guard let octet = message.octet(at: position) else {
                throw MessageError(code: .tooShort, offset: position)
            }
            let first = Int(clamping: octet)
            switch first {
            case 0:
                offset = resume ?? position + 1
                guard let name = DomainName(labels: labels) else {
                    throw MessageError(code: .nameTooLong, offset: position)
                }
                return name
            case 1...DomainName.maximumLabelLength:
                guard let label = message.octets(at: position + 1, first) else {
                    throw MessageError(code: .tooShort, offset: position)
                }
                length += first + 1
                guard length <= DomainName.maximumWireLength else {
                    throw MessageError(code: .nameTooLong, offset: position)
                }
                guard labelsLeft > 0 else { throw MessageError(code: .tooManyLabels, offset: position) }
                labelsLeft -= 1
                labels.append(Array(label))
                position += first + 1
            case 0xc0...0xff:
                guard let pointer = message.number16(at: position) else {
                    throw MessageError(code: .tooShort, offset: position)
                }
                let target = Int(clamping: pointer & 0x3fff)
                jumps += 1
                guard target < earliest, jumps <= Self.maximumJumps else {
                    throw MessageError(code: .badPointer, offset: position)
                }
                resume = resume ?? position + 2
                earliest = target
                position = target
            default: throw MessageError(code: .badLabel, offset: position)
            }
        }
    }

    /// Reads the data of a record, which must be as long as the record says. Names in it are written out, so that they can be
    /// passed on in another message.
    mutating func data(of type: RecordType, length: Int) throws(MessageError) -> RecordData {
        let start = offset
        guard message.octets(at: start, length) != nil else { throw MessageError(code: .tooShort, offset: start) }
        let end = start + length
        let data: RecordData
        switch type {
        case .a: data = .address(IPv4Address(number: try number32()))
        case .aaaa: data = .address6(try octets(16))
        case .ptr: data = .pointer(try name())
        case .cname: data = .canonicalName(try name())
        case .txt:
            var strings: [[UInt8]] = []
            while offset < end { strings.append(try octets(Int(clamping: try number8()))) }
            data = .text(strings)
        case .srv:
            let priority = try number16()
            let weight = try number16()
            let port = try number16()
            data = .service(priority: priority, weight: weight, port: port, target: try name())
        case .ns:
            data = .other(type, try name().octets)
        case .mx:
            let preference = try octets(2)
            data = .other(type, preference + (try name().octets))
        case .soa:
            let names = try name().octets + (try name().octets)
            data = .other(type, names + (try octets(20)))
        default: data = .other(type, try octets(length))
        }
        guard offset == end else { throw MessageError(code: .badData, offset: start) }
        return data
    }
}
