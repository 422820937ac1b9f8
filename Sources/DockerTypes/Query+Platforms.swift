package import Faults
import Foundation
import Model

/// Parameters that name platforms as OCI documents have them: objects of JSON.
extension Query {
    /// The platforms that the values of a name stand for, as in `linux/arm/v7`. An operating system's version and features are passed over, as by
    /// Docker, which compares them on Windows alone.
    /// - Throws: `.invalidInput` with Docker's words for a value that names none. Source: moby, `httputils.DecodePlatform`.
    package func platforms(_ name: String) throws(APIError) -> [String] {
        try (values[name] ?? []).map { text throws(APIError) in try Self.parsed(text) }
    }

    /// As ``platforms(_:)``, of a name that has one value; `nil` when it is missing or empty.
    package func platform(_ name: String) throws(APIError) -> String? {
        guard let text = text(name) else { return nil }
        return try Self.parsed(text)
    }

    private static func parsed(_ text: String) throws(APIError) -> String {
        let value: JSONValue
        do {
            value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        } catch {
            throw fault(syntaxError(in: Array(text.utf8)))
        }
        var words: [String: String] = [:]
        switch value {
        case .object(let fields):
            // Go does not look at the case of names.
            for (key, field) in fields where ["architecture", "os", "variant"].contains(key.lowercased()) {
                switch field {
                case .string(let word): words[key.lowercased()] = word
                case .null: break
                default:
                    throw fault(
                        "json: cannot unmarshal \(GoWords.kind(of: field)) into Go struct field "
                            + "Platform.\(key.lowercased()) of type string")
                }
            }
        case .null: break
        default: throw fault("json: cannot unmarshal \(GoWords.kind(of: value)) into Go value of type v1.Platform")
        }
        let (system, architecture) = (words["os"] ?? "", words["architecture"] ?? "")
        let variant = words["variant"] ?? ""
        if system.isEmpty, architecture.isEmpty, !variant.isEmpty {
            throw APIError(
                .invalidInput, "optional platform fields provided, but OS and Architecture are missing")
        }
        guard !system.isEmpty, !architecture.isEmpty else {
            throw APIError(.invalidInput, "both OS and Architecture must be provided")
        }
        return ([system, architecture] + (variant.isEmpty ? [] : [variant])).joined(separator: "/")
    }

    private static func fault(_ words: String) -> APIError {
        APIError(.invalidInput, "failed to parse platform: " + words)
    }

    /// Where a value ends too early, Go says other words of a text than of a body.
    private static func syntaxError(in bytes: [UInt8]) -> String {
        switch GoScanner.finding(in: bytes) {
        case .blank, .cutOff: "unexpected end of JSON input"
        case .whole, .followed, .wrong: GoWords.syntaxError(in: bytes)
        }
    }
}
