import ArgumentParser
import Glibc
import LinuxSystem

/// Managers with their real store, TLS and protocol, and nodes that have everything but a kernel: what do they cost, and how does that grow?
@main struct SwarmBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm-benchmark", subcommands: [Run.self, Agents.self, Founder.self], defaultSubcommand: Run.self)
}

extension SwarmBenchmark {
    /// Where everything of a run is: an agent finds its manager by the same values.
    struct Place: ParsableArguments {
        @Option(
            help: "Directory for everything; it is made, and removed in the end.", transform: LocalPath.absolute)
        var directory: String

        @Option(help: "Port of the manager on 127.0.0.1; the one above is its store's.")
        var port = 42_377
    }

    /// A manager, and the measuring.
    struct Run: AsyncParsableCommand {
        @OptionGroup var place: Place

        @OptionGroup var size: Size

        @Flag(help: "Measure what a manager that is killed costs, with two managers more, and nothing else.")
        var killsManager = false

        func run() async throws {
            if killsManager { return try await ManagerLoss(place: place, size: size.chosen).run() }
            try await ManagedSwarm.running(place) { swarm in
                let size = size.chosen
                let before = try await Measurement.Memory()
                // What the first sessions cost once is not what one more costs.
                let children = try await AgentProcess.start(size.agents / 2, place, of: swarm)
                do {
                    let half = try await Measurement.Memory()
                    try await children.join(size.agents - size.agents / 2, of: swarm, to: size.agents + 1)
                    try await Measurement(
                        swarm: swarm, children: children, size: size, memoryBefore: before, memoryOfHalf: half
                    ).all()
                } catch {
                    await children.end()
                    throw error
                }
                await children.end()
            }
        }
    }

    /// How large the swarm is.
    struct Size: ParsableArguments {
        @Flag(help: "Small numbers everywhere, for a try that takes two minutes; the numbers given count all the same.")
        var quick = false

        @Flag(help: "The numbers of the aims: 1,000 nodes, 1,000 services on 100 networks, 30,000 tasks.")
        var full = false

        @Option(help: "How many nodes without a kernel; 100, 10 for a quick run, 1,000 for a full one.")
        var agents: Int?

        @Option(help: "How many services; 100, 10, 1,000.")
        var services: Int?

        @Option(help: "How many networks, to which the services are spread; 10, 2, 100.")
        var networks: Int?

        @Option(help: "How many tasks each service has; 30, 5, 30.")
        var replicas: Int?

        @Option(help: "How many of the services publish a port, of which all nodes are told; 20, 2, 200.")
        var published: Int?

        @Option(help: "How many single changes are measured; 20, 5, 20.")
        var changes: Int?

        @Option(help: "How many tasks the service has that is updated a part at a time; 300, 20, 3,000.")
        var large: Int?

        @Option(help: "How many of them are updated at a time; 100, 5, 100.")
        var parallelism: Int?

        var chosen: Chosen {
            func number(_ given: Int?, _ usual: Int, _ quick: Int, _ full: Int) -> Int {
                given ?? (self.quick ? quick : self.full ? full : usual)
            }
            return Chosen(
                agents: number(agents, 100, 10, 1000), services: max(1, number(services, 100, 10, 1000)),
                networks: max(1, number(networks, 10, 2, 100)), replicas: number(replicas, 30, 5, 30),
                published: max(0, number(published, 20, 2, 200)), changes: max(1, number(changes, 20, 5, 20)),
                large: number(large, 300, 20, 3000),
                parallelism: max(1, number(parallelism, 100, 5, 100)), idle: .seconds(quick ? 10 : 20))
        }

        struct Chosen {
            let agents: Int
            let services: Int
            let networks: Int
            let replicas: Int
            /// The last ones; all of them when it is more than there are.
            let published: Int
            let changes: Int
            let large: Int
            let parallelism: Int
            /// For how long what is idle is looked at: whole times of ten seconds, in which each node tells once how it is.
            let idle: Duration
            var tasks: Int { services * replicas }
        }
    }

    /// A manager in a process of its own, which founds the swarm. Prints the tokens, and runs until its input ends.
    struct Founder: AsyncParsableCommand {
        @OptionGroup var place: Place

        func run() async throws {
            try await ManagedSwarm.running(place) { swarm in
                print("token \(swarm.token) \(swarm.managerToken)")
                fflush(nil)
                while try await onThread({ readLine() }) != nil {}
            }
        }
    }

    /// The nodes, in a process of their own so that their cost is not the manager's. Ends when its input does; a line `stop N` stops so many
    /// of them, as a machine that fails, `join N` starts so many more, and `count` with a service's id or without says how many containers run.
    struct Agents: AsyncParsableCommand {
        @OptionGroup var place: Place

        @Option(help: "How many.")
        var count = 100

        @Option(help: "The swarm's token for workers.")
        var token: String

        func run() async throws { try await AgentFleet(place, count: count, token: token).run() }
    }
}
