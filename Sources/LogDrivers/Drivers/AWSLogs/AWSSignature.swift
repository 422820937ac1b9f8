import Crypto
import Model

/// Whom AWS takes a request to be from.
struct AWSCredentials: Sendable, Equatable {
    var accessKey: String
    var secretKey: String
    var sessionToken: String?
    /// `nil` for those that last.
    var expires: Timestamp?
}

/// Signature Version 4. Source: AWS, "Create a signed AWS API request".
struct AWSSignature: Sendable {
    let credentials: AWSCredentials
    let region: String
    let service: String

    /// The headers that sign a request, to be sent beside those given.
    ///
    /// - Parameters:
    ///   - path: As it is sent, percent-encoded.
    ///   - query: In the canonical order and form already; empty for none.
    ///   - headers: All that are to be signed, `host` among them.
    func headers(
        method: String, path: String, query: String = "", headers: [(name: String, value: String)], body: [UInt8],
        at time: Timestamp
    ) -> [(name: String, value: String)] {
        let stamp = Self.stamp(time)
        var added = [(name: "X-Amz-Date", value: stamp)]
        if let token = credentials.sessionToken { added.append(("X-Amz-Security-Token", token)) }
        let signed = (headers + added)
            .map { (name: $0.name.lowercased(), value: Self.trimmed($0.value)) }.sorted { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let canonical =
            ([method, path.isEmpty ? "/" : path, query] + signed.map { "\($0.name):\($0.value)" }
            + ["", names, Self.hex(SHA256.hash(data: body))]).joined(separator: "\n")
        let day = String(stamp.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(Self.hex(SHA256.hash(data: Array(canonical.utf8))))"
        var key = SymmetricKey(data: Array("AWS4\(credentials.secretKey)".utf8))
        for part in [day, region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        let signature = Self.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
        added.append(
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
            ))
        return added
    }

    /// `20260102T150405Z`
    static func stamp(_ time: Timestamp) -> String {
        let text = Timestamp(seconds: time.seconds).description.prefix { $0 != "." }
        return text.filter { $0 != "-" && $0 != ":" }
    }

    /// Without blanks at the ends, and runs of them as one.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            if byte < 16 { text += "0" }
            text += String(byte, radix: 16)
        }
        return text
    }
}
