import CESP
import ESPControl

/// A key's schedule for one direction, for one thread at a time. Its owner ends it with ``free()``; it is handed from the thread that makes it
/// to the one that uses it.
struct PacketCipher: @unchecked Sendable {
    // Safe: whoever gets it through a mailbox is the only one to use it from then on.
    let raw: OpaquePointer

    /// `nil` without memory.
    init?(_ key: AssociationKey, seals: Bool) {
        guard let raw = cesp_cipher_new(key.key, key.key.count, key.salt, seals ? 1 : 0) else { return nil }
        self.raw = raw
    }

    func free() { cesp_cipher_free(raw) }

    /// Seals `count` bytes from `from` into the packet, which begins with SPI, number and IV, and writes the ICV after them.
    @inline(__always) func seal(_ packet: PacketBytes, from: PacketBytes, count: Int, sequence: UInt64) -> Bool {
        cesp_seal(raw, packet, from, count, UInt32(truncatingIfNeeded: sequence >> 32)) == 1
    }

    /// Opens `count` bytes after the packet's header where they are. False: forged or damaged, and the bytes mean nothing.
    @inline(__always) func open(_ packet: PacketBytes, count: Int, sequence: UInt64) -> Bool {
        cesp_open(raw, packet, count, UInt32(truncatingIfNeeded: sequence >> 32)) == 1
    }
}

/// What the sequence numbers of a key are remembered by: not the key, and nothing that the key could be computed from.
struct KeyFingerprint: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    init(_ key: AssociationKey, _ direction: AssociationDirection) {
        let bytes = Array("apus-esp counter".utf8) + [direction.rawValue] + key.key + key.salt
        var digest = [UInt8](repeating: 0, count: 32)
        guard cesp_digest(bytes, bytes.count, &digest) == 1 else { preconditionFailure("libcrypto has no SHA-256") }
        high = digest.prefix(8).reduce(0) { $0 << 8 | UInt64(truncatingIfNeeded: $1) }
        low = digest.dropFirst(8).prefix(8).reduce(0) { $0 << 8 | UInt64(truncatingIfNeeded: $1) }
    }
}
