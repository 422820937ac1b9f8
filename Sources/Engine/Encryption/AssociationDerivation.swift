import Crypto
import ESPControl
import Foundation
import Model

/// What one association's key is made for: one sender's page of sequence numbers, one receiver, one lane, one generation. No two of them share a key,
/// so no two share a sequence number under one.
struct AssociationPurpose: Hashable, Sendable {
    var source: String
    var destination: String
    var lane: UInt8
    /// The sender's.
    var place: EncryptionPlace
    var generation: UInt64

    /// Grows with the generation and, within one, with each page that the sender has had.
    var epoch: UInt64 { (generation &<< 16) | UInt64(truncatingIfNeeded: place.restarts & 0xffff) }

    /// Of 31 bits below the first: 20 for the sender, 3 for its lane, 8 for the generation. Other than any other sender's, and than the same sender's in
    /// the generations beside it.
    var spi: UInt32 {
        0x8000_0000 | (place.number & 0xf_ffff) << 11 | UInt32(truncatingIfNeeded: lane & 7) << 8
            | UInt32(truncatingIfNeeded: generation & 0xff)
    }

    /// What the key is bound to: every field, in an encoding that no other purpose has.
    private var info: Data {
        var data = Data("apus esp".utf8)
        func add(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.bigEndian) { data.append(contentsOf: $0) }
        }
        for text in [source, destination] {
            add(UInt32(clamping: text.utf8.count))
            data.append(contentsOf: text.utf8)
        }
        add(lane)
        add(place.page)
        add(place.restarts)
        add(generation)
        return data
    }

    /// RFC 5869 with SHA-256: 32 bytes of key, then 4 of salt.
    func key(from secret: OverlaySecret) -> AssociationKey? {
        let derived = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: secret.bytes), info: info,
            outputByteCount: Self.keyBytes + Self.saltBytes)
        return derived.withUnsafeBytes { bytes in
            AssociationKey(key: Array(bytes.prefix(Self.keyBytes)), salt: Array(bytes.suffix(Self.saltBytes)))
        }
    }

    private static let keyBytes = 32
    private static let saltBytes = 4
}
