import DockerClient
import Model
import LinuxSystem
import Templates

enum RegistryCommands {
    static let all: [Command] = [.registryLogin, .registryLogout]
}

extension Command {
    static let registryLogin = Command(
        "login", arity: .atMost(1),
        help: """
            Usage:  apus login [OPTIONS] [SERVER]

            Authenticate to a registry

            Options:
              -p, --password string   Seen by whoever lists processes: better --password-stdin
                  --password-stdin    Read the password from standard input
              -u, --username string   Asked for when it is not given
            """
    ) { call in
        let server = CredentialStore.server(named: call.arguments.first ?? "")
        let store = CredentialStore(environment: call.session.environment)
        let (username, password) = try await RegistryLogin(flags: call.flags, store: store, server: server).ask()
        let client = try await call.client()
        var account = RegistryCredentials()
        account.username = username
        account.password = password
        account.serveraddress = server
        let answer = try await client.json(.post("/auth", [], try account.json()))
        let isClear = try await store.store(
            username: username, password: password, token: answer["IdentityToken"].text, for: server)
        if isClear {
            Console.error(
                "\nWARNING! Your credentials are stored unencrypted in '\(store.path)'.\n"
                    + "Configure a credential helper to remove this warning. See\n"
                    + "https://docs.docker.com/go/credential-store/\n")
        }
        Console.line(answer["Status"].text)
    }

    static let registryLogout = Command(
        "logout", arity: .atMost(1),
        help: """
            Usage:  apus logout [SERVER]

            Log out from a registry
            """
    ) { call in
        let server = CredentialStore.server(named: call.arguments.first ?? "")
        if try await CredentialStore(environment: call.session.environment).erase(server) {
            Console.line("Removing login credentials for \(server)")
        } else {
            Console.line("Not logged in to \(server)")
        }
    }
}

/// Where `login` has name and password from: flags, what is kept already, standard input, and the terminal at last.
private struct RegistryLogin {
    let flags: ParsedFlags
    let store: CredentialStore
    let server: String

    func ask() async throws -> (username: String, password: String) {
        var username = flags.string("username") ?? ""
        var password = flags.string("password") ?? ""
        if !password.isEmpty {
            Console.error("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
            if flags.isSet("password-stdin") {
                throw ExitError(1, "--password and --password-stdin are mutually exclusive")
            }
        }
        if flags.isSet("password-stdin") {
            guard !username.isEmpty else { throw ExitError(1, "Must provide --username with --password-stdin") }
            var bytes: [UInt8] = []
            while let more = try await Console.readInput() { bytes += more }
            var text = String(decoding: bytes, as: UTF8.self)
            while let last = text.last, last.isNewline { text.removeLast() }
            password = text
        }
        if username.isEmpty, password.isEmpty, let known = try await store.credentials(for: server) {
            let (name, secret) = (known.username ?? "", known.password ?? "")
            if !name.isEmpty, !secret.isEmpty {
                Console.line("Authenticating with existing credentials... [Username: \(name)]")
                return (name, secret)
            }
        }
        if username.isEmpty || password.isEmpty {
            guard Console.isTerminal(0) else {
                throw ExitError(1, "Error: Cannot perform an interactive login from a non TTY device")
            }
        }
        if username.isEmpty { username = try await prompt("Username: ", isShown: true) }
        if username.isEmpty { throw ExitError(1, "Error: Non-null Username Required") }
        if password.isEmpty { password = try await prompt("Password: ", isShown: false) }
        if password.isEmpty { throw ExitError(1, "Error: Password Required") }
        return (username, password)
    }

    private func prompt(_ text: String, isShown: Bool) async throws -> String {
        Console.text(text)
        let line = try await onThread { () throws -> String in
            let hidden = try isShown ? nil : Terminal(hiding: 0)
            defer { hidden?.restore() }
            return readLine() ?? ""
        }
        if !isShown { Console.line() }
        return line
    }
}
