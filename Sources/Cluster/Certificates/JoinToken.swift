import Crypto
package import EngineInterface
import LinuxSystem

/// What lets a node join: `SWMTKN-1-<digest of the root>-<secret>`, 85 characters.
///
/// The digest is SHA-256 over the PEM bytes of the root certificate as the manager sends them, so a joiner knows the swarm before
/// it tells the secret. Both are big-endian numbers in base 36, in lower case, with zeros in front up to 50 and 25 digits.
/// Source: SwarmKit `ca/config.go`.
package struct JoinToken: Sendable, Hashable, CustomStringConvertible {
    static let digestLength = 50
    static let secretLength = 25

    /// 50 digits of base 36: SHA-256 of the root's PEM.
    package let digest: String
    /// 25 digits of base 36. Nobody but managers and whoever is to join may know it.
    package let secret: String

    /// A token with a new secret.
    package init(rootPEM: String) {
        digest = Self.digest(ofRootPEM: rootPEM)
        secret = RandomID.swarm()
    }

    /// - Throws: ``SwarmError``.
    package init(_ text: String) throws(SwarmError) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        let digits = Set("0123456789abcdefghijklmnopqrstuvwxyz")
        guard parts.count == 4, parts[0] == "SWMTKN", parts[1] == "1", parts[2].count == Self.digestLength,
            parts[3].count == Self.secretLength, (parts[2] + parts[3]).allSatisfy(digits.contains)
        else { throw SwarmError.invalidToken }
        digest = parts[2]
        secret = parts[3]
    }

    package var description: String { "SWMTKN-1-\(digest)-\(secret)" }

    /// 50 digits in base 36 of SHA-256 over the text's bytes.
    package static func digest(ofRootPEM pem: String) -> String {
        base36(Array(SHA256.hash(data: Array(pem.utf8))), digits: digestLength)
    }

    /// Whether two texts are the same, in a time that depends on their lengths only.
    package static func equal(_ left: String, _ right: String) -> Bool {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    static func base36(_ bytes: [UInt8], digits: Int) -> String {
        var number = bytes
        var text: [UInt8] = []
        let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
        // Long division: each round takes one digit off the end.
        for _ in 0..<digits {
            var rest = 0
            for index in number.indices {
                let value = rest << 8 | Int(clamping: number[index])
                number[index] = UInt8(truncatingIfNeeded: value / 36)
                rest = value % 36
            }
            text.append(alphabet[rest])
        }
        return String(decoding: text.reversed(), as: UTF8.self)
    }
}
