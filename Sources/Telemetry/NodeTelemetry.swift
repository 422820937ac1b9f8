import Concurrency
package import LinuxSystem
package import Logging
import Model
import Synchronization

/// What telemetry asks of the engine.
package protocol TelemetrySource: Sendable {
    /// The containers that have processes now. Asked for on the sampler's thread, every ten seconds; may block for a moment.
    func sampleTargets() -> [SampleTarget]
}

/// Samples a node and its containers every ten seconds, on the wall clock's grid, and keeps what was sampled.
///
/// Nothing waits for it: history that cannot be written is counted, told once, and tried again.
package final class NodeTelemetry: Sendable {
    private struct State {
        var history: History?
        var isFailing = false
    }

    private static let openAgainSeconds: Int64 = 60

    package let sampler: Sampler
    private let source: any TelemetrySource
    private let path: String
    private let bounds: History.Bounds
    private let log: Logger
    private let state = Mutex(State())
    private let newest = ObservableValue<Snapshot?>(nil)

    /// - Parameters:
    ///   - path: Of the file for history.
    ///   - root: In the file system that the node's room is told of.
    package init(
        source: any TelemetrySource, layout: CgroupLayout, root: String, path: String,
        bounds: History.Bounds = History.Bounds(), log: Logger
    ) {
        self.bounds = bounds
        self.log = log
        self.path = path
        self.source = source
        sampler = Sampler(layout: layout, root: root)
    }

    /// What was sampled last; `nil` before the first time.
    package var snapshot: Snapshot? { newest.value }

    /// The next sample, as soon as there is one that is later than `time`, in seconds since 1970.
    /// - Throws: `CancellationError`.
    package func snapshot(after time: Int64) async throws -> Snapshot {
        try await newest.wait { snapshot in snapshot.flatMap { $0.time > time ? $0 : nil } }
    }

    /// What has been kept; `nil` when the file cannot be opened at present.
    package var history: History? { state.withLock { $0.history } }

    /// Samples until it is cancelled, and then writes what it has.
    package func run() async {
        await openHistory()
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.untilNext(Timestamp.now)) } catch { break }
            let now = max(0, Timestamp.now.seconds)
            await sample(at: now - now % TimeGrid.sampleSeconds)
        }
        let history = state.withLock { state in
            defer { state.history = nil }
            return state.history
        }
        do {
            // It is being cancelled, and has still to write.
            try await uncancelled { try await history?.close(at: Timestamp.now.seconds) }
        } catch {
            log.warning("the last metrics could not be kept", metadata: ["error": "\(error)"])
        }
    }

    /// How keeping goes.
    package var historyState: HistoryState {
        var state = HistoryState()
        guard let history else { return state }
        state.refused = history.refusedCount
        state.failures = history.failureCount
        return state
    }

    /// A sample of this moment that is not kept, for who cannot wait for the first.
    package func sampleOutside() async throws -> Snapshot {
        try await sampler.sample(at: max(0, Timestamp.now.seconds)) { self.source.sampleTargets() }
    }

    /// Until the clock's next multiple of ten seconds.
    static func untilNext(_ now: Timestamp) -> Duration {
        let past = ((now.seconds % TimeGrid.sampleSeconds) + TimeGrid.sampleSeconds) % TimeGrid.sampleSeconds
        return .seconds(TimeGrid.sampleSeconds - past) - .nanoseconds(now.nanoseconds)
    }

    /// One sample, kept and written as far as it is time for.
    /// - Parameter time: Seconds since 1970, a multiple of ten.
    package func sample(at time: Int64) async {
        let snapshot: Snapshot
        do { snapshot = try await sampler.sample(at: time) { self.source.sampleTargets() } } catch {
            return tell(error)
        }
        newest.set(snapshot)
        if history == nil, time % Self.openAgainSeconds == 0 { await openHistory() }
        guard let history else { return }
        history.add(
            [(Entity.node, snapshot.node)] + snapshot.containers.map { (Entity(.container, $0.target.id), $0.row) },
            at: time)
        do {
            try await history.flush(at: time)
            state.withLock { $0.isFailing = false }
        } catch { tell(error) }
    }

    private func openHistory() async {
        do {
            let history = try await History.open(path, bounds: bounds, now: Timestamp.now.seconds)
            if let aside = history.setAside {
                log.error("the history of metrics was damaged and has been set aside", metadata: ["path": "\(aside)"])
            }
            state.withLock { state in
                state.history = history
                state.isFailing = false
            }
        } catch { tell(error) }
    }

    /// Once, until it works again.
    private func tell(_ error: any Error) {
        let isNew = state.withLock { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        if isNew, !(error is CancellationError) {
            log.error("metrics are not kept at present", metadata: ["error": "\(error)"])
        }
    }
}
