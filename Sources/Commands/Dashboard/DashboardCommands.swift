import DockerClient
import LinuxSystem
import Templates

enum DashboardCommands {
    static let all: [Command] = [
        .dashboardOpen, .dashboardAccountAdd, .dashboardAccountList, .dashboardAccountRemove,
    ]
}

extension Command {
    static let dashboardOpen = Command(
        "dashboard open", arity: .none,
        help: """
            Usage:  apus dashboard open

            Print a link that signs in to this manager's dashboard, once, within a quarter of an hour, from this machine
            """
    ) { call in
        let link = try await call.client().json(.post("/dashboard/link"))
        Console.line(link["url"].text)
        Console.error("The certificate's SHA-256 is \(link["fingerprint"].text)")
    }

    static let dashboardAccountAdd = Command(
        "dashboard user add", arity: .exactly(1),
        help: """
            Usage:  apus dashboard user add [OPTIONS] NAME

            Let somebody sign in to the dashboard, or give an account another password and role

            Options:
                  --password-stdin   Read the password from standard input
                  --role string      What the account may do ("viewer", "operator") (default "viewer")
            """
    ) { call in
        let client = try await call.client()
        let role = call.flags.string("role") ?? "viewer"
        guard ["viewer", "operator"].contains(role) else {
            throw ExitError(1, "invalid role \"\(role)\": must be \"viewer\" or \"operator\"")
        }
        let password = try await NewPassword(isFromInput: call.flags.isSet("password-stdin")).ask()
        let name = call.arguments.first ?? ""
        try await client.send(
            .post(
                "/dashboard/accounts", [],
                .object([
                    JSON.Member("name", .string(name)), JSON.Member("role", .string(role)),
                    JSON.Member("password", .string(password)),
                ])))
        Console.line(name)
    }

    static let dashboardAccountList = Command(
        "dashboard user ls", aliases: ["dashboard user list"], arity: .none,
        help: """
            Usage:  apus dashboard user ls

            List who may sign in to the dashboard

            Aliases:
              apus dashboard user ls, apus dashboard user list
            """
    ) { call in
        let accounts = try await call.client().json(.get("/dashboard/accounts")).elements
        let rows = ["NAME\tROLE"] + accounts.map { "\($0["name"].text)\t\($0["role"].text)" }
        Console.line(TabWriter().layout(rows.joined(separator: "\n")))
    }

    static let dashboardAccountRemove = Command(
        "dashboard user rm", aliases: ["dashboard user remove"], arity: .atLeast(1),
        help: """
            Usage:  apus dashboard user rm NAME [NAME...]

            End accounts of the dashboard and their sessions

            Aliases:
              apus dashboard user rm, apus dashboard user remove
            """
    ) { call in
        let client = try await call.client()
        try await Batch.run(call.arguments) { name in
            try await client.send(.delete("/dashboard/accounts/\(Request.part(name))"))
            return name
        }
    }
}

/// A password that is to be kept: from standard input, or typed twice without being shown.
private struct NewPassword {
    let isFromInput: Bool

    func ask() async throws -> String {
        if isFromInput {
            var bytes: [UInt8] = []
            while let more = try await Console.readInput() { bytes += more }
            var text = String(decoding: bytes, as: UTF8.self)
            while let last = text.last, last.isNewline { text.removeLast() }
            return text
        }
        guard Console.isTerminal(0) else {
            throw ExitError(1, "no terminal to ask for a password: use --password-stdin")
        }
        let first = try await prompt("Password: ")
        guard try await prompt("Again: ") == first else { throw ExitError(1, "the two passwords differ") }
        return first
    }

    private func prompt(_ text: String) async throws -> String {
        Console.text(text)
        let line = try await onThread { () throws -> String in
            let hidden = try Terminal(hiding: 0)
            defer { hidden.restore() }
            return readLine() ?? ""
        }
        Console.line()
        return line
    }
}
