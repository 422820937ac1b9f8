import Model

/// Serial numbers of certificates that count no more, as a node keeps them: a list.
struct RevokedSerials: VersionedRecord {
    static let recordKind = "revoked"
    static let recordVersion = 1

    var serials: Set<String>

    init(serials: Set<String>) { self.serials = serials }

    init(from decoder: any Decoder) throws { serials = try Set(from: decoder) }

    func encode(to encoder: any Encoder) throws { try serials.sorted().encode(to: encoder) }
}
