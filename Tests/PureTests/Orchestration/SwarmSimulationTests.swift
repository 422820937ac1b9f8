import Model
import Orchestration
import TestKit
import Testing

/// A swarm to which everything happens at once, and what must hold all the same. `make simulate` asks for longer runs.
@Suite struct SwarmSimulationTests {
    private static let seeds = SimulationSeeds.of("RUNS", 4)
    /// How long it may take until all is as it should be when nothing goes wrong any more, in seconds of the swarm.
    private static let longestHealing = 180

    /// The first seed has as many nodes as is asked for, the others a fifth of that.
    @Test(arguments: seeds)
    func
        `messages are lost and late, nodes are cut off and crash, clocks jump: no address, port or slot twice, all runs in the end`(
            seed: UInt64
        )
    {
        let most = SimulationSize.of("NODES", 200)
        let nodes = seed == 1 ? most : max(20, most / 5)
        var cluster = SimulatedCluster(seed: seed, nodes: nodes)
        for number in 0..<nodes / 10 {
            let network = number % 3 == 0 ? nil : "net\(number % max(1, nodes / 20))"
            cluster.addService(
                "s\(String(format: "%05d", number))", replicas: 8, network: network,
                port: number % 4 == 0 ? (number % 8 == 0 ? 0 : 8000 + number % 10_000) : nil,
                startsFirst: number % 2 == 0)
        }
        cluster.addService("everywhere", replicas: nil, network: "net0", port: nil, startsFirst: false)
        for second in 0..<SimulationSize.of("SECONDS", 80) {
            cluster.step()
            if second % 5 == 0 { cluster.check() }
            if !cluster.problems.isEmpty { break }
        }
        cluster.heal()
        Self.settle(&cluster)
        if cluster.problems.isEmpty { cluster.checkEnd() }
        for problem in cluster.problems.prefix(10) { Issue.record("seed \(seed): \(problem)") }
    }

    /// Goes on until all was as it should be twice, ten seconds apart, or time is up.
    private static func settle(_ cluster: inout SimulatedCluster) {
        var wasSettled = false
        for second in 0..<longestHealing where cluster.problems.isEmpty {
            cluster.step()
            guard second % 10 == 0 else { continue }
            cluster.check()
            var end = cluster
            end.checkEnd()
            if end.problems.isEmpty, wasSettled { return }
            wasSettled = end.problems.isEmpty
        }
    }
}
