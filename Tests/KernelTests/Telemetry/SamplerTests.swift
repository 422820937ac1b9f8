import Glibc
import LinuxSystem
import Synchronization
import TestKit
import Testing

@testable import Telemetry

/// Reading control groups, namespaces and the machine.
@Suite(.serialized, .timeLimit(.minutes(2))) struct SamplerTests {
    /// Runs `body` with control groups of its own, which are gone afterwards.
    private func withGroups(
        _ count: Int, _ body: (CgroupLayout, [SampleTarget]) async throws -> Void
    ) async throws {
        let layout = try await onThread { try Cgroups.layout() }
        let above = "/apus-test-\(RandomID.hex(bytes: 6))"
        let targets = (0..<count).map { SampleTarget(id: "c\($0)", name: "c\($0)", group: "\(above)/c\($0)") }
        try await cleaningUp {
            try await onThread { for target in targets { try Cgroups.create(target.group, in: layout) } }
            try await body(layout, targets)
        } by: {
            try await onThread {
                try Cgroups.kill(above, in: layout)
                for _ in 0..<100 {
                    do { return try Cgroups.remove(above, in: layout) } catch { usleep(20_000) }
                }
                try Cgroups.remove(above, in: layout)
            }
        }
    }

    /// A process in the group that uses a processor and memory.
    private func start(_ group: String, _ layout: CgroupLayout) async throws -> ChildProcess {
        try await onThread {
            var request = SpawnRequest(
                executable: "/usr/bin/python3",
                arguments: [
                    "-c", "import time\nx = bytearray(30 << 20)\nwhile True:\n sum(range(10000)); time.sleep(0)",
                ], environment: [])
            request.cgroup = Cgroups.entry(group, in: layout)
            return try Processes.spawn(request)
        }
    }

    @Test func `samples say the same as the files that are opened anew`() async throws {
        try await withGroups(1) { layout, targets in
            let child = try await start(targets[0].group, layout)
            let sampler = Sampler(layout: layout, root: "/")
            // Until it has what it asks for.
            var sample = try await sampler.sample(at: 10) { targets }
            for _ in 0..<200 {
                sample = try await sampler.sample(at: 10) { targets }
                if (sample.containers[0].row[ContainerSeries.memoryAnonymousBytes] ?? 0) >= 30 << 20 { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            let before = try await onThread { try Cgroups.statistics(of: targets[0].group, in: layout) }
            sample = try await sampler.sample(at: 20) { targets }
            let after = try await onThread { try Cgroups.statistics(of: targets[0].group, in: layout) }
            let row = sample.containers[0].row
            func between(_ series: ContainerSeries, _ path: (CgroupStatistics) -> UInt64?, dividedBy unit: UInt64 = 1)
                throws
            {
                let (low, high) = (try #require(path(before)), try #require(path(after)))
                let value = UInt64(clamping: try #require(row[series]))
                #expect(low / unit <= value && value <= high / unit, "\(series): \(low / unit) \(value) \(high / unit)")
            }
            try between(.cpuMicroseconds, { $0.cpuNanoseconds }, dividedBy: 1000)
            try between(.cpuUserMicroseconds, { $0.cpuUserNanoseconds }, dividedBy: 1000)
            try between(.processes, { $0.processes })
            try between(.outOfMemoryKills, { $0.outOfMemoryKills })
            let working = try #require(row[ContainerSeries.memoryWorkingSetBytes])
            #expect(working >= 30 << 20 && working < 200 << 20)
            let usage = try await sampler.measure(targets[0])
            #expect(usage.memory.usage >= 30 << 20 && usage.memory.details.count > 10)
            #expect(usage.cpu.nanoseconds >= after.cpuNanoseconds ?? 0 && usage.processes == after.processes)
            // Who asks at the same time gets the same.
            #expect(try await sampler.measure(targets[0]) == usage)
            child.signal(SIGKILL)
            _ = try await child.wait()
        }
    }

    @Test func `limits are read`() async throws {
        try await withGroups(1) { layout, targets in
            let group = targets[0].group
            try await onThread {
                if layout.version == 1 {
                    try Files.write(
                        "50000000", into: "\(layout.controllers["memory"] ?? "")\(group)/memory.limit_in_bytes")
                    try Files.write("25000", into: "\(layout.controllers["cpu"] ?? "")\(group)/cpu.cfs_quota_us")
                    try Files.write("17", into: "\(layout.controllers["pids"] ?? "")\(group)/pids.max")
                } else {
                    try Files.write("50000000", into: "\(layout.unified ?? "")\(group)/memory.max")
                    try Files.write("25000 100000", into: "\(layout.unified ?? "")\(group)/cpu.max")
                    try Files.write("17", into: "\(layout.unified ?? "")\(group)/pids.max")
                }
            }
            let row = try await Sampler(layout: layout, root: "/").sample(at: 10) { targets }.containers[0].row
            #expect(row[ContainerSeries.memoryLimitBytes] == 49_999_872)
            #expect(row[ContainerSeries.cpuLimitMillicores] == 250 && row[ContainerSeries.processesLimit] == 17)
        }
    }

    @Test func `a group that has gone is absent, and one that has come again is read anew`() async throws {
        try await withGroups(1) { layout, targets in
            let sampler = Sampler(layout: layout, root: "/")
            #expect(try await sampler.sample(at: 10) { targets }.containers[0].row[ContainerSeries.processes] == 0)
            try await onThread { try Cgroups.remove(targets[0].group, in: layout) }
            let gone = try await sampler.sample(at: 20) { targets }.containers[0].row
            #expect(gone[ContainerSeries.memoryWorkingSetBytes] == nil && gone[ContainerSeries.processes] == nil)
            try await onThread { try Cgroups.create(targets[0].group, in: layout) }
            var again = targets
            again[0].startedAt = 25
            let restarted = again
            #expect(try await sampler.sample(at: 30) { restarted }.containers[0].row[ContainerSeries.processes] == 0)
            #expect(try await sampler.openFileCount() > 5)
            _ = try await sampler.sample(at: 40) { [] }
            #expect(try await sampler.openFileCount() == 0, "what does not run keeps nothing open")
        }
    }

    @Test func `three hundred containers sampled again and again keep no more files and little memory`() async throws {
        try await withGroups(300) { layout, groups in
            // All in this process' namespace: what is read of it is what is read of a container's.
            let targets = groups.map { target in
                var target = target
                target.networkProcess = getpid()
                target.networks = ["eth0": "bridge"]
                return target
            }
            let sampler = Sampler(layout: layout, root: "/")
            _ = try await sampler.sample(at: 0) { targets }
            let open = try await sampler.openFileCount()
            let memory = residentBytes()
            var times: [Int64] = []
            for round in 1...20 {
                times.append(try await sampler.sample(at: Int64(round) * 10) { targets }.nanoseconds)
            }
            let median = times.sorted()[times.count / 2]
            let share = Double(median) / 1e9 / 10
            print(
                "300 containers: \(median / 1000) us a sample, \(share * 100) % of a processor, \(open) files open, \(residentBytes() - memory) bytes more after twenty"
            )
            // How long it takes is the machine's; that files stay open, instead of being opened each time, is what makes it little.
            #expect(try await sampler.openFileCount() == open && open >= 300)
            #expect(residentBytes() - memory < 10 << 20)
        }
    }

    @Test func `connections are those of the moment, though they are not read while no interface counts anything`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let script = """
                import os, socket, subprocess, time
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
                server = socket.create_server(("127.0.0.1", 0))
                open("\(directory)/ready", "w").close()
                while not os.path.exists("\(directory)/go"): time.sleep(0.02)
                near = socket.create_connection(server.getsockname())
                far = server.accept()
                open("\(directory)/done", "w").close()
                time.sleep(600)
                """
            let child = try await onThread {
                try Processes.spawn(
                    SpawnRequest(
                        executable: "/usr/bin/unshare", arguments: ["--net", "/usr/bin/python3", "-c", script],
                        environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]))
            }
            try await cleaningUp {
                try await eventually { Files.exists("\(directory)/ready") }
                try await withGroups(1) { layout, groups in
                    var target = groups[0]
                    target.networkProcess = child.pid
                    let targets = [target]
                    let sampler = Sampler(layout: layout, root: "/")
                    func connections(at time: Int64) async throws -> [Int64?] {
                        let row = try await sampler.sample(at: time) { targets }.containers[0].row
                        return [ContainerSeries.tcpOpened, .tcpAccepted, .tcpEstablished].map { row[$0] }
                    }
                    for time: Int64 in [10, 20] {
                        let none = try await connections(at: time)
                        #expect(none == [0, 0, 0])
                    }
                    try Files.rewrite("", in: "\(directory)/go", mode: 0o600)
                    try await eventually { Files.exists("\(directory)/done") }
                    for time: Int64 in [30, 40] {
                        let both = try await connections(at: time)
                        #expect(both == [1, 1, 2])
                    }
                }
            } by: {
                child.signal(SIGKILL)
                _ = try await child.wait()
            }
        }
    }

    /// How many files of these control groups this process has open, directories among them.
    private func openFiles(of targets: [SampleTarget]) throws -> Int {
        try Files.list("/proc/self/fd").filter { name in
            let path = (try? Files.link("/proc/self/fd/\(name)")) ?? ""  // Another test may have closed it since.
            return targets.contains { path.contains($0.group) }
        }.count
    }

    /// Which values there are, by container.
    private func filled(_ sampler: Sampler, at time: Int64, _ targets: [SampleTarget]) async throws -> [Set<Int>] {
        try await sampler.sample(at: time) { targets }.containers.map { sample in
            Set(ContainerSeries.allCases.filter { sample.row[$0] != nil }.map(\.rawValue))
        }
    }

    @Test func `where there is no room for files that stay open, they are opened at each sample and say the same`()
        async throws
    {
        try await withGroups(4) { layout, targets in
            let all = Sampler(layout: layout, root: "/")
            let expected = try await filled(all, at: 10, targets)
            let count = try await all.openFileCount()
            let each = count / targets.count
            #expect(each > 5 && each * targets.count == count)
            _ = try await all.sample(at: 20) { [] }
            #expect(try openFiles(of: targets) == 0)

            // Room for one, and for a part of another.
            let sampler = Sampler(layout: layout, root: "/", mostKeptFiles: each + 3)
            for time: Int64 in [10, 20, 30] {
                let found = try await filled(sampler, at: time, targets)
                #expect(found == expected)
                #expect(try await sampler.openFileCount() == each + 3)
                #expect(try openFiles(of: targets) == each + 3, "no directory stays open either")
            }
            #expect(try await sampler.measure(targets[3]).processes == 0)
            #expect(try openFiles(of: targets) == each + 3)

            // Who stays takes the room of those that have gone.
            let last = Array(targets.suffix(1))
            let alone = try await filled(sampler, at: 40, last)
            #expect(alone == Array(expected.suffix(1)))
            #expect(try openFiles(of: last) == each)
            #expect(try openFiles(of: targets) == each)
            let together = try await filled(sampler, at: 50, targets)
            #expect(together == expected)
            #expect(try openFiles(of: targets) == each + 3)

            // A group that comes again has another directory than the one that was open for a sample before.
            try await onThread { try Cgroups.remove(targets[2].group, in: layout) }
            let without = try await filled(sampler, at: 60, targets)
            #expect(!without[2].contains(ContainerSeries.processes.rawValue))
            try await onThread { try Cgroups.create(targets[2].group, in: layout) }
            var restarted = targets
            restarted[2].startedAt = 65
            let again = try await filled(sampler, at: 70, restarted)
            #expect(again == expected)
            _ = try await sampler.sample(at: 80) { [] }
            #expect(try await sampler.openFileCount() == 0)
            #expect(try openFiles(of: targets) == 0)
        }
    }

    private func texts(_ files: inout KeptFiles, _ count: Int, _ buffer: ReadBuffer) -> [String] {
        var found: [String] = []
        for index in 0..<count {
            guard let bytes = files.read(index, buffer) else { continue }
            found.append(String(decoding: bytes, as: UTF8.self))
        }
        return found
    }

    @Test func `files are let go when there is less room for them, and kept again when there is more`() async throws {
        try await withTemporaryDirectory { directory in
            let paths = (0..<4).map { "\(directory)/\($0)" }
            for path in paths { try Files.rewrite(path, in: path, mode: 0o600) }
            let room = FileRoom(most: 3)
            let buffer = ReadBuffer()
            var files = KeptFiles(paths, room)
            for most in [3, 1, 4] {
                room.most = most
                let found = texts(&files, paths.count, buffer)
                #expect(found == paths && room.kept == most)
            }
        }
    }

    private func residentBytes() -> Int {
        let text = (try? Files.text("/proc/self/statm")) ?? ""  // A test of this process.
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
    }

    @Test func `the node's own values are there`() async throws {
        let sampler = Sampler(layout: try await onThread { try Cgroups.layout() }, root: "/")
        let node = try await sampler.sample(at: 10) { [] }.node
        for series in NodeSeries.allCases where ![.conntrackEntries, .conntrackLimit].contains(series) {
            #expect(node[series] != nil, "\(series)")
        }
        let total = try #require(node[NodeSeries.memoryTotalBytes])
        #expect(total > node[NodeSeries.memoryAvailableBytes] ?? .max && total > 1 << 28)
        #expect((node[NodeSeries.engineMemoryBytes] ?? 0) > 1 << 20)
    }
}
