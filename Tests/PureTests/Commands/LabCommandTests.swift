import ArgumentParser
import Foundation
import Lab
import Testing

@testable import Commands

/// What `apus lab` reads of its arguments, and what it refuses of them. No lab is started.
@Suite struct LabCommandTests {
    /// This machine's, for who names none.
    private static let registry: String = {
        let port = ProcessInfo.processInfo.environment["APUS_REGISTRY_PORT"] ?? ""
        return "127.0.0.1:" + (port.isEmpty ? "5000" : port)
    }()

    private static let ups: [(String, String, LabOptions)] = [
        ("up", "lab", LabOptions(registry: registry)),
        ("up --name x --nodes 5 --managers=3", "x", LabOptions(nodes: 5, managers: 3, registry: registry)),
        ("up --nodes 30 --managers 30", "lab", LabOptions(nodes: 30, managers: 30, registry: registry)),
        (
            "up --registry 127.0.0.1:5001 --log-level debug --no-swarm", "lab",
            LabOptions(registry: "127.0.0.1:5001", logLevel: "debug", formsSwarm: false)
        ),
        ("up --dashboard-port 8080", "lab", LabOptions(registry: registry, dashboardPort: 8080)),
        ("up --underlay ipv6-inside", "lab", LabOptions(registry: registry, families: .ipv6Inside)),
        ("up --underlay dual --keep-failures", "lab", LabOptions(registry: registry, families: .dual)),
    ]

    /// Lines, and what ``text(_:)`` says of them.
    private static let others: [(String, String)] = [
        ("down", "down lab"), ("down --name x", "down x"),
        ("status", "status lab text"), ("status x", "status x text"), ("status --name x", "status x text"),
        ("status x --name y --format json", "status x json"),
        ("exec node-1 ls", "exec lab node-1 [ls]"), ("exec client", "exec lab client []"),
        ("exec --name x node-1 -- nft list ruleset", "exec x node-1 [nft list ruleset]"),
        // After the member everything is the command's.
        ("exec node-1 ps --name x", "exec lab node-1 [ps --name x]"),
        ("exec node-1 -- -- a", "exec lab node-1 [-- a]"),
        ("kill node-2", "kill lab node-2"), ("kill --name x node-2", "kill x node-2"),
        ("restart node-2 --name x", "restart x node-2 []"),
        ("restart node-2 -- --metrics-addr 0.0.0.0:9323", "restart lab node-2 [--metrics-addr 0.0.0.0:9323]"),
        ("partition node-3 --name x", "partition x node-3"),
        ("heal", "heal lab all"), ("heal node-3 --name x", "heal x node-3"),
        ("internet --name x --registry r:1", "internet x r:1 none ipv4"),
        ("internet --name x --registry r:1 --dashboard-port 8080 --underlay ipv6", "internet x r:1 8080 ipv6"),
    ]

    private static let refusals: [(String, String)] = [
        ("nope", "Unexpected argument 'nope'"),
        ("up x", "Unexpected argument 'x'"),
        ("up --node 3", "Unknown option '--node'. Did you mean '--nodes'?"),
        ("up --nodes", "Missing value for '--nodes <nodes>'"),
        ("up --nodes many", "The value 'many' is invalid for '--nodes <nodes>'"),
        ("up --nodes 0", "a lab has 1 to 30 nodes, and 1 to as many managers"),
        ("up --nodes 31", "a lab has 1 to 30 nodes, and 1 to as many managers"),
        ("up --managers 0", "a lab has 1 to 30 nodes, and 1 to as many managers"),
        ("up --nodes 2 --managers 3", "a lab has 1 to 30 nodes, and 1 to as many managers"),
        ("up --dashboard-port 65536", "The value '65536' is invalid for '--dashboard-port <dashboard-port>'"),
        ("up --no-swarm=true", "The option '--no-swarm' does not take any value, but 'true' was specified."),
        (
            "up --underlay ipx",
            "The value 'ipx' is invalid for '--underlay <underlay>'. "
                + "Please provide one of 'ipv4', 'ipv6', 'dual' or 'ipv6-inside'."
        ),
        (
            "status --format xml",
            "The value 'xml' is invalid for '--format <format>'. Please provide one of 'text' and 'json'."
        ),
        ("down node-1", "Unexpected argument 'node-1'"),
        ("exec", "Missing expected argument '<member>'"), ("kill", "Missing expected argument '<node>'"),
        ("kill node-1 node-2", "Unexpected argument 'node-2'"),
        ("restart", "Missing expected argument '<node>'"), ("partition", "Missing expected argument '<node>'"),
        ("heal node-1 node-2", "Unexpected argument 'node-2'"),
        ("internet --name x", "Missing expected argument '--registry <registry>'"),
    ]

    private static func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

    private static func parsed(_ line: String) throws -> any ParsableCommand {
        try Apus.parseAsRoot(["lab"] + words(line))
    }

    private static func text(_ command: any ParsableCommand) -> String {
        switch command {
        case let down as LabDown: "down \(down.lab.name)"
        case let status as LabStatusCommand: "status \(status.lab) \(status.format)"
        case let exec as LabExec:
            "exec \(exec.lab.name) \(exec.member) [\(exec.arguments.joined(separator: " "))]"
        case let kill as LabKill: "kill \(kill.lab.name) \(kill.node)"
        case let restart as LabRestart:
            "restart \(restart.lab.name) \(restart.node) [\(restart.options.joined(separator: " "))]"
        case let partition as LabPartition: "partition \(partition.lab.name) \(partition.node)"
        case let heal as LabHeal: "heal \(heal.lab.name) \(heal.node ?? "all")"
        case let host as LabInternet:
            "internet \(host.lab.name) \(host.registry) \(host.dashboardPort.map { "\($0)" } ?? "none") "
                + host.underlay.rawValue
        default: "\(command)"
        }
    }

    @Test func `up reads which lab is to be made`() throws {
        for (line, name, options) in Self.ups {
            let parsed = try Self.parsed(line)
            let up = try #require(parsed as? LabUp, "\(line)")
            #expect(up.lab.name == name && up.options == options, "\(line): \(up.lab.name) \(up.options)")
            #expect(up.keepFailures == line.contains("--keep-failures"), "\(line)")
        }
    }

    @Test func `each command reads its lab, its member and what else it takes`() throws {
        for (line, expected) in Self.others {
            let parsed = try Self.parsed(line)
            #expect(Self.text(parsed) == expected, "\(line)")
        }
    }

    @Test func `what is wrong is told before anything is done`() {
        for (line, expected) in Self.refusals {
            do {
                let parsed = try Self.parsed(line)
                Issue.record("\(line) was read as \(Self.text(parsed))")
            } catch {
                #expect(Apus.message(for: error) == expected, "\(line)")
            }
        }
    }

    @Test func `names that no lab can have are refused`() {
        for name in ["X", "1x", "a_b", String(repeating: "a", count: 25)] {
            let message = "invalid lab name \"\(name)\": 1 to 24 of a-z, 0-9 and -, a letter first"
            do {
                let parsed = try Self.parsed("down --name \(name)")
                _ = try #require(parsed as? LabDown).lab.lab()
                Issue.record("\(name) is a name")
            } catch { #expect("\(error)" == message) }
        }
    }

    /// As the tables of the other commands have one for each of theirs.
    @Test func `every option of every command is in a row`() {
        let rows = Self.ups.map { Self.words($0.0) } + Self.others.map { Self.words($0.0) }
        for command in LabCommand.configuration.subcommands {
            let name = command.configuration.commandName ?? ""
            let told = Apus.labHelp(["lab", name]).matches(of: #/--[a-z][a-z-]*/#).map { String($0.output) }
            let options = Set(told).subtracting(["--help"])
            #expect(options.contains("--name"), "\(name)")
            let given = rows.filter { $0.first == name }.flatMap { $0 }
                .map { String($0.prefix { $0 != "=" }) }
            let missing = options.subtracting(given).sorted()
            #expect(missing.isEmpty, "\(name): no row with \(missing.joined(separator: ", "))")
        }
    }
}
