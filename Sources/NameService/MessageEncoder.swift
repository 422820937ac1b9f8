import Addressing

extension Message {
    /// The message on the wire, names compressed. When it is longer than `limit` octets, records are left out from the
    /// end and TC is set, so that the client asks again by TCP; what fits stays, for clients that cannot (RFC 2181 §9).
    package func encoded(limit: Int = Int(UInt16.max)) -> [UInt8] {
        var whole = self
        var octets = whole.encodedWhole()
        while octets.count > limit {
            whole.isTruncated = true
            if !whole.additionals.isEmpty {
                whole.additionals = []
            } else if !whole.authorities.isEmpty {
                whole.authorities = []
            } else if !whole.answers.isEmpty {
                // All answers of ours have nearly the same size: leave out as many as are over, at least one.
                let perAnswer = max(1, (octets.count - 12) / (whole.answers.count + 1))
                let surplus = max(1, (octets.count - limit) / perAnswer)
                whole.answers.removeLast(min(surplus, whole.answers.count))
            } else {
                return octets
            }
            octets = whole.encodedWhole()
        }
        return octets
    }

    private func encodedWhole() -> [UInt8] {
        var encoder = MessageEncoder()
        var flags = UInt16(opcode & 0xf) << 11 | (code.rawValue & 0xf)
        if isResponse { flags |= 0x8000 }
        if isAuthoritative { flags |= 0x400 }
        if isTruncated { flags |= 0x200 }
        if recursionDesired { flags |= 0x100 }
        if recursionAvailable { flags |= 0x80 }
        if authenticData { flags |= 0x20 }
        if checkingDisabled { flags |= 0x10 }
        encoder.number(id)
        encoder.number(flags)
        encoder.number(UInt16(questions.count))
        encoder.number(UInt16(answers.count))
        encoder.number(UInt16(authorities.count))
        encoder.number(UInt16(additionals.count + (edns == nil ? 0 : 1)))
        for question in questions {
            encoder.name(question.name)
            encoder.number(question.type.rawValue)
            encoder.number(question.recordClass)
        }
        for record in answers + authorities + additionals { encoder.record(record) }
        if let edns {
            encoder.name(nil)
            encoder.number(RecordType.opt.rawValue)
            encoder.number(edns.payloadSize)
            encoder.number(UInt16(code.rawValue >> 4) << 8 | UInt16(edns.version))
            encoder.number(edns.wantsSignatures ? 0x8000 : 0)
            encoder.number(UInt16(edns.options.count))
            encoder.octets += edns.options
        }
        return encoder.octets
    }
}

/// Writes a message and remembers where names began.
struct MessageEncoder {
    var octets: [UInt8] = []
    /// Where each name, and each rest of a name, was written; only offsets that a pointer can hold.
    private var written: [[[UInt8]]: Int] = [:]

    mutating func number(_ value: UInt16) {
        octets.append(UInt8(value >> 8))
        octets.append(UInt8(value & 0xff))
    }

    mutating func number32(_ value: UInt32) {
        number(UInt16(value >> 16))
        number(UInt16(value & 0xffff))
    }

    /// Writes a name with compression (RFC 1035 §4.1.4); `nil` is the root.
    mutating func name(_ name: DomainName?, compress: Bool = true) {
        var rest = ArraySlice(name?.labels ?? [])
        while let label = rest.first {
            let key = rest.map { $0.map(DomainName.lowered) }
            if compress, let place = written[key] {
                number(0xc000 | UInt16(place))
                return
            }
            if octets.count < 0x4000, written[key] == nil { written[key] = octets.count }
            octets.append(UInt8(label.count))
            octets += label
            rest = rest.dropFirst()
        }
        octets.append(0)
    }

    mutating func record(_ record: Record) {
        name(record.name)
        number(record.data.type.rawValue)
        number(record.recordClass)
        number32(record.timeToLive)
        let lengthOffset = octets.count
        number(0)
        switch record.data {
        case .address(let address): octets += address.octets
        case .address6(let address): octets += address
        case .pointer(let target), .canonicalName(let target): name(target)
        case .text(let strings):
            for string in strings {
                octets.append(UInt8(min(string.count, 255)))
                octets += string.prefix(255)
            }
        case .service(let priority, let weight, let port, let target):
            number(priority)
            number(weight)
            number(port)
            name(target, compress: false)  // RFC 2782: the target is never compressed.
        case .other(_, let data): octets += data
        }
        let length = octets.count - lengthOffset - 2
        octets[lengthOffset] = UInt8(truncatingIfNeeded: length >> 8)
        octets[lengthOffset + 1] = UInt8(truncatingIfNeeded: length)
    }

    /// A name without compression.
    static func plain(_ name: DomainName) -> [UInt8] {
        var encoder = MessageEncoder()
        encoder.name(name, compress: false)
        return encoder.octets
    }
}
