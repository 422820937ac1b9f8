import Concurrency
import LinuxSystem
import LocalStore
package import Logging
import Model
import Synchronization

/// The log's file. Nobody waits for it: what cannot be written is in memory as long as there is room.
extension EventLog {
    /// Before what has happened is written, so that a burst is one write.
    static let writeDelay = Duration.milliseconds(100)
    /// How many are written in one go.
    static let writeLimit = 4096
    /// How many events the file of a node keeps, and of a manager, which has the other nodes' too.
    static let keptByNode = 20_000
    static let keptByManager = 100_000

    /// Opens the log that a node keeps in a file. One that cannot be used costs nothing but the events of before.
    package static func open(_ path: String, log: Logger) async -> EventLog {
        do {
            let store = try await EventStore.open(path)
            if let aside = store.setAside {
                log.error(
                    "the events of before could not be read and have been set aside", metadata: ["path": "\(aside)"])
            }
            let beginning = try await store.begin()
            let events = EventLog(id: beginning.log, store: store)
            events.state.withLock { state in
                state.last = beginning.position
                state.floor = beginning.position
                state.streams = Dictionary(beginning.streams.map { ($0.log, $0) }) { $1 }
                state.count = beginning.count
            }
            events.saved.set(events.state.withLock { $0.last })
            return events
        } catch {
            log.error("events are kept in memory only", metadata: ["error": "\(error)"])
            return EventLog()
        }
    }

    /// Keeps as many events as a manager does, or as a node. What is too many goes with the next write.
    package func keep(asManager isManager: Bool) {
        state.withLock { $0.mostKept = isManager ? Self.keptByManager : Self.keptByNode }
    }

    /// Writes what happens until cancelled, and then what is left.
    package func run(_ log: Logger) async {
        guard let store else { return }
        var isWorking = true
        while !Task.isCancelled {
            await unsaved.wait()
            // Cancelled it goes on to the last write.
            try? await Task.sleep(for: Self.writeDelay)
            isWorking = await write(to: store, isWorking, log)
        }
        _ = await write(to: store, isWorking, log)
    }

    /// - Parameter wasWorking: Whether the last write succeeded: a disk that fails is told of once.
    private func write(to store: EventStore, _ wasWorking: Bool, _ log: Logger) async -> Bool {
        var isWorking = wasWorking
        while let batch = nextBatch() {
            do {
                // Whoever ends the daemon does not take away what has happened.
                try await uncancelled {
                    try await store.append(batch.entries, streams: batch.streams, dropping: batch.excess)
                }
                if !isWorking { log.notice("events are written again") }
                isWorking = true
            } catch {
                if isWorking { log.error("events could not be written", metadata: ["error": "\(error)"]) }
                isWorking = false
            }
            saved.set(batch.last)
        }
        let lost = state.withLock { state in
            defer { state.lost = 0 }
            return state.lost
        }
        if lost > 0 { log.error("events came faster than they could be written", metadata: ["lost": "\(lost)"]) }
        return isWorking
    }

    private struct Batch {
        var entries: [LoggedEvent]
        var streams: [EventStore.EventStream]
        var excess: Int
        var last: Int64
    }

    private func nextBatch() -> Batch? {
        let saved = saved.value
        return state.withLock { state in
            let next = (state.events(after: max(saved, state.floor), limit: Self.writeLimit) ?? [])
            guard let last = next.last else { return nil }
            let entries = next.filter { SharedEvents.areKept($0.event) }
            // A tenth at a time, so that a write costs the same however many are kept.
            state.count += entries.count
            let excess = state.count > state.mostKept + state.mostKept / 10 ? state.count - state.mostKept : 0
            state.count -= excess
            let streams = last.position == state.last ? state.unsavedStreams.compactMap { state.streams[$0] } : []
            if last.position == state.last { state.unsavedStreams = [] }
            return Batch(entries: entries, streams: streams, excess: excess, last: last.position)
        }
    }

    /// Events that are in the file; none when it cannot be read.
    func read(_ selection: EventStore.Selection) async -> [LoggedEvent] {
        guard let store else { return [] }
        // A reader goes on with what is in memory.
        return (try? await store.read(selection)) ?? []
    }

    /// Whether events after a place are gone.
    func hasLost(after position: Int64) async -> Bool {
        guard let store else { return state.withLock { position < $0.floor } }
        // One that cannot be read has lost nothing that it knows of.
        return ((try? await store.dropped()) ?? 0) > position
    }

    /// - Throws: `LocalStoreError`.
    func close() async throws { try await store?.close() }
}
