import Glibc
import LinuxSystem
import Telemetry

/// What it takes to sample so many containers every ten seconds and to keep what was sampled. The containers are control groups without processes, whose
/// network is this process': what is read of them is the same.
struct SamplingCost {
    let directory: String
    let containers: Int
    /// Samples, each of which stands for ten seconds.
    let rounds: Int

    func measure() async throws {
        let layout = try await onThread { try Cgroups.layout() }
        let above = "/apus-bench-\(RandomID.hex(bytes: 6))"
        let targets = (0..<containers).map { number -> SampleTarget in
            var target = SampleTarget(id: RandomID.docker(), name: "c\(number)", group: "\(above)/c\(number)")
            target.networkProcess = getpid()
            target.networks = ["eth0": "bridge"]
            return target
        }
        do {
            try await onThread { for target in targets { try Cgroups.create(target.group, in: layout) } }
            try await measure(targets, layout)
        } catch {
            try await onThread { try Cgroups.remove(above, in: layout) }
            throw error
        }
        try await onThread { try Cgroups.remove(above, in: layout) }
    }

    private func measure(_ targets: [SampleTarget], _ layout: CgroupLayout) async throws {
        let start: Int64 = 1_700_006_400
        let before = try OwnCost.residentBytes()
        let sampler = Sampler(layout: layout, root: "/")
        let history = try await History.open(directory + "/sampled.db", now: start)
        // The first opens everything.
        _ = try await sampler.sample(at: start - 10) { targets }
        let begun = OwnCost.processorTime()
        for round in 0..<rounds {
            let time = start + Int64(round) * 10
            let snapshot = try await sampler.sample(at: time) { targets }
            history.add(
                [(entity: Entity.node, row: snapshot.node)]
                    + snapshot.containers.map { (entity: Entity(.container, $0.target.id), row: $0.row) }, at: time)
            try await history.flush(at: time)
        }
        let share = (OwnCost.processorTime() - begun) / (.seconds(10) * rounds)
        let more = try OwnCost.residentBytes() - before
        try await history.close(at: start + Int64(rounds) * 10)
        tell("sampler-\(containers)-containers-cpu", share * 100, "% of a core", atMost: 2)
        tell("sampler-\(containers)-containers-memory", Double(more) / 1_048_576, "MiB", atMost: 10)
    }
}
