package import ArgumentParser
import Glibc
import Lab

/// `apus lab`: clusters on one machine.
package struct LabCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "Clusters on this machine, each node in namespaces of its own.",
        discussion: """
            A lab has nodes (node-1, node-2, …), each with a daemon of its own, an outside client, and an internet host \
            whose resolver knows google.com. Needs root.
            """,
        subcommands: [
            LabUp.self, LabDown.self, LabStatusCommand.self, LabExec.self, LabKill.self, LabRestart.self,
            LabPartition.self, LabHeal.self, LabInternet.self,
        ])

    package init() {}
}

/// `--name`, as most of the commands take it.
struct LabName: ParsableArguments {
    @Option(help: "The lab's name.")
    var name = "lab"

    func lab() throws -> LabCluster { try LabCluster(name: name) }
}

struct LabUp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "up", abstract: "Bring a lab up and form its swarm.")

    @OptionGroup var lab: LabName
    @Option(help: "How many nodes, 1 to 30.")
    var nodes = 3
    @Option(help: "How many of them are managers.")
    var managers = 1
    @Option(
        help: """
            The registry, as this machine reaches it, that the nodes use as their mirror; its port is \
            APUS_REGISTRY_PORT's when that is set.
            """)
    var registry = "127.0.0.1:\(Self.registryPort)"
    @Option(help: "The daemons' log level.")
    var logLevel = "info"
    @Option(help: "A port of this machine's loopback at which a browser finds the first manager's dashboard.")
    var dashboardPort: UInt16?
    @Option(
        help: """
            By which addresses the members reach each other: ipv4, ipv6, dual, or ipv6-inside: IPv6 among nodes, and between a \
            node and the client or the internet host IPv4 as well.
            """)
    var underlay = LabFamilies.ipv4
    @Flag(help: "Leave the nodes alone instead of forming a swarm.")
    var noSwarm = false
    @Flag(help: "Leave what was built when something fails, to look at it.")
    var keepFailures = false

    private static var registryPort: String {
        guard let text = getenv("APUS_REGISTRY_PORT").map({ String(cString: $0) }), !text.isEmpty else { return "5000" }
        return text
    }

    var options: LabOptions {
        LabOptions(
            nodes: nodes, managers: managers, registry: registry, logLevel: logLevel, formsSwarm: !noSwarm,
            dashboardPort: dashboardPort, families: underlay)
    }

    func validate() throws { try options.validate() }

    func run() async throws {
        let state = try await lab.lab().up(options, keepsFailures: keepFailures)
        print("lab \(state.name) is up: \(state.nodes.count) nodes")
        for node in state.nodes { print("  \(node.name)  \(node.role)  \(node.address)  \(node.dockerHost)") }
        if let first = state.nodes.first { print("export DOCKER_HOST=\(first.dockerHost)") }
    }
}

struct LabDown: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down", abstract: "Remove a lab and everything of it.")

    @OptionGroup var lab: LabName

    func run() async throws { try await lab.lab().down() }
}

struct LabExec: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a command in a node, the client or the internet host.")

    @OptionGroup var lab: LabName
    @Argument(help: "node-1, node-2, …, client or internet")
    var member: String
    @Argument(parsing: .captureForPassthrough)
    var command: [String] = []

    /// The command without the mark in front of it.
    var arguments: [String] { command.first == "--" ? Array(command.dropFirst()) : command }

    func run() async throws {
        try await lab.lab().execute(member, arguments)
    }
}

struct LabKill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Kill a node's daemon (SIGKILL); its containers run on.")

    @OptionGroup var lab: LabName
    @Argument var node: String

    func run() async throws { try await lab.lab().kill(node) }
}

struct LabRestart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Start a node's daemon, after stopping it when it runs.")

    @OptionGroup var lab: LabName
    @Argument var node: String
    @Argument(parsing: .postTerminator, help: "Further options of the daemon, until it is started again.")
    var options: [String] = []

    func run() async throws { try await lab.lab().restart(node, options) }
}

struct LabPartition: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition", abstract: "Cut a node from the underlay.")

    @OptionGroup var lab: LabName
    @Argument var node: String

    func run() async throws { try await lab.lab().partition(node) }
}

struct LabHeal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heal", abstract: "Connect a node, or all, with the underlay again.")

    @OptionGroup var lab: LabName
    @Argument var node: String?

    func run() async throws { try await lab.lab().heal(node) }
}

/// What `apus lab up` starts for the internet host.
struct LabInternet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "internet", abstract: "Serve a lab's internet host.", shouldDisplay: false)

    @OptionGroup var lab: LabName
    @Option var registry: String
    @Option var dashboardPort: UInt16?
    @Option var underlay = LabFamilies.ipv4

    func run() async throws {
        try await InternetHost(
            lab: lab.name, underlay: LabUnderlay(underlay), registry: registry, dashboardPort: dashboardPort
        ).run()
    }
}

extension LabFamilies: ExpressibleByArgument {}
