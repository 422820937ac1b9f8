import Addressing

/// What becomes of a query.
package enum Resolution: Sendable, Equatable {
    case answer(Message)
    /// Ask the upstreams, and pass their reply on.
    case forward
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
        _ query: Message, in table: NameTable, using generator: inout some RandomNumberGenerator
    ) -> Resolution {
        guard !query.isResponse else { return .ignore }
        guard query.opcode == 0 else { return .answer(query.reply(.notImplemented)) }
        guard query.questions.count == 1, let question = query.questions.first else {
            return .answer(query.reply(.formatError))
        }
        if let edns = query.edns, edns.version != 0 { return .answer(query.reply(.badVersion)) }
        if question.recordClass == Record.internet {
            if let addresses = table.addresses(of: question.name) {
                return .answer(answer(query, question, addresses.shuffled(using: &generator)))
            }
            if question.type == .ptr, let target = table.pointer(for: question.name) {
                var reply = query.reply()
                reply.answers = [Record(question.name, timeToLive: timeToLive, .pointer(target))]
                return .answer(reply)
            }
        }
        // Single labels are forwarded as well, as Docker does: the resolver beyond may have a search list of its own.
        return table.forwards ? .forward : .answer(query.reply(.noSuchName))
    }

    /// A known name: its addresses where A is asked for; any other type gets an empty answer (NODATA, RFC 2308 §2.2)
    /// instead of going to an upstream that would deny that the name exists.
    private static func answer(
        _ query: Message, _ question: Question, _ addresses: some Sequence<IPv4Address>
    ) -> Message {
        var reply = query.reply()
        if question.type == .a || question.type == .any {
            reply.answers = addresses.map { Record(question.name, timeToLive: timeToLive, .address($0)) }
        }
        return reply
    }

    /// The reply to octets that cannot be read: FORMERR when their header shows a query, else nothing.
    package static func refusal(of octets: [UInt8]) -> [UInt8]? {
        guard octets.count >= 12, octets[2] & 0x80 == 0 else { return nil }
        var reply = Message()
        reply.id = UInt16(octets[0]) << 8 | UInt16(octets[1])
        reply.isResponse = true
        reply.opcode = octets[2] >> 3 & 0xf
        reply.code = .formatError
        return reply.encoded()
    }
}
