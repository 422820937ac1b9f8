import ContainerRuntime
import EngineInterface
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Engine

/// What a node's control groups cannot limit: told as Docker does, and not on record.
@Suite struct LimitSupportTests {
    private func host(_ change: (inout HostConfiguration) -> Void) -> HostConfiguration {
        var host = HostConfiguration()
        change(&host)
        return host
    }

    /// What is left of a request, and what is told, where one thing is missing.
    private func discarded(
        _ asked: HostConfiguration, without missing: WritableKeyPath<CgroupLimits, Bool>
    ) throws -> (left: HostConfiguration, told: [String]) {
        var known = CgroupLimits()
        known[keyPath: missing] = false
        var left = asked
        let told = try LimitSupport(known: known).discard(from: &left)
        return (left, told)
    }

    @Test func `a limit that is not known is discarded with docker's words`() throws {
        var found = try discarded(host { $0.blkioWeight = 300 }, without: \.blockIOWeight)
        #expect(found.left.blkioWeight == 0)
        #expect(
            found.told == [
                "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."
            ])
        found = try discarded(host { $0.memory = 64 << 20 }, without: \.swap)
        #expect(found.left.memory == 64 << 20 && found.left.memorySwap == -1)
        #expect(
            found.told == [
                "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
                    + "Memory limited without swap."
            ])
        found = try discarded(host { ($0.memory, $0.memorySwap) = (64 << 20, 128 << 20) }, without: \.memory)
        #expect(found.left.memory == 0 && found.left.memorySwap == -1)
        #expect(found.told == [LimitWarning.memory.rawValue])
        found = try discarded(host { $0.memorySwappiness = 10 }, without: \.swappiness)
        #expect(found.left.memorySwappiness == nil && found.told == [LimitWarning.swappiness.rawValue])
        found = try discarded(host { $0.oomKillDisable = true }, without: \.memoryKiller)
        #expect(found.left.oomKillDisable == nil)
        #expect(found.told == ["Your kernel does not support OomKillDisable. OomKillDisable discarded."])
        found = try discarded(host { $0.pidsLimit = 10 }, without: \.processes)
        #expect(found.left.pidsLimit == nil && found.told == [LimitWarning.processes.rawValue])
        found = try discarded(host { $0.cpuShares = 10 }, without: \.processorShares)
        #expect(found.left.cpuShares == 0 && found.told == [LimitWarning.processorShares.rawValue])
        found = try discarded(host { $0.cpuQuota = 5000 }, without: \.processorQuota)
        #expect(found.left.cpuQuota == 0 && found.told == [LimitWarning.processorQuota.rawValue])
        found = try discarded(host { $0.cpusetCpus = "0" }, without: \.processorSets)
        #expect(found.left.cpusetCpus.isEmpty && found.told == [LimitWarning.processorSets.rawValue])
    }

    @Test func `who disables the killer without a limit of memory is warned, and has it`() throws {
        var found = try discarded(host { $0.oomKillDisable = true }, without: \.swap)
        #expect(found.left.oomKillDisable == true)
        #expect(
            found.told == [
                "OOM killer is disabled for the container, but no memory limit is set, "
                    + "this can result in the system running out of resources."
            ])
        let limited = host {
            $0.oomKillDisable = true
            $0.memory = 64 << 20
        }
        #expect(try discarded(limited, without: \.processes).told.isEmpty)
        // A limit that is discarded is none.
        found = try discarded(limited, without: \.memory)
        #expect(found.told == [LimitWarning.memory, .memoryKillerWithoutLimit].map(\.rawValue))
    }

    @Test func `who asks for nothing is told nothing, and what is known stays`() throws {
        // As the command line sends it.
        let plain = host {
            $0.oomKillDisable = false
            $0.pidsLimit = 0
            $0.memorySwappiness = -1
        }
        let paths: [WritableKeyPath<CgroupLimits, Bool>] = [
            \.memoryKiller, \.processes, \.swappiness, \.swap, \.blockIOWeight, \.memory,
        ]
        for missing in paths {
            #expect(try discarded(plain, without: missing).told.isEmpty)
        }
        let asked = host { ($0.blkioWeight, $0.memory, $0.nanoCpus) = (300, 64 << 20, 1) }
        var left = asked
        let told = try LimitSupport(known: CgroupLimits()).discard(from: &left)
        #expect(told.isEmpty && left == asked)
        #expect(throws: LimitError.processorsUnsupported) {
            try discarded(host { $0.nanoCpus = 1 }, without: \.processorQuota)
        }
    }

    @Test func `an update is told the same, and keeps nothing of it`() async throws {
        var known = CgroupLimits()
        known.blockIOWeight = false
        try await LifeFixture.run(limits: known) { fixture in
            try await fixture.make("a")
            let told = try await fixture.service.updateContainer(
                "a", host { ($0.blkioWeight, $0.cpuShares) = (300, 512) })
            #expect(told == [LimitWarning.blockIOWeight.rawValue])
            let kept = try #require(fixture.table.record("a")?.hostConfig)
            #expect(kept.blkioWeight == 0 && kept.cpuShares == 512)
        }
    }
}
