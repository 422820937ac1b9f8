package import Addressing

/// A query as nearly all are: one question for addresses, its name in printable characters and without pointers, and at most an OPT record after
/// it. It is answered without a ``Message``: from a look-up to the octets of the reply. What it says, ``Message`` and ``Resolver`` would say too.
package struct PlainQuery {
    /// As ``DomainName/key``.
    package let key: String
    private let id: UInt16
    private let flags: UInt16
    private let family: IPFamily
    /// Name, type and class, as they came.
    private let question: ArraySlice<UInt8>
    /// What the OPT record says of the client's datagrams.
    private let payloadSize: UInt16?

    /// `nil` for every other query, and for what is none.
    package init?(_ octets: [UInt8]) {
        guard octets.count <= Resolver.largestQuery, let header = MessageHeader(octets), !header.isResponse,
            header.opcode == 0, header.questions == 1, header.answers == 0, header.authorities == 0,
            header.additionals <= 1
        else { return nil }
        let body = octets.dropFirst(MessageHeader.length)
        var rest = body.makeIterator()
        guard let (key, nameLength) = Self.name(&rest), let type = Self.number(&rest),
            Self.number(&rest) == ResourceRecord.internet
        else { return nil }
        switch RecordType(rawValue: type) {
        case .a: family = .v4
        case .aaaa: family = .v6
        default: return nil
        }
        if header.additionals == 1 {
            guard rest.next() == 0, Self.number(&rest) == RecordType.opt.rawValue, let size = Self.number(&rest),
                // The reply's code is extended by the first octet, which means nothing in a query; the second is the version.
                rest.next() != nil, rest.next() == 0, Self.number(&rest) != nil, let length = Self.number(&rest)
            else { return nil }
            for _ in 0..<length where rest.next() == nil { return nil }
            payloadSize = size
        } else {
            payloadSize = nil
        }
        self.key = key
        id = header.id
        flags = header.flags
        question = body.prefix(nameLength + 4)
    }

    /// A name as tables are looked up by, and how many octets it had.
    private static func name(_ octets: inout ArraySlice<UInt8>.Iterator) -> (String, Int)? {
        var key: [UInt8] = []
        key.reserveCapacity(64)
        var length = 1
        while let size = octets.next() {
            if size == 0 { return (String(decoding: key, as: UTF8.self), length) }
            let count = Int(clamping: size)
            length += count + 1
            guard count <= DomainName.maximumLabelLength, length <= DomainName.maximumWireLength else { return nil }
            if !key.isEmpty { key.append(UInt8(ascii: ".")) }
            for _ in 0..<count {
                guard let octet = octets.next(), octet > 0x20, octet < 0x7f, octet != UInt8(ascii: "."),
                    octet != UInt8(ascii: "\\")
                else { return nil }
                key.append(DomainName.lowered(octet))
            }
        }
        return nil
    }

    private static func number(_ octets: inout ArraySlice<UInt8>.Iterator) -> UInt16? {
        guard let high = octets.next(), let low = octets.next() else { return nil }
        return UInt16(high: high, low: low)
    }

    /// Octets that a UDP reply may have. RFC 1035 §4.2.1, RFC 6891 §6.2.3.
    private var limit: Int {
        min(max(Int(clamping: payloadSize ?? 0), EDNS.plainPayloadSize), EDNS.largestPayloadSize)
    }

    /// The reply with these addresses of the name, in this order; those of the other family are left out.
    /// - Parameter isDatagram: The reply's length has the client's bound.
    /// - Returns: `nil` when they have no room: what is left out then is not for here to say.
    package func reply(_ addresses: [IPAddress], isDatagram: Bool) -> [UInt8]? {
        let width = family == .v4 ? 4 : 16
        let count = addresses.count { $0.family == family }
        let option = payloadSize == nil ? 0 : Self.option.count
        let length = MessageHeader.length + question.count + count * (Self.record + width) + option
        guard length <= (isDatagram ? limit : MessageEncoder.largestMessage) else { return nil }
        var reply: [UInt8] = []
        reply.reserveCapacity(length)
        func add(_ number: UInt16) {
            reply.append(UInt8(truncatingIfNeeded: number >> 8))
            reply.append(UInt8(truncatingIfNeeded: number))
        }
        add(id)
        // A reply with recursion; recursion desired and checking disabled as they were.
        add(0x8080 | flags & 0x110)
        add(1)
        add(UInt16(clamping: count))
        add(0)
        add(option == 0 ? 0 : 1)
        reply += question
        for address in addresses where address.family == family {
            // The name is the question's, right behind the header. RFC 1035 §4.1.4.
            add(0xc00c)
            add(family == .v4 ? RecordType.a.rawValue : RecordType.aaaa.rawValue)
            add(ResourceRecord.internet)
            add(UInt16(truncatingIfNeeded: Resolver.timeToLive >> 16))
            add(UInt16(truncatingIfNeeded: Resolver.timeToLive))
            add(family == .v4 ? 4 : 16)
            switch address {
            case .v4(let address):
                let number = address.number
                add(UInt16(truncatingIfNeeded: number >> 16))
                add(UInt16(truncatingIfNeeded: number))
            case .v6(let address):
                for half in [address.high, address.low] {
                    for shift: UInt64 in [48, 32, 16, 0] { add(UInt16(truncatingIfNeeded: half >> shift)) }
                }
            }
        }
        if option != 0 { reply += Self.option }
        return reply
    }

    /// A record without its data: pointer, type, class, time, length.
    private static let record = 12
    private static let option = MessageEncoder.option(EDNS(payloadSize: EDNS.ownPayloadSize), .noError)
}

extension Resolver {
    /// The octets of the answer to a plain query whose name is known; `nil` for all others, which are for ``resolve(_:in:using:)``.
    package static func plainAnswer(
        to octets: [UInt8], in table: any NameSource, isDatagram: Bool,
        using generator: inout some RandomNumberGenerator
    ) -> [UInt8]? {
        guard let query = PlainQuery(octets), let addresses = table.addresses(forKey: query.key) else { return nil }
        return query.reply(addresses.shuffled(using: &generator), isDatagram: isDatagram)
    }
}
