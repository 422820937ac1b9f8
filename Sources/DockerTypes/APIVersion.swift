package import Faults

/// A version of the Engine API, as in the path's `/v1.41`.
package struct APIVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 1 in every version so far.
    package let major: Int
    /// What counts: 24 to 50 are spoken.
    package let minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// What this server speaks when asked for no version.
    package static let newest = APIVersion(1, 50)
    package static let oldest = APIVersion(1, 24)

    /// The text after the `v`; `nil` when it is no version.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let major = Int(parts[0]), let minor = Int(parts[1])
        else { return nil }
        self.init(major, minor)
    }

    package static func < (left: Self, right: Self) -> Bool { (left.major, left.minor) < (right.major, right.minor) }
    package var description: String { "\(major).\(minor)" }

    /// - Throws: `.invalidInput` in Docker's words when this server does not speak the version.
    package func requireSupported() throws(APIError) {
        if self > .newest {
            throw APIError(
                .invalidInput,
                "client version \(self) is too new. Maximum supported API version is \(APIVersion.newest)")
        }
        if self < .oldest {
            throw APIError(
                .invalidInput,
                "client version \(self) is too old. Minimum supported API version is \(APIVersion.oldest), "
                    + "please upgrade your client to a newer version")
        }
    }

    /// Takes `/vX.Y` off a path.
    /// - Returns: The version, `nil` when the path names none, and the rest, which begins with a slash.
    package static func split(path: String) -> (version: APIVersion?, rest: String) {
        guard path.hasPrefix("/v") else { return (nil, path) }
        let tail = path.dropFirst(2)
        let end = tail.firstIndex(of: "/") ?? tail.endIndex
        guard let version = APIVersion(tail.prefix(upTo: end)), end != tail.endIndex else { return (nil, path) }
        return (version, String(tail.suffix(from: end)))
    }
}
