import CLinux
import Glibc

/// Identifiers from the kernel's random source (getrandom(2)).
package enum RandomID {
    /// Random bytes fit for keys.
    package static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { whole in
                let rest = UnsafeMutableRawBufferPointer(rebasing: whole.dropFirst(filled))
                return clinux_getrandom(rest.baseAddress, rest.count)
            }
            // Only EINTR can happen once the pool is seeded, which init has waited for.
            if got > 0 { filled += got }
        }
        return bytes
    }

    /// Lower-case hexadecimal, two digits a byte.
    package static func hex(bytes count: Int) -> String {
        bytes(count).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// 64 hexadecimal digits, as Docker's containers and networks have. Never all digits in the first twelve, which a
    /// program could take for a number (Docker's rule).
    package static func docker() -> String {
        while true {
            let id = hex(bytes: 32)
            if id.prefix(12).contains(where: { !$0.isNumber }) { return id }
        }
    }

    /// 25 digits of base 36: 16 random bytes as a number, zeros in front; SwarmKit's `identity.NewID`.
    package static func swarm() -> String { swarm(of: bytes(16)) }

    /// The same of given bytes, at most 16.
    package static func swarm(of bytes: [UInt8]) -> String {
        let number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        let text = String(number, radix: 36)
        return String(repeating: "0", count: max(0, 25 - text.count)) + text
    }
}
