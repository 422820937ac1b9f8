import Concurrency
import Glibc
import LinuxSystem
import Logging
import Model
import NIOCore
import Synchronization

/// Taking over, ending and removing what an earlier daemon has left.
extension ConmonRuntime {
    /// How long processes may take to end after SIGKILL; one in an uninterruptible call takes longer.
    private static let killDeadline = Duration.seconds(10)

    package func adopt(_ id: String) async throws -> ContainerProcessState {
        let record: RuntimeRecord
        do {
            record = try await self.record(of: id)
        } catch let error as RuntimeError where error.code == .noSuchContainer {
            return .absent
        }
        let hub = hub(of: id)
        entries.withLock { $0[id]?.record = record }
        let (bundle, layout) = (paths.bundle(id), self.layout)
        if let exit = try await onThread({ try ExitFile.read(in: bundle, of: id, layout) }) { return .exited(exit) }
        guard record.isMonitored else {
            // It may have ended between the two looks.
            if let exit = try await onThread({ try ExitFile.read(in: bundle, of: id, layout) }) {
                return .exited(exit)
            }
            return .exited(try await endUnmonitored(record))
        }
        do {
            try await hub.connect(directory: bundle, on: group)
        } catch {
            // A container that ends at this moment has no socket any more; its exit is told as for all others.
            logger.info("container \(id) has no attach socket: \(error)")
        }
        return try await state(id)
    }

    package func sweep(keeping requested: Set<String>) async throws -> [String] {
        let paths = self.paths
        let doomed = try await onThread {
            let there = try ([paths.containers] + RuntimeName.allCases.map(paths.state)).flatMap { try Files.list($0) }
            return Set(there).filter { !requested.contains($0) || !Files.exists(paths.record($0)) }.sorted()
        }
        for id in doomed { try await delete(id) }
        return doomed
    }

    /// The container runs, or has run, without a conmon: nobody reads its output and nobody will tell its exit code, so
    /// it is stopped. As its process' adoptive parent (PR_SET_CHILD_SUBREAPER) we may still learn the true code.
    func endUnmonitored(_ record: RuntimeRecord) async throws -> ContainerExit {
        let (layout, bundle) = (self.layout, paths.bundle(record.id))
        logger.warning("conmon of container \(record.id) is gone; the container is stopped")
        let wasRunning = record.isRunning
        try await onThread { try Cgroups.kill(ContainerSpecification.cgroup(of: record.id), in: layout) }
        // To its end also in a task that is being cancelled: what runs without a monitor is nobody's.
        let status = try await uncancelled {
            try await withDeadline(
                Self.killDeadline,
                orThrow: RuntimeError.notInTime("the end of container \(record.id)", Self.killDeadline)
            ) {
                try await Processes.waitForExit(ofPid: record.pid, startTime: record.startTime)
            }
        }
        let code = status.map { Int(clamping: $0.code) } ?? (wasRunning ? 137 : 255)
        return try await onThread {
            try ExitFile.writeInstead(code, in: bundle)
            return try ExitFile.read(in: bundle)
                ?? ContainerExit(code: code, finishedAt: .now, monitorWasLost: true)
        }
    }

    /// Kills and removes the container, its conmon, its execs' conmons and all files; missing is fine.
    ///
    /// By hand, whoever has made it: what a runtime's own `delete` does is this, and it would be one more process for each container that goes. There
    /// may be no record of it, nor anything that a runtime could read.
    func removeAll(of id: String) async throws {
        let (paths, layout) = (self.paths, self.layout)
        try await onThread {
            for pid in Self.conmons(in: paths.bundle(id)) {
                try Processes.signal(SIGKILL, pid: pid.0, startTime: pid.1)
            }
            try Self.endGroup(ContainerSpecification.cgroup(of: id), in: layout)
            for name in RuntimeName.allCases { try Files.removeTree(paths.state(id, of: name)) }
            try Files.removeTree(paths.bundle(id))
        }
    }

    /// Processes that have just been killed leave the cgroup only when they have ended, and may have made others before.
    private static func endGroup(_ cgroup: String, in layout: CgroupLayout) throws {
        let deadline = ContinuousClock.now + killDeadline
        while true {
            do {
                return try Cgroups.remove(cgroup, in: layout)
            } catch let error as SystemError where error.errno == EBUSY && ContinuousClock.now < deadline {
                try Cgroups.kill(cgroup, in: layout)
                // What is frozen takes no signal.
                try Cgroups.thaw(cgroup, in: layout)
                usleep(1000)
            }
        }
    }

    /// conmons of a container and its execs that are still there. A pid file may be older than its process: only one
    /// whose command line has the bundle's path is ours.
    private static func conmons(in bundle: String) -> [(pid_t, UInt64?)] {
        // What cannot be read is not there any more.
        let execs = ((try? Files.list(bundle + "/exec")) ?? []).map { "\(bundle)/exec/\($0)" }
        return ([bundle] + execs).compactMap { directory in
            guard let text = try? Files.text(directory + "/conmon.pid"), let pid = pid_t(text.trimmed), pid > 1
            else { return nil }
            let start = Processes.startTime(of: pid)
            // It has ended meanwhile.
            guard let line = try? Files.text("/proc/\(pid)/cmdline"), line.contains(directory) else { return nil }
            return (pid, start)
        }
    }
}
