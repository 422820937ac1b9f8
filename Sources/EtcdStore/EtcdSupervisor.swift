import LinuxSystem
package import Logging
import StateStore
import Synchronization

/// Keeps this node's etcd running: starts it, adopts one that an earlier daemon has started, starts it again when it dies, and makes room
/// when its quota is used up.
///
/// Ending ``run()`` leaves etcd running; only ``stop()`` ends it, for leaving the swarm and demotion.
package final class EtcdSupervisor: Sendable {
    private static let initialBackoff = Duration.milliseconds(200)
    private static let maximumBackoff = Duration.seconds(10)
    /// A run longer than this was none that failed at start.
    private static let steadyRun = Duration.seconds(30)
    private static let upkeepPeriod = Duration.seconds(30)
    private static let probePause = Duration.milliseconds(50)

    package let configuration: EtcdConfiguration
    /// Works while ``run()`` runs and etcd is ready.
    package let connection: EtcdConnection
    /// What the store's values are sealed with.
    package let keys: SealingKeys
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var isStopping = false
        var process: EtcdProcess?
        var starts = 0
    }

    /// Starts nothing yet.
    /// - Throws: ``EtcdError`` with `.pathTooLong` when the sockets' paths would not fit (unix(7)).
    package init(_ configuration: EtcdConfiguration, keys: SealingKeys = SealingKeys(), logger: Logger) throws {
        guard configuration.socket.utf8.count <= EtcdConfiguration.maximumSocketPath else {
            throw EtcdError(.pathTooLong, configuration.socket)
        }
        self.configuration = configuration
        self.keys = keys
        self.logger = logger
        connection = try EtcdConnection(socket: configuration.socket, logger: logger)
    }

    package var store: EtcdObjectStore { EtcdObjectStore(connection, keys: keys) }
    package var members: EtcdMembers { EtcdMembers(connection) }
    package var maintenance: EtcdMaintenance { EtcdMaintenance(connection) }

    /// The process that runs at present.
    package var pid: Int32? { state.withLock { $0.process?.pid } }
    /// How often this supervisor has started one; 0 after adopting.
    package var starts: Int { state.withLock { $0.starts } }

    /// Supervises until cancelled or stopped.
    ///
    /// - Throws: ``EtcdError``: `.missingProgram`; `.removed` when the other members have removed this one.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.connection.run() }
            group.addTask { try await self.supervise() }
            group.addTask { try await self.upkeep() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Waits until reads and writes work, with a quorum of members, and it is the process of this supervisor that answers: one of an
    /// earlier daemon may be about to be replaced.
    ///
    /// - Throws: ``EtcdError`` `.notReady` with etcd's own reason if it gave one.
    package func waitUntilReady(within limit: Duration = .seconds(30)) async throws {
        let end = ContinuousClock.now + limit
        var last = "no answer"
        while ContinuousClock.now < end {
            do {
                let status = try await maintenance.status()
                if status.isReady, pid != nil { return }
                last = status.errors.first ?? (status.isLearner ? "still a learner" : "no leader")
            } catch let error as StateStoreError {
                last = error.debugDescription
            }
            try await Task.sleep(for: Self.probePause)
        }
        let configuration = configuration
        throw EtcdError(.notReady, try await onThread { try EtcdProcess.lastFatal(configuration) } ?? last)
    }

    /// Waits until the member answers: with a quorum, or, for at least `timeout`, without one.
    ///
    /// - Returns: Whether reads and writes work; `false` when only stale reads do.
    /// - Throws: ``EtcdError`` `.notReady`, as for a learner that does not get in sync.
    package func waitForAnswer(
        timeout: Duration = .seconds(5), within limit: Duration = .seconds(30)
    ) async throws -> Bool {
        let end = ContinuousClock.now + limit
        var leaderlessSince: ContinuousClock.Instant?
        while ContinuousClock.now < end {
            // Not answering yet is one of the states waited through.
            let status = try? await maintenance.status()
            try Task.checkCancellation()
            if let status, pid != nil {
                if status.isReady { return true }
                let isLeaderless = status.leaderID == 0 && !status.isLearner
                leaderlessSince = isLeaderless ? leaderlessSince ?? .now : nil
                if let leaderlessSince, ContinuousClock.now - leaderlessSince > timeout { return false }
            }
            try await Task.sleep(for: Self.probePause)
        }
        try await waitUntilReady(within: .zero)
        return true
    }

    /// Makes a store of this member alone from its data, for when the others are lost for good. To be called while nothing else runs
    /// this member; it is not running afterwards, and can be run by this supervisor then.
    package func forceNewCluster() async throws {
        try await endProcess()
        var configuration = configuration
        configuration.forcesNewCluster = true
        let alone = try EtcdSupervisor(configuration, logger: logger)
        let url = configuration.peerURL
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await alone.run() }
            group.addTask {
                try await alone.waitUntilReady()
                let status = try await alone.maintenance.status()
                try await alone.members.update(status.memberID, peerURL: url)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        try await alone.stop()
    }

    /// Ends etcd for good, whether ``run()`` runs or not; the data stays.
    package func stop() async throws {
        state.withLock { $0.isStopping = true }
        try await endProcess()
    }

    private func endProcess() async throws {
        let configuration = configuration
        if let process = try await onThread({ try EtcdProcess.running(configuration) }) { try await process.end() }
        try await onThread {
            for file in configuration.sockets + [configuration.pidFile] { try Files.remove(file) }
        }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func supervise() async throws {
        var pause = Self.initialBackoff
        while !isStopping {
            let begun = ContinuousClock.now
            let process: EtcdProcess
            do {
                process = try await adoptOrStart()
            } catch let error as SystemError {
                // As a full disk: it may pass.
                logger.error("etcd could not be started", metadata: ["error": "\(error)"])
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.maximumBackoff)
                continue
            }
            state.withLock { $0.process = process }
            let status = try await process.wait()
            state.withLock { $0.process = nil }
            if isStopping { return }
            // A member that the others have removed ends by itself and with 0, now and on each start with its old data.
            if status == .exited(0) { throw EtcdError(.removed, "etcd has ended by itself") }
            let configuration = configuration
            let reason = try await onThread { try EtcdProcess.lastFatal(configuration) }
            logger.error(
                "etcd has ended, starting it again",
                metadata: [
                    "status": "\(status.map { "\($0)" } ?? "unknown")", "pause": "\(pause)",
                    "reason": "\(reason ?? "not in its log")",
                ])
            if ContinuousClock.now - begun > Self.steadyRun { pause = Self.initialBackoff }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, Self.maximumBackoff)
        }
    }

    private func adoptOrStart() async throws -> EtcdProcess {
        let configuration = configuration
        if let running = try await onThread({ try EtcdProcess.running(configuration) }) {
            if running.matches(configuration) {
                logger.info("etcd adopted", metadata: ["pid": "\(running.pid)"])
                try await prefer(running, orTell: .notice)
                return running
            }
            logger.notice(
                "etcd runs with other settings than wanted, starting it again", metadata: ["pid": "\(running.pid)"])
            try await running.end()
        }
        let process = try await onThread { try EtcdProcess.start(configuration) }
        state.withLock { $0.starts += 1 }
        logger.info("etcd started", metadata: ["pid": "\(process.pid)"])
        try await prefer(process, orTell: .notice)
        return process
    }

    /// Its beats and its log come first, whatever else the node does: a leader that is late costs an election. It works without, too.
    private func prefer(_ process: EtcdProcess, orTell level: Logger.Level) async throws {
        do {
            try await onThread { try process.goFirst() }
        } catch let error as SystemError {
            logger.log(
                level: level, "etcd gets no priority", metadata: ["pid": "\(process.pid)", "error": "\(error)"])
        }
    }

    /// What a running etcd needs now and then.
    private func upkeep() async throws {
        while true {
            try await Task.sleep(for: Self.upkeepPeriod)
            do {
                if try await maintenance.freeSpaceIfFull() {
                    logger.warning("the store's quota was used up: old revisions removed")
                }
            } catch let error as StateStoreError {
                logger.debug("the store's alarms are not known", metadata: ["error": "\(error.debugDescription)"])
            }
            if let process = state.withLock({ $0.process }) { try await prefer(process, orTell: .debug) }
            try await endIfUnreachable()
        }
    }

    /// An etcd whose socket somebody has removed answers nobody and does not notice: it is started again.
    private func endIfUnreachable() async throws {
        guard let process = state.withLock({ $0.process }), !isStopping, !Files.exists(configuration.socket) else {
            return
        }
        logger.error("etcd's socket is gone, starting it again", metadata: ["pid": "\(process.pid)"])
        try await process.end()
    }
}
