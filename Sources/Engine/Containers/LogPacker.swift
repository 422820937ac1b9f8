import Concurrency
import Glibc
import LinuxSystem
import Logging
import Logs

/// Packs the files of logs that nobody writes any more, where their containers ask for it (`compress`): one file after the other, 300 KB at a
/// time, on a thread that gives way to all others. Containers wait for nothing here.
///
/// Looked at when a log has begun a new file, and at all of them when the daemon begins: what an earlier life was at is finished or undone then.
final class LogPacker: Sendable {
    private struct State: Sendable {
        /// In order.
        var wanted: [String] = []
        /// What is being looked at.
        var present: String?
        /// Their files are going.
        var away: Set<String> = []
        var isEnding = false

        func goesOn(with id: String) -> Bool { !isEnding && !away.contains(id) }
    }

    /// How much less the thread is worth than others (nice(2)).
    private static let niceness: CInt = 10

    private let paths: EnginePaths
    private let lock: KeyedLock<String>
    private let log: Logger
    private let state = ObservableValue(State())
    private let thread = WorkerThread()

    /// - Parameter lock: Held by whoever numbers the files of a log.
    init(paths: EnginePaths, lock: KeyedLock<String>, log: Logger) {
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
        try? await thread.run { _ = setpriority(CInt(clamping: PRIO_PROCESS.rawValue), 0, Self.niceness) }
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
        if settled.insert(id).inserted {
            // A container that is gone is missed by nobody.
            if settled.count > 100_000 { settled = [id] }
            try await lock.run(id) { try await thread.run { try segments.settlePacking() } }
        }
        for number in try await thread.run({ try segments.unpacked() }) where state.value.goesOn(with: id) {
            let packing = try await thread.run { try segments.pack(number) { state.value.goesOn(with: id) } }
            guard let packing else { continue }
            try await lock.run(id) { try await thread.run { try segments.commit(packing) } }
        }
    }
}
