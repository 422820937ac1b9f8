/// Who may sign in to the dashboard, as the swarm's store keeps it. Its id is the account's name.
package struct KeptDashboardAccount: Codable, Sendable, Equatable, Identifiable {
    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    /// `viewer` or `operator`; with what another version calls otherwise nobody signs in.
    @Zero package var role: String
    /// Sessions of another generation are over.
    @Zero package var generation: String
    package var password: Password

    package init(name: String, role: String, generation: String, password: Password) {
        self.generation = generation
        self.password = password
        self.role = role
        id = name
    }

    /// What a password has become: scrypt (RFC 7914).
    package struct Password: Codable, Sendable, Equatable {
        /// N, a power of two.
        package var rounds: Int
        /// r: a block is 128 r bytes.
        package var blockSize: Int
        /// p: how often it is done.
        package var parallelism: Int
        /// In base64, the same below.
        package var salt: String
        package var key: String

        package init(rounds: Int, blockSize: Int, parallelism: Int, salt: String, key: String) {
            self.blockSize = blockSize
            self.key = key
            self.parallelism = parallelism
            self.rounds = rounds
            self.salt = salt
        }
    }
}

/// What signs the dashboard's sessions, so that one that a manager has made is good at the others.
package struct DashboardSigningKey: Codable, Sendable, Equatable, Identifiable {
    /// The id of the only key of the kind: managers look for it under this.
    package static let sessionID = "session"

    @Zero package var id: String
    @Zero package var version: ObjectVersion
    @Zero package var createdAt: Timestamp
    @Zero package var updatedAt: Timestamp
    /// 32 random bytes in base64.
    @Zero package var secret: String

    package init(secret: String) {
        id = Self.sessionID
        self.secret = secret
    }
}
