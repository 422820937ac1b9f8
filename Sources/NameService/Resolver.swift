import Addressing

/// What becomes of a query.
package enum Resolution: Sendable, Equatable {
    case answer(Message)
    /// Ask the upstreams, and pass their reply on.
    case forward
}

/// Whether octets are to be read at all.
package enum Admission: Sendable, Equatable {
    case query
    /// A reply that says no, with no question in it.
    case refusal([UInt8])
    /// Not a query: say nothing, so that two servers never answer each other's answers.
    case ignore
}

/// Answers queries from a table. Pure.
package enum Resolver {
    /// How long clients may keep an answer, in seconds. Docker says 600, which leaves programs that cache with the
    /// addresses of tasks long gone; a look-up here costs a few microseconds.
    package static let timeToLive: UInt32 = 5

    /// Decides about a query. Several addresses come in a random order (RFC 1794), so that clients that take the first
    /// are spread.
    package static func resolve(
        _ query: Message, in table: any NameSource, using generator: inout some RandomNumberGenerator
    ) -> Resolution {
        guard let question = query.question else { return .answer(query.reply(.formatError)) }
        if let edns = query.edns, edns.version != 0 { return .answer(query.reply(.badVersion)) }
        if question.recordClass == ResourceRecord.internet {
            if let addresses = table.addresses(of: question.name) {
                return .answer(answer(query, question, addresses.shuffled(using: &generator)))
            }
            if question.type == .ptr, let target = table.pointer(for: question.name) {
                var reply = query.reply()
                reply.answers = [ResourceRecord(question.name, timeToLive: timeToLive, .pointer(target))]
                return .answer(reply)
            }
        }
        // Single labels are forwarded as well, as Docker does: the resolver beyond may have a search list of its own.
        return table.forwards ? .forward : .answer(query.reply(.noSuchName))
    }

    /// A known name: its addresses of IPv4 where A is asked for, of IPv6 where AAAA is; any other type, and a family of which there are none, gets an empty answer (NODATA, RFC 2308 §2.2)
    /// instead of going to an upstream that would deny that the name exists.
    private static func answer(
        _ query: Message, _ question: Question, _ addresses: some Sequence<IPAddress>
    ) -> Message {
        var reply = query.reply()
        reply.answers = addresses.compactMap { address in
            switch address {
            case .v4(let address) where question.type == .a || question.type == .any:
                ResourceRecord(question.name, timeToLive: timeToLive, .address(address))
            case .v6(let address) where question.type == .aaaa || question.type == .any:
                ResourceRecord(question.name, timeToLive: timeToLive, .address6(address.octets))
            case .v4, .v6: nil
            }
        }
        return reply
    }

    /// The longest query that is read: the question, and room for options such as padding (RFC 8467).
    package static let largestQuery = 4096
    /// Records that a query may have beside its question: options and signatures.
    private static let mostAdditionals = 4

    /// Decides by the header alone: a query asks one question and brings no answers. RFC 1035 §4.1.1, RFC 9619.
    /// - Parameter octets: the message, or its beginning with the header.
    /// - Parameter length: of the whole message.
    package static func admission(of octets: [UInt8], length: Int) -> Admission {
        guard let header = MessageHeader(octets), !header.isResponse else { return .ignore }
        guard header.opcode == 0 else { return .refusal(refusal(of: header, .notImplemented)) }
        guard header.questions == 1, header.answers == 0, header.authorities == 0,
            header.additionals <= mostAdditionals, length <= largestQuery
        else { return .refusal(refusal(of: header, .formatError)) }
        return .query
    }

    /// The reply to a query that cannot be read beyond its header: nothing of it comes back but what the header says.
    static func refusal(of header: MessageHeader, _ code: ResponseCode) -> [UInt8] {
        var reply = Message()
        reply.id = header.id
        reply.isResponse = true
        reply.opcode = header.opcode
        reply.recursionDesired = header.recursionDesired
        reply.code = code
        return reply.encoded()
    }
}
