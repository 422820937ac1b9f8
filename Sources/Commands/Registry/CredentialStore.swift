import DockerClient
import FoundationEssentials
import Glibc
import LinuxSystem
package import Model
import Templates

/// What `login` keeps of registries' credentials, where the stock command keeps it and looks for it: `config.json` in
/// `DOCKER_CONFIG` or `~/.docker`, or the helper program that this file names.
package struct CredentialStore: Sendable {
    /// The key of Docker's own registry.
    package static let hub = "https://index.docker.io/v1/"

    let path: String
    private let environment: [String: String]

    package init(environment: [String: String]) {
        let folder = environment["DOCKER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        path = "\(folder ?? "\(environment["HOME"] ?? "/root")/.docker")/config.json"
        self.environment = environment
    }

    /// The key of an image's registry, as `docker.io/library/nginx` has Docker's.
    package static func server(of image: ImageName) -> String {
        let host = String(image.fullName.prefix { $0 != "/" })
        return host == "docker.io" ? hub : host
    }

    /// The key for what a user calls a registry: Docker's own has several names, others have their host's.
    package static func server(named text: String) -> String {
        let host = hostname(text)
        return text.isEmpty || ["docker.io", "index.docker.io", "registry-1.docker.io"].contains(host) ? hub : host
    }

    /// Without scheme and path, in which the same registry's keys differ.
    static func hostname(_ key: String) -> String {
        var rest = key[...]
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        return String(rest.prefix { $0 != "/" })
    }

    /// `X-Registry-Auth` for a registry: its credentials, or that there are none.
    func header(for server: String) async throws -> (String, String) {
        let found = try await credentials(for: server) ?? RegistryCredentials()
        let text = Data(try found.json().compact().utf8).base64EncodedString()
        return ("X-Registry-Auth", text.replacing("+", with: "-").replacing("/", with: "_"))
    }

    /// What is known of a registry, as the Engine API's AuthConfig.
    package func credentials(for server: String) async throws -> RegistryCredentials? {
        let configuration = readOrWarn()
        if let helper = Self.helper(for: server, in: configuration) {
            return try await CredentialHelper(helper, environment).get(server)
        }
        let entries = configuration["auths"].members
        let entry =
            entries.first { $0.name == server } ?? entries.first { Self.hostname($0.name) == Self.hostname(server) }
        guard let entry else { return nil }
        if !entry.value["identitytoken"].text.isEmpty {
            return RegistryCredentials(token: entry.value["identitytoken"].text, for: server)
        }
        guard let bytes = Data(base64Encoded: entry.value["auth"].text) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let password = text[text.index(after: colon)...].prefix { $0 != "\0" }
        return RegistryCredentials(username: String(text[..<colon]), password: String(password), for: server)
    }

    /// Keeps credentials for a registry in the place of those it has.
    /// - Returns: Whether they are kept in clear in the file.
    package func store(username: String, password: String, token: String, for server: String) async throws -> Bool {
        var configuration = try read()
        if let helper = Self.helper(for: server, in: configuration) {
            let (user, secret) = token.isEmpty ? (username, password) : ("<token>", token)
            try await CredentialHelper(helper, environment).store(server, user, secret)
            return false
        }
        var entry: JSON = ["auth": .string(Data("\(username):\(password)".utf8).base64EncodedString())]
        if !token.isEmpty { entry = ["identitytoken": .string(token)] }
        var entries = configuration["auths"]
        if entries.isNull { entries = .object([]) }
        entries[server] = entry
        configuration["auths"] = entries
        try write(configuration)
        return true
    }

    /// - Returns: Whether there was something to forget.
    package func erase(_ server: String) async throws -> Bool {
        var configuration = try read()
        let entries = configuration["auths"].members
        let kept = entries.filter { Self.hostname($0.name) != Self.hostname(server) }
        if let helper = Self.helper(for: server, in: configuration) {
            guard try await CredentialHelper(helper, environment).get(server) != nil else { return false }
            try await CredentialHelper(helper, environment).erase(server)
        } else if kept.count == entries.count {
            return false
        }
        configuration["auths"] = .object(kept)
        try write(configuration)
        return true
    }

    private static func helper(for server: String, in configuration: JSON) -> String? {
        let own = configuration["credHelpers"][server].text
        let name = own.isEmpty ? configuration["credsStore"].text : own
        return name.isEmpty ? nil : name
    }

    private func readOrWarn() -> JSON {
        do { return try read() } catch {
            Console.error("WARNING: \(error)")
            return .object([])
        }
    }

    private func read() throws -> JSON {
        do {
            guard let bytes = try Files.read(path), !bytes.isEmpty else { return .object([]) }
            return try JSON(parsing: bytes)
        } catch {
            throw ExitError(1, "Error loading config file: \(path): \(error)")
        }
    }

    /// The file may be a link to elsewhere, which stays one.
    private func write(_ configuration: JSON) throws {
        try Files.makeDirectories(Files.parent(of: path), mode: 0o700)
        var target = path
        if let found = realpath(path, nil) {
            target = String(cString: found)
            free(found)
        }
        let text = JSON.indented(Array(configuration.compact().utf8), indent: "\t")
        try Files.writeAtomically(text, to: target, mode: 0o600)
    }
}

extension RegistryCredentials {
    init(username: String, password: String, for server: String) {
        self.init()
        self.username = username
        self.password = password
        serveraddress = server
    }

    /// - Parameter token: In place of a name and a password.
    init(token: String, for server: String) {
        self.init()
        identitytoken = token
        serveraddress = server
    }

    /// As the Engine API's AuthConfig, whose names are written in small letters.
    func json() throws -> JSON { try JSON(parsing: WireJSON.encodeVerbatim(self)) }
}
