/// What an account may do.
package enum DashboardRole: String, Codable, Sendable, CaseIterable {
    /// Reads everything but the values of variables and secrets.
    case viewer
    /// Also scales, restarts, updates, drains and silences.
    case `operator`
}

/// Who may sign in.
package struct DashboardAccount: Codable, Sendable, Equatable {
    package let name: String
    package var role: DashboardRole
    /// Sessions of another generation are over: it changes with the password and with the role.
    package var generation: String
    package var password: PasswordHash

    package init(name: String, role: DashboardRole, generation: String, password: PasswordHash) {
        self.generation = generation
        self.name = name
        self.password = password
        self.role = role
    }

    /// 1 to 32 letters, digits, `.`, `_`, `-`, the first one a letter or digit. `local` is who came by a one-use link.
    package static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, bytes.count <= 32, text != localName else { return false }
        let isWord = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isWord(first) && bytes.allSatisfy { isWord($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }

    /// The name that sessions from one-use links have; no account has it.
    package static let localName = "local"
}

/// Where accounts and the key that signs sessions are kept.
package protocol DashboardAccountStore: Sendable {
    /// All, in the order of their names. Answered from memory: each request asks.
    func accounts() async -> [DashboardAccount]
    /// At least 32 random bytes, the same at each manager that a session is to be good for.
    func signingKey() async throws -> [UInt8]
    /// Adds an account, or replaces the one of its name.
    func save(_ account: DashboardAccount) async throws
    /// - Returns: Whether there was one.
    func remove(_ name: String) async throws -> Bool
    /// Yields when accounts have come or gone, and once at the beginning.
    func changes() async -> AsyncStream<Void>
}
