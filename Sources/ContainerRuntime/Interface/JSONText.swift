import FoundationEssentials

/// Small JSON texts of runc and conmon, and the files that runc reads.
enum JSONText {
    /// A line of conmon's sync pipe.
    struct SyncLine: Codable, Sendable, Equatable {
        var data: Int
        var message: String?
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }

    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }
}
