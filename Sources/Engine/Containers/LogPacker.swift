import Concurrency
import LinuxSystem
import Logging
import Logs
import Model

/// Packs the files of logs that nobody writes any more, where their containers ask for it (`compress`): one file after the other, 300 KB at a
/// time, on a thread that gives way to all others. Containers wait for nothing here.
///
/// A file waits until nobody has written it for a while. Those of a container that floods its output are gone by then: to pack them would take the
/// processor that conmon needs, for nothing.
///
/// Looked at when a log has begun a new file, and at all of them when the daemon begins: what an earlier instance of the daemon was at is finished or undone then.
final class LogPacker: Sendable {
    private struct State: Sendable {
        /// In order.
        var wanted: [String] = []
        /// What is being looked at.
        var present: String?
        /// Their files are going.
        var away: Set<String> = []
        /// They are looked at again in a moment.
        var resting: Set<String> = []
        var isEnding = false

        func goesOn(with id: String) -> Bool { !isEnding && !away.contains(id) }
    }

    static let restTime = Duration.seconds(5)

    private let paths: EnginePaths
    private let lock: KeyedLock<String>
    private let log: Logger
    private let state = ObservableValue(State())
    private let thread = WorkerThread()
    private let rests = OwnedTasks()
    private let restTime: Duration

    /// - Parameters:
    ///   - lock: Held by whoever numbers the files of a log.
    ///   - restTime: How long a file waits after it was written.
    init(paths: EnginePaths, lock: KeyedLock<String>, restTime: Duration = restTime, log: Logger) {
        self.restTime = restTime
        self.lock = lock
        self.log = log
        self.paths = paths
    }

    /// A log may have files to be packed. Waits for nothing.
    func want(_ ids: [String]) {
        state.change { state in
            for id in ids where !state.wanted.contains(id) && !state.away.contains(id) { state.wanted.append(id) }
        }
    }

    /// Leaves a log's files alone meanwhile; begins as soon as the thread has let go of them, within a few milliseconds.
    func keepAway<T: Sendable>(from id: String, while body: () async throws -> T) async rethrows -> T {
        state.change { state in
            state.away.insert(id)
            state.wanted.removeAll { $0 == id }
        }
        await uncancelled { [state] in
            // Not cancelled: it waits until it is so.
            _ = try? await state.wait { $0.present == id ? nil : true }
        }
        defer { state.change { _ = $0.away.remove(id) } }
        return try await body()
    }

    /// Until cancelled.
    func run() async {
        // Where it cannot be had, the thread works as others do.
        try? await thread.run { try giveWay() }
        await withTaskCancellationHandler {
            var settled: Set<String> = []
            // Cancelled: it ends.
            while !Task.isCancelled, (try? await state.wait({ $0.wanted.isEmpty ? nil : true })) != nil {
                state.change { state in
                    state.present = state.wanted.isEmpty ? nil : state.wanted.removeFirst()
                }
                if let id = state.value.present {
                    do { try await pack(id, &settled) } catch {
                        log.warning(
                            "a log's files could not be packed",
                            metadata: ["container": "\(id.prefix(12))", "error": "\(error)"])
                    }
                }
                state.change { $0.present = nil }
            }
        } onCancel: {
            state.change { $0.isEnding = true }
        }
    }

    private func pack(_ id: String, _ settled: inout Set<String>) async throws {
        let segments = LogSegments(path: paths.log(of: id))
        let (state, thread) = (state, thread)
        guard try await thread.run({ Files.isDirectory(segments.directory) }) else { return }
        if settled.insert(id).inserted {
            // A container that is gone is missed by nobody.
            if settled.count > 100_000 { settled = [id] }
            try await lock.run(id) { try await thread.run { try segments.settlePacking() } }
        }
        for number in try await thread.run({ try segments.unpacked() }) where state.value.goesOn(with: id) {
            let modified = try await thread.run { try segments.modified(number) }
            if let modified, case let rest = remaining(of: modified, now: .now), rest > .zero {
                // Those behind it are younger.
                return wantAfter(rest, id)
            }
            let packing = try await thread.run { try segments.pack(number) { state.value.goesOn(with: id) } }
            guard let packing else { continue }
            try await lock.run(id) { try await thread.run { try segments.commit(packing) } }
        }
    }

    /// How long a file has to wait yet. One of another time, as when the clock was set, does not.
    private func remaining(of modified: Int64, now: Timestamp) -> Duration {
        let age = Duration.nanoseconds(now.nanosecondsSinceEpoch &- modified)
        return age >= .zero ? restTime - age : .zero
    }

    private func wantAfter(_ rest: Duration, _ id: String) {
        var isNew = false
        state.change { isNew = $0.resting.insert(id).inserted }
        guard isNew else { return }
        rests.begin { [weak self] in
            // Cancelled: the daemon ends.
            guard (try? await Task.sleep(for: rest)) != nil, let self else { return }
            state.change { _ = $0.resting.remove(id) }
            want([id])
        }
    }
}
