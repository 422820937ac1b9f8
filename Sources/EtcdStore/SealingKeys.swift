import Crypto
package import Foundation
import LinuxSystem
import Model
import StateStore
import Synchronization

/// The secrets that a manager seals the store's values with: etcd's files, its copies on other managers and its snapshots show none of them.
///
/// A value is sealed with AES-GCM under a key of its own, derived from the secret of the moment and a salt, and bound to the place where it is
/// kept. In front of it is which secret that was, so that values outlive a change of it. What is not sealed is what an earlier build has stored.
package final class SealingKeys: Sendable {
    /// What values are sealed with, and what it is called in front of them.
    package struct Secret: Codable, Sendable, Equatable {
        /// 16 hexadecimal digits.
        package let id: String
        /// 32 bytes.
        package let secret: Data

        /// Made by chance, id and all.
        package init() {
            id = RandomID.hex(bytes: SealingKeys.idBytes)
            secret = Data(RandomID.bytes(SealingKeys.secretBytes))
        }

        /// One that somebody tells; `nil` when it cannot be one.
        package init?(id: String, secret: Data) {
            guard SealingKeys.bytes(of: id) != nil, secret.count == SealingKeys.secretBytes else { return nil }
            self.id = id
            self.secret = secret
        }
    }

    /// All secrets that values may have been sealed with, and the one that they are sealed with now.
    package struct Ring: VersionedRecord, Equatable {
        package static let recordKind = "store-secrets"
        package static let recordVersion = 1

        /// `nil` while values are stored in clear.
        package var current: String?
        package var secrets: [Secret]

        package init(current: String? = nil, secrets: [Secret] = []) {
            self.current = current
            self.secrets = secrets
        }
    }

    static let idBytes = 8
    static let secretBytes = 32
    private static let saltBytes = 16
    /// What no value in clear begins with: those are JSON and identifiers.
    private static let mark: [UInt8] = [0, 0x73, 0x65, 0x61, 0x6c, 1]
    private static let purpose = Array("apus store value".utf8)

    private let state: Mutex<Ring>

    package init(_ ring: Ring = Ring()) { state = Mutex(ring) }

    package var ring: Ring { state.withLock { $0 } }

    /// Takes secrets that are new.
    /// - Returns: Whether there was one.
    @discardableResult
    package func take(_ secrets: [Secret]) -> Bool {
        state.withLock { ring in
            let new = secrets.filter { secret in !ring.secrets.contains { $0.id == secret.id } }
            ring.secrets += new
            return !new.isEmpty
        }
    }

    /// Seals with this secret from now on; nothing happens when it is not known here.
    /// - Returns: Whether that is a change.
    @discardableResult
    package func use(_ id: String) -> Bool {
        state.withLock { ring in
            guard ring.current != id, ring.secrets.contains(where: { $0.id == id }) else { return false }
            ring.current = id
            return true
        }
    }

    /// Knows no secret any more.
    package func forget() { state.withLock { $0 = Ring() } }

    /// Whether a secret of this id is known here.
    package func has(_ id: String) -> Bool { state.withLock { $0.secrets.contains { $0.id == id } } }

    /// Whether what is stored is sealed with the secret of the moment.
    func isCurrent(_ stored: Data) -> Bool {
        guard let current = ring.current else { return true }
        return Self.sealer(of: Array(stored)) == current
    }

    /// What is to be stored for a value.
    func seal(_ value: [UInt8], at key: StoreKey) throws(StateStoreError) -> [UInt8] {
        let ring = ring
        guard let current = ring.current else { return value }
        guard let secret = ring.secrets.first(where: { $0.id == current }), let id = Self.bytes(of: current) else {
            throw StateStoreError(.sealed, "seal \(key)", detail: "secret \(current) is not known here")
        }
        let salt = RandomID.bytes(Self.saltBytes)
        do {
            let box = try AES.GCM.seal(value, using: Self.key(secret, salt), authenticating: Array(key.path.utf8))
            guard let combined = box.combined else { throw CryptoKitError.incorrectParameterSize }
            return Self.mark + id + salt + combined
        } catch {
            throw StateStoreError(.unexpected, "seal \(key)", detail: "\(error)")
        }
    }

    /// The value of what is stored.
    ///
    /// - Throws: `.sealed` when the secret is not known here; `.unexpected` when it is not what has been stored there.
    func open(_ stored: Data, at key: StoreKey) throws(StateStoreError) -> [UInt8] {
        let stored = Array(stored)
        guard let id = Self.sealer(of: stored) else { return stored }
        guard let secret = ring.secrets.first(where: { $0.id == id }) else {
            throw StateStoreError(.sealed, "open \(key)", detail: "secret \(id) is not known here")
        }
        let rest = stored.dropFirst(Self.mark.count + Self.idBytes)
        do {
            let box = try AES.GCM.SealedBox(combined: rest.dropFirst(Self.saltBytes))
            let key = Array(key.path.utf8)
            return Array(
                try AES.GCM.open(box, using: Self.key(secret, Array(rest.prefix(Self.saltBytes))), authenticating: key))
        } catch {
            throw StateStoreError(.unexpected, "open \(key)", detail: "it is not what has been stored there: \(error)")
        }
    }

    /// Which secret has sealed a value; `nil` for one in clear.
    private static func sealer(of stored: [UInt8]) -> String? {
        guard stored.starts(with: mark), stored.count > mark.count + idBytes + saltBytes else { return nil }
        return stored.dropFirst(mark.count).prefix(idBytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private static func key(_ secret: Secret, _ salt: [UInt8]) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: secret.secret), salt: salt, info: purpose, outputByteCount: 32)
    }

    private static func bytes(of id: String) -> [UInt8]? {
        let digits = Array(id.utf8)
        guard digits.count == 2 * idBytes, digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        return stride(from: 0, to: digits.count, by: 2).compactMap { start in
            UInt8(String(decoding: digits.dropFirst(start).prefix(2), as: UTF8.self), radix: 16)
        }
    }
}
