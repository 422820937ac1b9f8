import Concurrency
import EngineInterface
import LinuxSystem
import NIOCore
import Synchronization

/// The terminals that are open. Each is its operator's alone, has one reader, and goes with it.
final class Terminals: Sendable {
    /// Of one user, and altogether.
    static let perUser = 4
    static let most = 32
    /// So long one may have no reader.
    private static let longestUnread = Duration.seconds(20)

    private struct Open {
        var user: String
        /// `nil` while it is being opened.
        var terminal: OpenTerminal?
        var isRead = false
    }

    private let open = Mutex<[String: Open]>([:])
    private let watches = OwnedTasks()

    /// - Returns: The name by which it is asked for: 256 random bits.
    /// - Throws: ``DashboardError`` with `.tooMany`; what `make` throws.
    func open(for user: String, _ make: () async throws -> any DashboardTerminal) async throws -> String {
        let id = RandomID.docker()
        let isTaken = open.withLock { open in
            guard open.count < Self.most, open.values.count(where: { $0.user == user }) < Self.perUser else {
                return false
            }
            open[id] = Open(user: user)
            return true
        }
        guard isTaken else { throw DashboardError(.tooMany) }
        do {
            let terminal = OpenTerminal(try await make())
            open.withLock { $0[id]?.terminal = terminal }
        } catch {
            open.withLock { _ = $0.removeValue(forKey: id) }
            throw error
        }
        watches.begin { [weak self] in
            // Cancelled: all of them go.
            guard (try? await Task.sleep(for: Self.longestUnread)) != nil, let self else { return }
            if open.withLock({ $0[id]?.isRead == false }) { await close(id, of: user) }
        }
        return id
    }

    /// - Throws: ``DashboardError`` with `.notFound`, also for another's.
    func terminal(_ id: String, of user: String) throws -> OpenTerminal {
        let found = open.withLock { $0[id].flatMap { $0.user == user ? $0.terminal : nil } }
        guard let found else { throw DashboardError(.notFound) }
        return found
    }

    /// Its one reader has come.
    /// - Throws: ``DashboardError`` with `.notFound`, also where there is one already.
    func read(_ id: String, of user: String) throws -> OpenTerminal {
        let found = open.withLock { open -> OpenTerminal? in
            guard let entry = open[id], entry.user == user, !entry.isRead, entry.terminal != nil else { return nil }
            open[id]?.isRead = true
            return entry.terminal
        }
        guard let found else { throw DashboardError(.notFound) }
        return found
    }

    func close(_ id: String, of user: String) async {
        let found = open.withLock { $0[id]?.user == user ? $0.removeValue(forKey: id) : nil }
        guard let terminal = found?.terminal else { return }
        // Whoever looked may be why this task is cancelled: the shell is told all the same.
        await uncancelled { await terminal.close() }
    }
}

/// One terminal, and what it has written that nobody has read yet. That is bounded: what nobody reads holds the process up.
final class OpenTerminal: Sendable {
    private static let most = 256 << 10

    private struct State {
        var bytes = ByteBuffer()
        var isOver = false
        var isAbandoned = false
        var isInDoubt = false
    }

    /// What there is to be told.
    struct Waiting: Sendable {
        var bytes: ByteBuffer
        var isOver: Bool
        /// Whoever read has gone.
        var isAbandoned: Bool
        /// Accounts are others: whoever reads is to be judged again.
        var isInDoubt: Bool
    }

    let terminal: any DashboardTerminal
    private let state = Mutex(State())
    private let arrival = AsyncEvent()
    private let room = AsyncEvent()
    private let pump = OwnedTasks()

    init(_ terminal: any DashboardTerminal) {
        self.terminal = terminal
        let output = terminal.output
        pump.begin { [weak self] in
            do {
                for try await chunk in output {
                    guard await self?.put(chunk.bytes) == true else { return }
                }
            } catch {
                // The node has gone, or the reader was too slow: what came until then is all.
            }
            self?.end()
        }
    }

    private func put(_ bytes: ByteBuffer) async -> Bool {
        while state.withLock({ $0.bytes.readableBytes > Self.most }) {
            if Task.isCancelled { return false }
            await room.wait()
        }
        state.withLock { _ = $0.bytes.writeImmutableBuffer(bytes) }
        arrival.signal()
        return true
    }

    private func end() {
        state.withLock { $0.isOver = true }
        arrival.signal()
    }

    /// What has come since the last call, within so long; empty when nothing has.
    func take(within time: Duration) async -> Waiting {
        let deadline = ContinuousClock.now + time
        while true {
            let waiting = state.withLock { state in
                defer {
                    state.bytes = ByteBuffer()
                    state.isInDoubt = false
                }
                return Waiting(
                    bytes: state.bytes, isOver: state.isOver, isAbandoned: state.isAbandoned, isInDoubt: state.isInDoubt
                )
            }
            room.signal()
            if waiting.isOver || waiting.isAbandoned || waiting.isInDoubt || waiting.bytes.readableBytes > 0
                || .now >= deadline
                || Task.isCancelled
            {
                return waiting
            }
            await arrival.wait(until: deadline)
        }
    }

    /// There is nobody left to be told anything.
    func abandon() {
        state.withLock { $0.isAbandoned = true }
        arrival.signal()
    }

    /// Accounts are others.
    func doubt() {
        state.withLock { $0.isInDoubt = true }
        arrival.signal()
    }

    func close() async {
        pump.cancel()
        await terminal.leave()
    }
}
