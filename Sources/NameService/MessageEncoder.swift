import Addressing

extension Message {
    /// The message on the wire, names compressed, never longer than `limit` octets. Records that find no room are left out from the
    /// end, and TC is set where the answer lacks some for it, so that the client asks again by TCP; what fits stays, for clients
    /// that cannot (RFC 2181 §9).
    /// - Parameter limit: At least a header's length is used, at most what a message can have.
    package func encoded(limit: Int = MessageEncoder.largestMessage) -> [UInt8] {
        let most = min(max(limit, MessageHeader.length), MessageEncoder.largestMessage)
        var option = edns.map { MessageEncoder.option($0, code) } ?? []
        if option.count > most - MessageHeader.length { option = [] }
        var encoder = MessageEncoder(limit: most - option.count)
        var header = MessageHeader(id: id, flags: flags)
        if let question, encoder.add(question) { header.questions = 1 }
        header.answers = encoder.add(answers)
        header.authorities = encoder.add(authorities)
        if encoder.isFull { header.flags |= Self.truncated }
        header.additionals = encoder.add(additionals)
        if !option.isEmpty { header.additionals &+= 1 }
        return header.octets + encoder.body + option
    }

    private static let truncated: UInt16 = 0x200

    private var flags: UInt16 {
        var flags = UInt16(truncatingIfNeeded: opcode & 0xf) << 11 | (code.rawValue & 0xf)
        if isResponse { flags |= 0x8000 }
        if isAuthoritative { flags |= 0x400 }
        if isTruncated { flags |= Self.truncated }
        if recursionDesired { flags |= 0x100 }
        if recursionAvailable { flags |= 0x80 }
        if authenticData { flags |= 0x20 }
        if checkingDisabled { flags |= 0x10 }
        return flags
    }
}

/// Writes what follows a message's header, remembers where names began, and takes nothing that would lead beyond the limit.
package struct MessageEncoder {
    /// What TCP's length before a message can say. RFC 1035 §4.2.2.
    package static let largestMessage = 65_535
    /// Offsets that a pointer can hold.
    private static let pointable = 0x4000

    /// Octets of the message with its header, and without what comes after this body.
    private let limit: Int
    private(set) var body: [UInt8] = []
    /// Something had no room. Nothing is taken any more: records are left out from the end.
    private(set) var isFull = false
    /// Where each name, and each rest of a name, was written.
    private var written: [[[UInt8]]: UInt16] = [:]
    /// The name before, in its own spelling, and where it is: most records of an answer have the same.
    private var last: (labels: [[UInt8]], place: UInt16)?

    init(limit: Int) { self.limit = limit }

    private var position: Int { MessageHeader.length + body.count }

    mutating func add(_ question: Question) -> Bool {
        take { encoder in
            encoder.name(question.name)
            encoder.number(question.type.rawValue)
            encoder.number(question.recordClass)
        }
    }

    /// Returns how many found room.
    mutating func add(_ records: [ResourceRecord]) -> UInt16 {
        var count: UInt16 = 0
        for record in records {
            // A record has eleven octets at least, so that no message holds more than a number can say.
            guard take({ $0.record(record) }) else { break }
            count &+= 1
        }
        return count
    }

    /// Writes, and takes it back when it has led beyond the limit. What was remembered of it does not matter: nothing follows.
    private mutating func take(_ write: (inout MessageEncoder) -> Void) -> Bool {
        if isFull { return false }
        let before = body.count
        write(&self)
        guard position > limit else { return true }
        isFull = true
        body.removeSubrange(body.indices.dropFirst(before))
        return false
    }

    private mutating func number(_ value: UInt16) { body += value.octets }

    /// Writes a name with compression (RFC 1035 §4.1.4).
    private mutating func name(_ name: DomainName) {
        let (labels, pointer) = compressed(name)
        if labels.isEmpty, let pointer { last = (name.labels, pointer) }
        var rest = ArraySlice(name.labels)
        for label in labels {
            if let place = UInt16(exactly: position), position < Self.pointable { remember(rest, place) }
            body.append(UInt8(clamping: label.count))
            body += label
            rest = rest.dropFirst()
        }
        if let pointer { number(0xc000 | pointer) } else { body.append(0) }
    }

    private mutating func remember(_ rest: ArraySlice<[UInt8]>, _ place: UInt16) {
        let key = rest.map { $0.map(DomainName.lowered) }
        if written[key] == nil { written[key] = place }
    }

    /// The labels that have to be written, and where the rest is already.
    private func compressed(_ name: DomainName) -> (labels: ArraySlice<[UInt8]>, pointer: UInt16?) {
        if let last, last.labels == name.labels { return ([], last.place) }
        var rest = ArraySlice(name.labels.map { $0.map(DomainName.lowered) })
        while !rest.isEmpty {
            if let place = written[Array(rest)] { return (name.labels.dropLast(rest.count), place) }
            rest = rest.dropFirst()
        }
        return (name.labels[...], nil)
    }

    private mutating func record(_ record: ResourceRecord) {
        name(record.name)
        number(record.data.type.rawValue)
        number(record.recordClass)
        number(UInt16(truncatingIfNeeded: record.timeToLive >> 16))
        number(UInt16(truncatingIfNeeded: record.timeToLive))
        switch record.data {
        case .address(let address): data(address.octets)
        case .address6(let address): data(address)
        case .pointer(let target), .canonicalName(let target):
            let (labels, pointer) = compressed(target)
            number(UInt16(clamping: labels.reduce(pointer == nil ? 1 : 2) { $0 + $1.count + 1 }))
            name(target)
        case .text(let strings):
            data(strings.flatMap { [UInt8(clamping: $0.count)] + $0.prefix(255) })
        case .service(let priority, let weight, let port, let target):
            // RFC 2782: the target is never compressed.
            data([priority, weight, port].flatMap(\.octets) + target.octets)
        case .other(_, let octets): data(octets)
        }
    }

    /// The length, and so many octets.
    private mutating func data(_ octets: [UInt8]) {
        let taken = octets.prefix(Self.largestMessage)
        number(UInt16(clamping: taken.count))
        body += taken
    }

    /// The OPT pseudo-record. RFC 6891 §6.1.2. Options that no message has room for are left out.
    static func option(_ edns: EDNS, _ code: ResponseCode) -> [UInt8] {
        let options = edns.options.count <= largestMessage ? edns.options : []
        return [0] + RecordType.opt.rawValue.octets + edns.payloadSize.octets
            + [UInt8(truncatingIfNeeded: code.rawValue >> 4), edns.version]
            + (edns.wantsSignatures ? [0x80, 0] : [0, 0]) + UInt16(clamping: options.count).octets + options
    }
}
