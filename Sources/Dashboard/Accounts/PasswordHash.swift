import Crypto
import CryptoExtras
import Foundation
import LinuxSystem
import Model

/// A password as it is kept: scrypt (RFC 7914) with a salt of its own.
package struct PasswordHash: Codable, Sendable, Equatable {
    /// How much work a guess is. Kept with each password, so that another cost later leaves those that there are good.
    package struct Cost: Codable, Sendable, Equatable {
        /// N, a power of two.
        package var rounds: Int
        /// r: a block is 128 r bytes, and memory is N of them.
        package var blockSize: Int
        /// p: how often it is done, one after the other.
        package var parallelism: Int

        package init(rounds: Int, blockSize: Int, parallelism: Int) {
            self.blockSize = blockSize
            self.parallelism = parallelism
            self.rounds = rounds
        }

        /// 32 MiB and some 0.3 s. Source: OWASP, Password Storage Cheat Sheet.
        package static let standard = Cost(rounds: 1 << 15, blockSize: 8, parallelism: 3)

        /// What is read from a store: no more than four times the standard's memory and time.
        var isBounded: Bool {
            (2...1 << 17).contains(rounds) && rounds & (rounds - 1) == 0 && (1...8).contains(blockSize)
                && (1...12).contains(parallelism)
        }
    }

    package let cost: Cost
    /// Base64 of 16 bytes.
    package let salt: String
    /// Base64 of 32 bytes.
    package let key: String

    /// Takes as long as the cost says: for a thread of its own, see ``PasswordWorker``.
    init(_ password: String, cost: Cost) throws {
        let salt = Data(RandomID.bytes(16))
        self.cost = cost
        self.salt = salt.base64EncodedString()
        key = Data(try Self.derive(password, salt, cost)).base64EncodedString()
    }

    /// One that no password fits.
    init(cost: Cost) {
        self.cost = cost
        salt = Data(RandomID.bytes(16)).base64EncodedString()
        key = Data(RandomID.bytes(32)).base64EncodedString()
    }

    /// As it was kept, whatever it may be: ``matches(_:)`` looks at it.
    init(_ kept: KeptDashboardAccount.Password) {
        cost = Cost(rounds: kept.rounds, blockSize: kept.blockSize, parallelism: kept.parallelism)
        key = kept.key
        salt = kept.salt
    }

    var kept: KeptDashboardAccount.Password {
        KeptDashboardAccount.Password(
            rounds: cost.rounds, blockSize: cost.blockSize, parallelism: cost.parallelism, salt: salt, key: key)
    }

    /// Takes as long for a wrong password as for the right one.
    func matches(_ password: String) throws -> Bool {
        guard cost.isBounded, let salt = Data(base64Encoded: salt), let known = Data(base64Encoded: key) else {
            return false
        }
        let derived = try Self.derive(password, salt, cost)
        guard known.count == derived.count else { return false }
        return zip(known, derived).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ password: String, _ salt: Data, _ cost: Cost) throws -> [UInt8] {
        let key = try KDF.Scrypt.deriveKey(
            from: Data(password.utf8), salt: salt, outputByteCount: 32, rounds: cost.rounds, blockSize: cost.blockSize,
            parallelism: cost.parallelism)
        return key.withUnsafeBytes { Array($0) }
    }
}

/// Derives keys one at a time, off the pool of tasks: however many try to sign in, it is one thread and 32 MiB.
package final class PasswordWorker: Sendable {
    private let thread = WorkerThread()
    private let cost: PasswordHash.Cost
    /// What is compared for a name that there is not, so that its answer takes as long.
    private let decoy: PasswordHash

    package init(cost: PasswordHash.Cost = .standard) {
        self.cost = cost
        decoy = PasswordHash(cost: cost)
    }

    /// The longest password that is looked at, in bytes.
    package static let longest = 1024

    /// Waits for its turn.
    package func hash(_ password: String) async throws -> PasswordHash {
        try await thread.run { [cost] in try PasswordHash(password, cost: cost) }
    }

    /// - Parameter known: `nil` for a name that there is not: false, after the same time.
    package func matches(_ password: String, _ known: PasswordHash?) async throws -> Bool {
        guard password.utf8.count <= Self.longest else { return false }
        return try await thread.run { [decoy] in try (known ?? decoy).matches(password) && known != nil }
    }
}
