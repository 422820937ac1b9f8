import ArgumentParser

/// Managers with their real store, TLS and protocol, and nodes that have everything but a kernel: what do they cost, and how does that grow?
@main struct SwarmBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm-benchmark", subcommands: [Run.self, Agents.self], defaultSubcommand: Run.self)
}

extension SwarmBenchmark {
    /// Where everything of a run is: an agent finds its manager by the same values.
    struct Place: ParsableArguments {
        @Option(help: "Directory for everything; it is made, and removed in the end.")
        var directory: String

        @Option(help: "Port of the manager on 127.0.0.1; the one above is its store's.")
        var port = 42_377
    }

    /// A manager, and the measuring.
    struct Run: AsyncParsableCommand {
        @OptionGroup var place: Place

        @Option(help: "How many nodes without a kernel.")
        var agents = 100

        @Option(help: "How many services.")
        var services = 100

        @Option(help: "How many networks, to which the services are spread.")
        var networks = 10

        @Option(help: "How many tasks each service has.")
        var replicas = 30

        @Option(help: "How many single changes are measured.")
        var changes = 20

        func run() async throws {
            try await ManagedSwarm.running(place) { swarm in
                let children = try await AgentProcess.start(agents, place, of: swarm)
                do {
                    try await Measurement(swarm: swarm, children: children, options: self).all()
                } catch {
                    await children.end()
                    throw error
                }
                await children.end()
            }
        }
    }

    /// The nodes, in a process of their own so that their cost is not the manager's. Ends when its input does; a line `stop N` stops so many
    /// of them, as a machine that fails.
    struct Agents: AsyncParsableCommand {
        @OptionGroup var place: Place

        @Option(help: "How many.")
        var count = 100

        @Option(help: "The swarm's token for workers.")
        var token: String

        func run() async throws { try await AgentFleet(place, count: count, token: token).run() }
    }
}
