import Crypto
import FoundationEssentials

/// The SHA-256 of some content, spelled `sha256:` and 64 lower-case hexadecimal digits (image-spec, descriptor.md).
/// Other algorithms are not taken.
package struct Digest: Sendable, Hashable, Codable, CustomStringConvertible, Comparable {
    /// The 64 digits.
    package let hex: String

    /// `nil` unless `text` is a well-formed SHA-256 digest.
    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix("sha256:") else { return nil }
        self.init(hex: text.dropFirst(7))
    }

    /// From the 64 digits alone.
    package init?(hex: some StringProtocol) {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy(Digest.isLowerHex) else { return nil }
        self.hex = String(hex)
    }

    /// The digest of these bytes.
    package init(of bytes: some Sequence<UInt8>) {
        var digester = Digester()
        digester.update(Array(bytes))
        self = digester.finish()
    }

    init(unchecked hex: String) { self.hex = hex }

    package var description: String { "sha256:\(hex)" }

    /// The first twelve digits, as users see them.
    package var short: String { String(hex.prefix(12)) }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let digest = Digest(text) else { throw OCIError(.badDigest, "digest \"\(text.prefix(100))\"") }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package static func < (a: Digest, b: Digest) -> Bool { a.hex < b.hex }

    static func isLowerHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}

/// Takes a digest of content that comes in pieces.
package struct Digester {
    private var state = SHA256()

    package init() {}

    /// The next piece.
    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { state.update(bufferPointer: $0) } }

    /// The next piece, which is read before this returns.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) { state.update(bufferPointer: bytes) }

    /// The digest of all pieces so far; more may follow.
    package func finish() -> Digest {
        let text = state.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return Digest(unchecked: text)
    }
}
