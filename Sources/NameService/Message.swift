package import Addressing

/// A DNS message as a value. RFC 1035 §4, with the OPT record (RFC 6891) taken out of the additional section.
package struct Message: Sendable, Equatable {
    /// Chosen by whoever asks; a reply has its query's.
    package var id: UInt16 = 0
    /// The bit QR.
    package var isResponse = false
    /// 0 is a standard query.
    package var opcode: UInt8 = 0
    /// The bit AA.
    package var isAuthoritative = false
    /// The bit TC: the client asks again by TCP.
    package var isTruncated = false
    /// The bit RD.
    package var recursionDesired = false
    /// The bit RA.
    package var recursionAvailable = false
    /// Authentic data and checking disabled (RFC 4035 §3), carried along.
    package var authenticData = false
    package var checkingDisabled = false
    package var code = ResponseCode.noError
    /// What is asked: one question, or none in some replies. RFC 9619.
    package var question: Question?
    package var answers: [ResourceRecord] = []
    package var authorities: [ResourceRecord] = []
    package var additionals: [ResourceRecord] = []
    /// `nil` where the sender has none.
    package var edns: EDNS?

    package init() {}

    /// The reply to this query, without answers yet.
    package func reply(_ code: ResponseCode = .noError) -> Message {
        var reply = Message()
        reply.id = id
        reply.isResponse = true
        reply.opcode = opcode
        reply.recursionDesired = recursionDesired
        reply.recursionAvailable = true
        reply.checkingDisabled = checkingDisabled
        reply.code = code
        reply.question = question
        if edns != nil { reply.edns = EDNS(payloadSize: EDNS.ownPayloadSize) }
        return reply
    }

    /// Octets that a UDP reply to this query may have. RFC 1035 §4.2.1, RFC 6891 §6.2.3.
    package var replyLimit: Int {
        guard let edns else { return EDNS.plainPayloadSize }
        return min(max(Int(clamping: edns.payloadSize), EDNS.plainPayloadSize), EDNS.largestPayloadSize)
    }
}

/// What is asked.
package struct Question: Sendable, Hashable {
    package var name: DomainName
    package var type: RecordType
    /// 1 is the Internet; other classes are never answered from a table.
    package var recordClass: UInt16

    package init(_ name: DomainName, _ type: RecordType, recordClass: UInt16 = ResourceRecord.internet) {
        self.name = name
        self.type = type
        self.recordClass = recordClass
    }
}

/// Data of a name, in an answer or beside one (RFC 1035 section 4.1.3).
package struct ResourceRecord: Sendable, Equatable {
    /// The class IN.
    package static let internet: UInt16 = 1

    package var name: DomainName
    /// 1 is the Internet.
    package var recordClass: UInt16
    /// Seconds.
    package var timeToLive: UInt32
    package var data: RecordData

    package init(
        _ name: DomainName, timeToLive: UInt32, _ data: RecordData, recordClass: UInt16 = ResourceRecord.internet
    ) {
        self.name = name
        self.recordClass = recordClass
        self.timeToLive = timeToLive
        self.data = data
    }
}

/// The data of a record; types that nothing here looks into keep their octets.
package enum RecordData: Sendable, Equatable {
    case address(IPv4Address)
    /// Sixteen octets.
    case address6([UInt8])
    case pointer(DomainName)
    case canonicalName(DomainName)
    /// Character strings of at most 255 octets each.
    case text([[UInt8]])
    /// RFC 2782.
    case service(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName)
    /// Must be a type whose data holds no compressed names.
    case other(RecordType, [UInt8])

    package var type: RecordType {
        switch self {
        case .address: .a
        case .address6: .aaaa
        case .pointer: .ptr
        case .canonicalName: .cname
        case .text: .txt
        case .service: .srv
        case .other(let type, _): type
        }
    }
}

/// Record and query types by their IANA numbers.
package struct RecordType: RawRepresentable, Sendable, Hashable {
    /// RFC 1035 §3.2.2 and what IANA has added.
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = Self(rawValue: 1)
    package static let ns = Self(rawValue: 2)
    package static let cname = Self(rawValue: 5)
    package static let soa = Self(rawValue: 6)
    package static let ptr = Self(rawValue: 12)
    package static let mx = Self(rawValue: 15)
    package static let txt = Self(rawValue: 16)
    package static let aaaa = Self(rawValue: 28)
    package static let srv = Self(rawValue: 33)
    package static let opt = Self(rawValue: 41)
    package static let any = Self(rawValue: 255)
}

/// Response codes; those above 15 need EDNS.
package struct ResponseCode: RawRepresentable, Sendable, Hashable {
    /// RFC 1035 §4.1.1: four bits; eight more are in the OPT record.
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let noError = Self(rawValue: 0)
    package static let formatError = Self(rawValue: 1)
    package static let serverFailure = Self(rawValue: 2)
    package static let noSuchName = Self(rawValue: 3)
    package static let notImplemented = Self(rawValue: 4)
    package static let refused = Self(rawValue: 5)
    package static let badVersion = Self(rawValue: 16)
}

/// The OPT pseudo-record. RFC 6891 §6.
package struct EDNS: Sendable, Equatable {
    /// What a reply has without EDNS.
    package static let plainPayloadSize = 512
    /// What we say we take: passes every path without fragments (DNS flag day 2020).
    package static let ownPayloadSize: UInt16 = 1232
    /// The most we send in a datagram, whatever the client says.
    package static let largestPayloadSize = 4096

    /// Octets of a datagram that the sender takes; below 512 means 512.
    package var payloadSize: UInt16
    /// 0; others are answered with `badVersion`.
    package var version: UInt8
    /// The bit DO.
    package var wantsSignatures: Bool
    /// As they are in the record, not looked into.
    package var options: [UInt8]

    package init(payloadSize: UInt16, version: UInt8 = 0, wantsSignatures: Bool = false, options: [UInt8] = []) {
        self.payloadSize = payloadSize
        self.version = version
        self.wantsSignatures = wantsSignatures
        self.options = options
    }
}
