import DockerClient
import DockerTypes
import Model
import Templates

/// What `--secret` and `--config` ask for, as a service's specification has it.
enum ServiceFiles {
    static func secret(_ text: String, _ client: DaemonClient) async throws -> JSONValue {
        let (source, file) = try FileOption.parse(text, kind: "secret")
        var reference = FileReference(file: file)
        reference.secretID = try await id(of: source, kind: "secret", client)
        reference.secretName = source
        return try JSONValue(encoding: reference)
    }

    static func config(_ text: String, _ client: DaemonClient) async throws -> JSONValue {
        let (source, file) = try FileOption.parse(text, kind: "config")
        var reference = FileReference(file: file)
        reference.configID = try await id(of: source, kind: "config", client)
        reference.configName = source
        return try JSONValue(encoding: reference)
    }

    private static func id(of name: String, kind: String, _ client: DaemonClient) async throws -> String {
        let query = [("filters", FilterArguments.encoded(["name": [name]]))]
        let found = try await client.json(.get("/\(kind)s", query)).elements.first { $0["Spec"]["Name"].text == name }
        guard let found else { throw ExitError(1, "\(kind) not found: \(name)") }
        return found["ID"].text
    }
}
