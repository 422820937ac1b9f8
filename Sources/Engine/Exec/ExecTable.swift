import EngineInterface
import LinuxSystem
import Model
import Synchronization

/// Commands that are to run, run or have run inside containers. They end with the daemon's knowledge of them: Docker
/// forgets them at a restart, too.
///
/// What has come to rest — ended, or made and never started — is kept for its maker to ask. A container's oldest go first, when
/// there are many of them, and none before its exit code was asked for or ``timeout`` is over.
final class ExecTable: Sendable {
    struct Entry: Sendable {
        let id: String
        let containerID: String
        let request: ExecRequest
        var isStarted = false
        var isRunning = false
        var exitCode: Int?
        var pid = 0
        /// Since when nothing has happened to it.
        fileprivate(set) var restsSince: ContinuousClock.Instant
        /// Somebody has been told that it has ended.
        fileprivate(set) var isAsked = false
    }

    /// How many of a container are at rest before the first is forgotten.
    static let usualCount = 128
    /// How long one is kept for somebody who has not asked yet. Docker's are kept for five to ten minutes.
    static let timeout = Duration.seconds(300)

    private struct State {
        var entries: [String: Entry] = [:]
        /// Ids of each container's at rest, the longest first; one that was started since may be among them.
        var resting: [String: [String]] = [:]
        /// At how many it is looked for those that can go.
        var thresholds: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> ContinuousClock.Instant

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    func create(containerID: String, _ request: ExecRequest) -> Entry {
        let entry = Entry(id: RandomID.docker(), containerID: containerID, request: request, restsSince: now())
        state.withLock { state in
            state.entries[entry.id] = entry
            rest(entry, &state)
        }
        return entry
    }

    /// - Throws: `.notFound` with `No such exec instance: X`.
    func find(_ id: String) throws -> Entry {
        guard let entry = state.withLock({ $0.entries[id] }) else { throw Self.unknown(id) }
        return entry
    }

    /// What there is to tell of an exec; that it has ended need not be kept for this asker any more.
    /// - Throws: `.notFound` with `No such exec instance: X`.
    func inspect(_ id: String) throws -> Entry {
        let found = state.withLock { state -> Entry? in
            guard let entry = state.entries[id] else { return nil }
            if entry.isStarted, !entry.isRunning { state.entries[id]?.isAsked = true }
            return entry
        }
        guard let found else { throw Self.unknown(id) }
        return found
    }

    func setProcess(_ id: String, _ pid: Int) { state.withLock { $0.entries[id]?.pid = pid } }

    /// Marks an exec as started.
    /// - Throws: `.conflict` when it was started before.
    func begin(_ id: String) throws -> Entry {
        try state.withLock { state throws(ExecError) in
            guard var entry = state.entries[id] else { throw Self.unknown(id) }
            if entry.isStarted {
                throw entry.isRunning ? ExecError.alreadyRunning(id) : ExecError.alreadyRun(id)
            }
            entry.isStarted = true
            entry.isRunning = true
            state.entries[id] = entry
            return entry
        }
    }

    /// Puts on record how an exec has ended.
    func end(_ id: String, _ exitCode: Int) {
        state.withLock { state in
            guard var entry = state.entries[id] else { return }
            entry.isRunning = false
            entry.exitCode = exitCode
            entry.restsSince = now()
            state.entries[id] = entry
            rest(entry, &state)
        }
    }

    func running(in containerID: String) -> [String] {
        state.withLock { state in
            state.entries.values.filter { $0.containerID == containerID && $0.isRunning }.map(\.id).sorted()
        }
    }

    func forget(containerID: String) {
        state.withLock { state in
            for entry in state.entries.values where entry.containerID == containerID { state.entries[entry.id] = nil }
            state.resting[containerID] = nil
            state.thresholds[containerID] = nil
        }
    }

    private static func unknown(_ id: String) -> ExecError { ExecError.notFound(id) }

    private func rest(_ entry: Entry, _ state: inout State) {
        let container = entry.containerID
        var queue = state.resting[container] ?? []
        queue.append(entry.id)
        // Looked through only now and then: those that must be kept are passed over each time.
        if queue.count > state.thresholds[container] ?? Self.usualCount {
            queue = trimmed(queue, &state)
            state.thresholds[container] = max(Self.usualCount, queue.count + queue.count / 4)
        }
        state.resting[container] = queue
    }

    /// Forgets the oldest that may go until there are no more than usual, and answers those that stay.
    private func trimmed(_ queue: [String], _ state: inout State) -> [String] {
        let timestamp = now()
        // An exec is in the queue once for its creation and once for its end, the place that counts.
        var seen: Set<String> = []
        let present = queue.reversed().filter { id in
            guard let entry = state.entries[id], !entry.isRunning else { return false }
            return seen.insert(id).inserted
        }
        var surplus = present.count - Self.usualCount
        var kept: [String] = []
        for id in present.reversed() {
            guard let entry = state.entries[id] else { continue }
            if surplus > 0, entry.isAsked || entry.restsSince.duration(to: timestamp) >= Self.timeout {
                surplus -= 1
                state.entries[id] = nil
            } else {
                kept.append(id)
            }
        }
        return kept
    }
}
