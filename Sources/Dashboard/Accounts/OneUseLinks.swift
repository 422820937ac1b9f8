import LinuxSystem

/// Links that sign in whoever opens them first, within a quarter of an hour: a pure machine with the time handed in.
package struct OneUseLinks: Sendable {
    /// Seconds that a link is good for.
    package static let lifetime: Double = 900
    private static let most = 16
    private var open: [(token: String, until: Double)] = []

    package init() {}

    /// 32 random bytes in hexadecimal. The oldest link is over when there are too many.
    package mutating func make(at now: Double) -> String {
        open.removeAll { $0.until <= now }
        if open.count >= Self.most { open = Array(open.suffix(Self.most - 1)) }
        let token = RandomID.hex(bytes: 32)
        open.append((token, now + Self.lifetime))
        return token
    }

    /// - Returns: Whether the link was good; it is not from now on.
    package mutating func use(_ token: String, at now: Double) -> Bool {
        open.removeAll { $0.until <= now }
        guard let index = open.firstIndex(where: { Self.isSame($0.token, token) }) else { return false }
        open.remove(at: index)
        return true
    }

    /// In a time that does not tell how much of it was right.
    private static func isSame(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
