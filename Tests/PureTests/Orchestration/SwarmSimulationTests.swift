import Model
import Orchestration
import TestKit
import Testing

/// A swarm to which everything happens at once, and what must hold all the same. `make simulate` asks for longer runs.
@Suite struct SwarmSimulationTests {
    @Test(arguments: Array(1...UInt64(SimulationSize.of("RUNS", 1))))
    func
        `messages are lost and late, nodes are cut off and crash, clocks jump: no address, port or slot twice, all runs in the end`(
            seed: UInt64
        )
    {
        let nodes = SimulationSize.of("NODES", 200)
        var cluster = SimulatedCluster(seed: seed, nodes: nodes)
        for number in 0..<nodes / 10 {
            let network = number % 3 == 0 ? nil : "net\(number % max(1, nodes / 20))"
            cluster.addService(
                "s\(String(format: "%05d", number))", replicas: 8, network: network,
                port: number % 4 == 0 ? (number % 8 == 0 ? 0 : 8000 + number % 10_000) : nil,
                startsFirst: number % 2 == 0)
        }
        cluster.addService("everywhere", replicas: nil, network: "net0", port: nil, startsFirst: false)
        for second in 0..<SimulationSize.of("SECONDS", 120) {
            cluster.step()
            if second % 5 == 0 { cluster.check() }
            if !cluster.problems.isEmpty { break }
        }
        cluster.heal()
        for second in 0..<180 where cluster.problems.isEmpty {
            cluster.step()
            if second % 10 == 0 { cluster.check() }
        }
        if cluster.problems.isEmpty { cluster.checkEnd() }
        for problem in cluster.problems.prefix(10) { Issue.record("seed \(seed): \(problem)") }
    }
}
