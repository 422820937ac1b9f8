import DockerClient
import Glibc
import LinuxSystem
import Model
import Templates

/// A program that keeps credentials in a place of its own: `docker-credential-NAME`, which is asked by one action and standard
/// input, and answers on standard output.
struct CredentialHelper: Sendable {
    private let name: String
    private let environment: [String: String]
    /// What helpers say of a registry they know nothing of.
    private static let missing = "credentials not found in native keychain"

    init(_ name: String, _ environment: [String: String]) {
        self.name = "docker-credential-\(name)"
        self.environment = environment
    }

    /// As the Engine API's AuthConfig; `nil` when it has none.
    func get(_ server: String) async throws -> RegistryCredentials? {
        let (status, output) = try await ask("get", server)
        let text = String(decoding: output, as: UTF8.self).trimmed
        guard status == 0 else {
            if text.contains(Self.missing) { return nil }
            throw failure("get", text)
        }
        let answer = try JSON(parsing: output)
        if answer["Username"].text == "<token>" {
            return RegistryCredentials(token: answer["Secret"].text, for: server)
        }
        return RegistryCredentials(
            username: answer["Username"].text, password: answer["Secret"].text, for: server)
    }

    func store(_ server: String, _ username: String, _ secret: String) async throws {
        let entry: JSON = ["ServerURL": .string(server), "Username": .string(username), "Secret": .string(secret)]
        try await command("store", entry.compact())
    }

    func erase(_ server: String) async throws { try await command("erase", server) }

    private func command(_ action: String, _ input: String) async throws {
        let (status, output) = try await ask(action, input)
        if status != 0 { throw failure(action, String(decoding: output, as: UTF8.self).trimmed) }
    }

    private func failure(_ action: String, _ text: String) -> ExitError {
        ExitError(1, "error getting credentials - err: \(name) \(action) failed, out: `\(text)`")
    }

    private func ask(_ action: String, _ input: String) async throws -> (status: CInt, output: [UInt8]) {
        let folders = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        let places: [String] = folders.map { "\($0)/\(name)" }
        guard let program = places.first(where: { access($0, X_OK) == 0 }) else {
            throw ExitError(
                1, "error getting credentials - err: exec: \"\(name)\": executable file not found in $PATH, out: ``")
        }
        let settings = environment.map { "\($0.key)=\($0.value)" }
        let (child, output) = try await onThread { () throws -> (ChildProcess, [UInt8]) in
            let (answer, itsOutput) = try Descriptor.pipe().split { ($0.release(), $1.release()) }
            let reading = Descriptor(owning: answer)
            let (itsInput, question) = try Descriptor.pipe().split { ($0.release(), $1.release()) }
            let writing = Descriptor(owning: question)
            // Few bytes: they are in the pipe before anybody reads, and a helper that reads nothing breaks none.
            try writing.writeAll(Array(input.utf8))
            _ = consume writing
            defer { close(itsInput) }
            let child: ChildProcess
            do {
                defer { close(itsOutput) }
                child = try Processes.spawn(
                    SpawnRequest(
                        executable: program, arguments: [action], environment: settings,
                        descriptors: [(itsInput, 0), (itsOutput, 1), (2, 2)]))
            }
            return (child, try reading.readToEnd())
        }
        guard case .exited(let status) = try await child.wait() else { throw failure(action, "\(name) was killed") }
        return (status, output)
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return String(text.drop { $0.isWhitespace })
    }
}
