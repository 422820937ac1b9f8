import Crypto
import Foundation

/// What a session's cookie says.
package struct DashboardSession: Codable, Sendable, Equatable {
    package let name: String
    /// The account's when the session began: once the account has another one, the session is over.
    package let generation: String
    /// Seconds since 1970 after which it is over.
    package let expires: Int64

    package init(name: String, generation: String, expires: Int64) {
        self.expires = expires
        self.generation = generation
        self.name = name
    }
}

/// Makes and reads sessions that nobody has to store: what they say and an HMAC-SHA256 over it.
package struct SessionSigner: Sendable {
    /// How long a session is good for, in seconds.
    package static let lifetime: Int64 = 12 * 3600
    private static let longest = 1024
    private let key: SymmetricKey

    package init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    /// `payload.signature`, both base64url.
    package func text(of session: DashboardSession) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let payload = try encoder.encode(session)
        let code = HMAC<SHA256>.authenticationCode(for: payload, using: key)
        return "\(Self.url(payload)).\(Self.url(Data(code)))"
    }

    /// - Parameter now: Seconds since 1970.
    /// - Returns: `nil` for what was not signed with this key, and for what is over.
    package func session(from text: String, at now: Int64) -> DashboardSession? {
        guard text.utf8.count <= Self.longest else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = parts.first, let second = parts.last, let payload = Self.data(first),
            let code = Self.data(second),
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: payload, using: key)
        else { return nil }
        do {
            let session = try JSONDecoder().decode(DashboardSession.self, from: payload)
            return session.expires > now ? session : nil
        } catch {
            return nil
        }
    }

    private static func url(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func data(_ text: Substring) -> Data? {
        let plain = text.replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
    }
}
