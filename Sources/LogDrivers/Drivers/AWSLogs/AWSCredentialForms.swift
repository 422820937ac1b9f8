import FoundationEssentials
import Model

/// The forms that credentials come in.
enum AWSCredentialForms {
    /// A section of the shared file: `[default]`, `aws_access_key_id = …`. `nil` when it is not there or lacks one of the keys.
    static func profile(_ name: String, in text: String) -> AWSCredentials? {
        var values: [Substring: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.first == "[" {
                isInside = line.dropFirst().prefix { $0 != "]" } == name
            } else if isInside, line.first != "#", line.first != ";" {
                let halves = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let key = halves.first, halves.count == 2, let value = halves.last else { continue }
                values[key.prefix { $0 != " " && $0 != "\t" }] = value.filter { $0 != " " && $0 != "\t" }
            }
        }
        guard let access = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else { return nil }
        return AWSCredentials(accessKey: access, secretKey: secret, sessionToken: values["aws_session_token"])
    }

    private struct Served: Decodable {
        var AccessKeyId: String
        var SecretAccessKey: String
        var Token: String?
        var Expiration: String?
    }

    /// What container endpoints and instances answer.
    static func served(_ body: [UInt8]) -> AWSCredentials? {
        // Whoever answers something else has no credentials to give.
        guard let served = try? JSONDecoder().decode(Served.self, from: Data(body)) else { return nil }
        return AWSCredentials(
            accessKey: served.AccessKeyId, secretKey: served.SecretAccessKey, sessionToken: served.Token,
            expires: served.Expiration.flatMap { Timestamp($0) })
    }

    /// What STS answers, of whose XML four elements are of interest, none of which holds another.
    static func assumedRole(_ body: [UInt8]) -> AWSCredentials? {
        let text = String(decoding: body, as: UTF8.self)
        func element(_ name: String) -> String? {
            guard let start = text.firstRange(of: "<\(name)>") else { return nil }
            let rest = text[start.upperBound...]
            guard let end = rest.firstRange(of: "</\(name)>") else { return nil }
            return String(rest[..<end.lowerBound])
        }
        guard let access = element("AccessKeyId"), let secret = element("SecretAccessKey") else { return nil }
        return AWSCredentials(
            accessKey: access, secretKey: secret, sessionToken: element("SessionToken"),
            expires: element("Expiration").flatMap { Timestamp($0) })
    }
}
