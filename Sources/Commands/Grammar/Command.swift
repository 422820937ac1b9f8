import DockerClient

/// One command: its place in the grammar, its help, and what it does. The help is the grammar: the flags are read from it.
package struct Command: Sendable {
    /// How many arguments a command takes.
    package enum Arity: Sendable, Equatable {
        case none
        case exactly(Int)
        case atLeast(Int)
        case atMost(Int)
        case between(Int, Int)
    }

    /// As in `container ls`.
    package let path: String
    /// Other paths that mean the same: `ps`, `container list`.
    package let aliases: [String]
    package let help: String
    package let flags: [CommandFlag]
    package let arity: Arity
    package let stopsAtArgument: Bool
    package let run: @Sendable (Invocation) async throws -> Void

    /// - Parameters:
    ///   - hidden: More lines with flags, which help does not show.
    ///   - stopsAtArgument: Flags end at the first argument that is none.
    package init(
        _ path: String, aliases: [String] = [], arity: Arity, stopsAtArgument: Bool = false, hidden: String = "",
        help: String, run: @escaping @Sendable (Invocation) async throws -> Void
    ) {
        self.path = path
        self.aliases = aliases
        self.help = help
        let told = CommandFlag.flags(in: help) + CommandFlag.flags(in: hidden)
        let helpFlag = told.contains { $0.name == "help" } ? [] : [CommandFlag(name: "help", short: nil, type: "")]
        flags = told + helpFlag
        self.arity = arity
        self.stopsAtArgument = stopsAtArgument
        self.run = run
    }

    /// `Usage:  apus ps [OPTIONS]`, for the path that was used, and the other forms of it.
    package func usage(_ used: String) -> String {
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false).prefix { !$0.isEmpty }
            .map(String.init)
        let first = lines.first?.replacing("apus \(path)", with: "apus \(used)") ?? ""
        return ([first] + lines.dropFirst()).joined(separator: "\n")
    }

    /// One line that says what it does.
    package var summary: String {
        let paragraphs = help.split(separator: "\n", omittingEmptySubsequences: true)
        return paragraphs.dropFirst().first { !$0.hasPrefix("\t") }.map(String.init) ?? ""
    }

    /// Checks the number of arguments.
    func check(_ arguments: [String], used: String) throws(UsageError) {
        let count = arguments.count
        let text: String? =
            switch arity {
            case .none: count == 0 ? nil : "accepts no arguments"
            case .exactly(let required): count == required ? nil : "requires \(Self.arguments(required))"
            case .atLeast(let least): count >= least ? nil : "requires at least \(Self.arguments(least))"
            case .atMost(let most): count <= most ? nil : "requires at most \(Self.arguments(most))"
            case .between(let least, let most):
                (least...most).contains(count)
                    ? nil : "requires at least \(least) and at most \(Self.arguments(most))"
            }
        guard let text else { return }
        var see = "Run"
        if case .atLeast = arity { see = "See" }
        throw UsageError(
            "apus: 'apus \(used)' \(text)\n\n\(usage(used))\n\n\(see) 'apus \(used) --help' for more information",
            status: 1)
    }

    private static func arguments(_ count: Int) -> String { count == 1 ? "1 argument" : "\(count) arguments" }
}

/// A command as it was called.
package struct Invocation: Sendable {
    package let flags: ParsedFlags
    /// The arguments that are no flags.
    package let arguments: [String]
    /// The path that was used, as in `ps`.
    package let used: String
    package let session: Session
    /// The command's own help.
    package let help: String

    package init(flags: ParsedFlags, arguments: [String], used: String, session: Session, help: String) {
        self.flags = flags
        self.arguments = arguments
        self.used = used
        self.session = session
        self.help = help
    }

    func client() async throws -> DaemonClient { try await session.client() }
}
