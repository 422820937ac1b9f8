/// A value that is kept and sent as its text, as `description` writes it and the initialiser reads it.
package protocol TextCodable: Codable, CustomStringConvertible {
    /// What the text should have been, for errors: as in `IP address`.
    static var textName: String { get }

    /// - Returns: `nil` for a text that is none.
    init?(_ text: some StringProtocol)
}

extension TextCodable {
    /// - Throws: `DecodingError.dataCorrupted`, with the text.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "invalid \(Self.textName): \(text)")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
