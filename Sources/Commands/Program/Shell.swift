import ArgumentParser
import Model

/// The whole command line: finds the command, reads its flags, runs it, and says how it ended.
package struct Shell: Sendable {
    /// The daemon's as well, when both come from one build.
    package static let version = ProductVersion.text

    let environment: [String: String]

    package init(environment: [String: String]) { self.environment = environment }

    /// - Parameter arguments: Without the program's name.
    /// - Returns: The exit status.
    package func run(_ arguments: [String]) async -> Int32 {
        do {
            try await perform(arguments)
            return 0
        } catch let error as ExitError {
            if !error.message.isEmpty { Console.error(error.message) }
            return error.status
        } catch let error as UsageError {
            Console.error(error.message)
            return error.status
        } catch {
            Console.error("\(error)")
            return 1
        }
    }

    /// What `--log-level` takes, though nothing is logged.
    private static let levels: Set<String> = ["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"]

    private func perform(_ arguments: [String]) async throws {
        let global: ParsedFlags
        do {
            global = try FlagParser(CommandFlag.flags(in: TopHelp.options), stopsAtArgument: true).parse(arguments)
        } catch {
            throw UsageError(
                "\(error.message)\n\nUsage:  apus [OPTIONS] COMMAND [ARG...]\n\nRun 'apus --help' for more information")
        }
        if let level = global.string("log-level"), !level.isEmpty, !Self.levels.contains(level.lowercased()) {
            throw ExitError(1, "Unable to parse logging level: \(level)")
        }
        if global.isSet("version") { return Console.line("Apus version \(Self.version)") }
        let rest = global.rest
        guard let first = rest.first, !global.isSet("help") else {
            // Help that was asked for is the program's output; otherwise it says what is missing.
            return Console.write(global.isSet("help") ? 1 : 2, Array(TopHelp.text(CommandList.groups).utf8))
        }
        switch first {
        case Apus.labName: return await Apus.main(rest)
        case "completion": return try Completion.printScript(Array(rest.dropFirst()))
        case Completion.query:
            return await Completion(session: try Session(environment: environment, global: global))
                .answer(Array(rest.dropFirst()))
        case "help": return try help(Array(rest.dropFirst()))
        default: break
        }
        guard let (command, used, count) = CommandList.find(rest) else {
            // Help is shown, whatever else stands there.
            if asksHelp(rest) { return Console.text(TopHelp.text(CommandList.groups)) }
            throw unknown(rest)
        }
        guard let command else {
            let arguments = Array(rest.dropFirst(count))
            guard let bare = CommandList.command(ofGroup: used), !["--help", "-h"].contains(arguments.first),
                arguments.first?.hasPrefix("-") != false
            else { return try group(used, arguments) }
            return try await Self.run(bare, used, arguments, environment, global)
        }
        try await Self.run(command, used, Array(rest.dropFirst(count)), environment, global)
    }

    private static func run(
        _ command: Command, _ used: String, _ arguments: [String], _ environment: [String: String],
        _ global: ParsedFlags
    ) async throws {
        let parsed: ParsedFlags
        do {
            parsed = try FlagParser(command.flags, stopsAtArgument: command.stopsAtArgument).parse(arguments)
        } catch {
            throw UsageError(
                "\(error.message)\n\n\(command.usage(used))\n\nRun 'apus \(used) --help' for more information",
                status: error.status)
        }
        if parsed.isSet("help") {
            return Console.text(
                command.help.replacing("Usage:  apus \(command.path)", with: "Usage:  apus \(used)") + "\n")
        }
        try command.check(parsed.rest, used: used)
        let session = try Session(environment: environment, global: global)
        try await command.run(
            Invocation(flags: parsed, arguments: parsed.rest, used: used, session: session, help: command.help))
    }

    /// `apus container`, without a command of it.
    private func group(_ name: String, _ arguments: [String]) throws {
        let text = TopHelp.text(ofGroup: name)
        guard !arguments.isEmpty else { return Console.write(2, Array(text.utf8)) }
        // Docker's volumes alone name the command in their usage.
        let usage = "Usage:  apus \(name)\(name == "volume" ? " COMMAND" : "")"
        let more = "\n\n\(usage)\n\nRun 'apus \(name) --help' for more information"
        let parsed: ParsedFlags
        do { parsed = try FlagParser([CommandFlag(name: "help", short: nil, type: "")]).parse(arguments) } catch {
            throw UsageError(error.message + more)
        }
        guard !parsed.isSet("help"), let first = parsed.rest.first else { return Console.text(text) }
        throw UsageError("apus: unknown command: apus \(name) \(first)\(more)", status: 1)
    }

    /// Whether `--help` or `-h` is among the arguments, before a `--`.
    private func asksHelp(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains { ["--help", "-h"].contains($0) }
    }

    private func unknown(_ arguments: [String]) -> UsageError {
        UsageError(
            "apus: unknown command: apus \(arguments[0])\n\nRun 'apus --help' for more information", status: 1)
    }

    private func help(_ arguments: [String]) throws {
        guard !arguments.isEmpty else { return Console.text(TopHelp.text(CommandList.groups)) }
        // The lab's own grammar, whose help points here.
        if arguments[0] == Apus.labName { return Console.line(Apus.labHelp(arguments)) }
        let found = CommandList.find(arguments)
        let unknown = arguments.dropFirst(found?.count ?? 0)
        guard let (command, used, _) = found, unknown.isEmpty else {
            throw ExitError(1, "unknown help topic: \(unknown.joined(separator: " "))")
        }
        guard let command else { return Console.text(TopHelp.text(ofGroup: used)) }
        Console.text(command.help + "\n")
    }
}
