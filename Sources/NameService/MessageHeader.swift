/// The twelve octets that every message begins with. RFC 1035 §4.1.1.
package struct MessageHeader: Sendable, Equatable {
    package static let length = 12

    var id: UInt16
    var flags: UInt16
    var questions: UInt16
    var answers: UInt16
    var authorities: UInt16
    var additionals: UInt16

    init(
        id: UInt16, flags: UInt16, questions: UInt16 = 0, answers: UInt16 = 0, authorities: UInt16 = 0,
        additionals: UInt16 = 0
    ) {
        self.id = id
        self.flags = flags
        self.questions = questions
        self.answers = answers
        self.authorities = authorities
        self.additionals = additionals
    }

    /// `nil` when there are fewer octets than a header has.
    package init?(_ octets: [UInt8]) {
        guard let id = octets.number16(at: 0), let flags = octets.number16(at: 2),
            let questions = octets.number16(at: 4),
            let answers = octets.number16(at: 6), let authorities = octets.number16(at: 8),
            let additionals = octets.number16(at: 10)
        else { return nil }
        self.init(
            id: id, flags: flags, questions: questions, answers: answers, authorities: authorities,
            additionals: additionals)
    }

    var isResponse: Bool { flags & 0x8000 != 0 }
    var opcode: UInt8 { UInt8(truncatingIfNeeded: flags >> 11 & 0xf) }
    var recursionDesired: Bool { flags & 0x100 != 0 }
    /// Without the bits that EDNS adds.
    var code: ResponseCode { ResponseCode(rawValue: flags & 0xf) }

    var octets: [UInt8] {
        [id, flags, questions, answers, authorities, additionals].flatMap(\.octets)
    }
}
