import DockerClient
import DockerTypes
import Model
import Templates

/// `--secret` and `--config`: a name, or `source=…,target=…,uid=…,gid=…,mode=…`.
enum ServiceFiles {
    static func secret(_ text: String, _ client: DaemonClient) async throws -> JSONValue {
        let (source, file) = try parsed(text, kind: "secret")
        var reference = FileReference(file: file)
        reference.secretID = try await id(of: source, kind: "secret", client)
        reference.secretName = source
        return try JSONValue(encoding: reference)
    }

    static func config(_ text: String, _ client: DaemonClient) async throws -> JSONValue {
        let (source, file) = try parsed(text, kind: "config")
        var reference = FileReference(file: file)
        reference.configID = try await id(of: source, kind: "config", client)
        reference.configName = source
        return try JSONValue(encoding: reference)
    }

    /// - Throws: ``ValueError``, whose words are Docker's.
    static func parsed(_ text: String, kind: String) throws(ValueError) -> (source: String, file: FileReference.File) {
        var source = ""
        var file = FileReference.File(name: "", owner: "0", group: "0", mode: 0o444)
        for field in GoText.commaSeparated(text) {
            let (key, given) = GoText.pair(field)
            guard let value = given else {
                guard source.isEmpty, !field.contains("=") else {
                    throw ValueError("invalid field '\(field)' must be a key=value pair")
                }
                source = field
                continue
            }
            switch key.lowercased() {
            case "source", "src": source = value
            case "target": file.name = value
            case "uid": file.owner = value
            case "gid": file.group = value
            case "mode":
                guard let bits = Int64(value, radix: 8) else {
                    throw ValueError(
                        "invalid mode specified: strconv.ParseUint: parsing \(GoText.quoted(value)): invalid syntax")
                }
                file.mode = bits
            default: throw ValueError("invalid field in \(kind) request: \(key)")
            }
        }
        guard !source.isEmpty else { throw ValueError("source is required") }
        if file.name.isEmpty { file.name = source }
        return (source, file)
    }

    private static func id(of name: String, kind: String, _ client: DaemonClient) async throws -> String {
        let query = [("filters", FilterArguments.encoded(["name": [name]]))]
        let found = try await client.json(.get("/\(kind)s", query)).elements.first { $0["Spec"]["Name"].text == name }
        guard let found else { throw ExitError(1, "\(kind) not found: \(name)") }
        return found["ID"].text
    }
}
