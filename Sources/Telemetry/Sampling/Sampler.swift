import Glibc
package import LinuxSystem
package import Model
import Synchronization

/// Reads what the node and its containers use, on one thread of its own.
package final class Sampler: Sendable {
    /// Of containers at one time.
    package static let mostContainers = 4096
    /// Samples between two readings of a container's limits, and of its connections whatever it does; containers take turns.
    private static let limitPeriod = 6
    /// What two ask for within this time is read once.
    private static let freshness = Duration.milliseconds(100)

    private final class Probe {
        let group: GroupProbe
        let process: ProcessProbe?
        let startedAt: Int64
        var usage: (at: ContinuousClock.Instant, value: ContainerMeasurement.Usage)?

        init(_ target: SampleTarget, _ layout: CgroupLayout, _ room: FileRoom) {
            group = GroupProbe(target.group, layout, room)
            process = target.networkProcess.map { ProcessProbe($0) }
            startedAt = target.startedAt
        }

        func isOf(_ target: SampleTarget) -> Bool {
            startedAt == target.startedAt && process?.pid == target.networkProcess
        }
    }

    private struct State {
        var probes: [String: Probe] = [:]
        let node: NodeProbe
        let buffer = ReadBuffer()
        /// For files of control groups.
        let room = FileRoom(most: 0)
        var count = 0

        mutating func probe(_ target: SampleTarget, _ layout: CgroupLayout) -> Probe {
            if let probe = probes[target.id], probe.isOf(target) { return probe }
            let probe = Probe(target, layout, room)
            probes[target.id] = probe
            return probe
        }
    }

    private let worker = WorkerThread()
    private let layout: CgroupLayout
    private let mostKeptFiles: Int?
    // Held by the worker's thread alone, for as long as a sample takes; nobody waits for it but on that thread.
    private let state: Mutex<State>

    /// - Parameters:
    ///   - root: In the file system that the node's room is told of.
    ///   - mostKeptFiles: Files of control groups that are kept open; `nil` for a quarter of what the process may open. Of the containers for which that is not
    ///     enough, they are opened at each sample.
    package init(layout: CgroupLayout, root: String, mostKeptFiles: Int? = nil) {
        self.layout = layout
        self.mostKeptFiles = mostKeptFiles
        state = Mutex(State(node: NodeProbe(root: root)))
    }

    /// Samples everything once. Of containers that are not among them nothing is kept open.
    ///
    /// - Parameters:
    ///   - targets: Asked for on the sampler's thread, so it may block.
    ///   - time: Seconds since 1970 that the samples are told to be of.
    package func sample(at time: Int64, _ targets: @escaping @Sendable () -> [SampleTarget]) async throws -> Snapshot {
        try await worker.run { self.sampleNow(targets().sorted { $0.id < $1.id }, time) }
    }

    /// The rest is for what containers cannot do without: their namespaces, streams and ports, and who speaks to the daemon.
    private var room: Int { mostKeptFiles ?? Int(clamping: Processes.descriptorLimit() / 4) }

    private func sampleNow(_ targets: [SampleTarget], _ time: Int64) -> Snapshot {
        let start = ContinuousClock.now
        return state.withLock { state in
            var snapshot = Snapshot(time: time, node: state.node.sample(state.buffer), containers: [])
            snapshot.node[NodeSeries.containersRunning] = Int64(clamping: targets.count)
            snapshot.refused = max(0, targets.count - Self.mostContainers)
            let wanted = Set(targets.map(\.id))
            for id in state.probes.keys where !wanted.contains(id) { state.probes[id] = nil }
            state.room.most = room
            defer { state.room.leave() }
            state.count &+= 1
            for (index, target) in targets.prefix(Self.mostContainers).enumerated() {
                let readsLimits = (state.count &+ index) % Self.limitPeriod == 0
                var sample = Self.sample(target, state.probe(target, layout), limits: readsLimits, state.buffer)
                sample.seen = time
                snapshot.containers.append(sample)
            }
            snapshot.nanoseconds = Int64(clamping: (ContinuousClock.now - start).attoseconds / 1_000_000_000)
            return snapshot
        }
    }

    private static func sample(_ target: SampleTarget, _ probe: Probe, limits: Bool, _ buffer: ReadBuffer)
        -> ContainerSample
    {
        var sample = ContainerSample(target: target, row: SampleRow(of: ContainerSeries.self))
        probe.group.sample(into: &sample.row, limits: limits, buffer)
        if let process = probe.process {
            sample.networks = Array(
                process.networks(into: &sample.row, target.networks, buffer).prefix(ContainerSample.mostNetworks))
            process.connections(into: &sample.row, always: limits, buffer)
        }
        sample.row[ContainerSeries.restarts] = target.restarts
        sample.row[ContainerSeries.logBytes] = target.logBytes
        return sample
    }

    /// All that is told of one container at this moment (`docker stats`). Those who ask at the same time get the same answer.
    package func measure(_ target: SampleTarget) async throws -> ContainerMeasurement.Usage {
        try await worker.run { try self.measureNow(target) }
    }

    private func measureNow(_ target: SampleTarget) throws -> ContainerMeasurement.Usage {
        try state.withLock { state in
            let now = ContinuousClock.now
            state.room.most = room
            defer { state.room.leave() }
            let probe = state.probe(target, layout)
            if let usage = probe.usage, now - usage.at < Self.freshness { return usage.value }
            var usage = ContainerMeasurement.Usage(timestamp: .now)
            let counters = try probe.group.statistics(state.buffer)
            let node = try state.node.machine(state.buffer)
            usage.cgroupVersion = layout.version
            usage.fill(counters, node)
            if let process = probe.process {
                usage.networks = process.measure(state.buffer)
            }
            probe.usage = (now, usage)
            return usage
        }
    }

    /// Files that are kept open.
    package func openFileCount() async throws -> Int {
        try await worker.run {
            self.state.withLock { $0.probes.values.reduce($0.room.kept) { $0 + ($1.process == nil ? 0 : 1) } }
        }
    }
}

extension Duration {
    /// The whole of it; the largest number for very long ones.
    fileprivate var attoseconds: Int64 {
        let parts = components
        return parts.seconds.multipliedClamped(by: 1_000_000_000_000_000_000).addingClamped(parts.attoseconds)
    }
}
