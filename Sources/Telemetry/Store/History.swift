import Logging
import Synchronization

/// The history of this node and its containers: samples that have come in the present ten minutes, and what is on disk.
///
/// A block is written when it is over, and as far as it has come every two minutes: that much is lost when the daemon is killed.
package final class History: Sendable {
    /// Bounds of what is kept.
    package struct Bounds: Sendable {
        /// Of the file.
        package var quotaBytes: Int64 = 256 << 20
        /// Entities at one time; more are left out and counted.
        package var entities = 4096
        /// Blocks that wait for a disk that takes nothing; there may be twice as many before the oldest go.
        package var waiting = 8192
        package init() {}
    }

    struct OpenBlock {
        var number: Int64
        var writer: BlockWriter
        /// The last row before the block, when it was not long before.
        var before: SampleRow?
    }

    private struct State {
        var open: [Entity: OpenBlock] = [:]
        /// Blocks that are over and not on disk yet.
        var over: [MetricsStore.Write] = []
        /// Of these, what is being written.
        var underWay: [MetricsStore.Write] = []
        var refused = 0
        var failures = 0

        /// Keeps a block that is over until it is written.
        /// - Parameter most: Of more the oldest are given up, half of them at a time.
        mutating func keep(_ open: OpenBlock, of entity: Entity, most: Int) {
            guard !open.writer.isEmpty else { return }
            over.append(
                MetricsStore.Write(
                    entity: entity, number: open.number, block: open.writer.bytes, before: open.before))
            if over.count >= 2 * most { over = Array(over.suffix(most)) }
        }
    }

    /// Of ticks between two writes of a block that is not over; entities take turns.
    static let phases: Int64 = 12

    let store: MetricsStore
    private let bounds: Bounds
    private let state = Mutex(State())

    private init(store: MetricsStore, bounds: Bounds) {
        self.store = store
        self.bounds = bounds
    }

    /// Opens the file, or makes it, and goes on with the blocks of the present ten minutes.
    /// - Throws: ``MetricsStoreError``.
    package static func open(_ path: String, bounds: Bounds = Bounds(), now: Int64) async throws -> History {
        let store = try await MetricsStore.open(path)
        let number = TimeGrid.block(at: now)
        let history = History(store: store, bounds: bounds)
        for stored in try await store.blocks(number).prefix(bounds.entities) {
            let writer: BlockWriter
            do {
                writer = try BlockWriter(resuming: stored.bytes, slots: TimeGrid.blockSlots)
            } catch {
                continue  // It is begun anew.
            }
            history.state.withLock {
                $0.open[stored.entity] = OpenBlock(number: number, writer: writer, before: nil)
            }
        }
        return history
    }

    /// Where a damaged file was put while opening.
    package var setAside: String? { store.file.setAside }
    /// Samples that were left out because there are too many entities.
    package var refusedCount: Int { state.withLock { $0.refused } }
    /// Writes that have failed.
    package var failureCount: Int { state.withLock { $0.failures } }

    /// Adds samples of one moment. Nothing waits; ``flush(at:)`` writes.
    /// - Parameter time: Seconds since 1970.
    package func add(_ rows: [(entity: Entity, row: SampleRow)], at time: Int64) {
        let (number, slot) = (TimeGrid.block(at: time), TimeGrid.slot(at: time))
        state.withLock { state in
            for (entity, row) in rows {
                if var open = state.open[entity] {
                    // Not copied: the table must not hold it as well while it grows.
                    state.open[entity] = nil
                    if open.number != number {
                        state.keep(open, of: entity, most: bounds.waiting)
                        Self.turn(&open, of: entity, to: number, slot)
                    }
                    open.writer.append(row, at: slot)
                    state.open[entity] = open
                } else if state.open.count < bounds.entities {
                    var open = OpenBlock(
                        number: number, writer: BlockWriter(columns: entity.kind.columns.count), before: nil)
                    open.writer.append(row, at: slot)
                    state.open[entity] = open
                } else {
                    state.refused += 1
                }
            }
        }
    }

    private static func turn(_ open: inout OpenBlock, of entity: Entity, to number: Int64, _ slot: Int) {
        let follows = open.number + 1 == number && open.writer.slot == TimeGrid.blockSlots - 1 && slot == 0
        open = OpenBlock(
            number: number, writer: BlockWriter(columns: entity.kind.columns.count),
            before: follows ? open.writer.row : nil)
    }

    /// Writes what is over and a part of what is not; blocks of entities that there are no samples of any more are over, too.
    /// - Parameter whole: Everything, as before the daemon ends.
    package func flush(at time: Int64, whole: Bool = false) async throws {
        let number = TimeGrid.block(at: time)
        let phase = max(0, time) / TimeGrid.sampleSeconds % Self.phases
        let (over, writes) = state.withLock { state in
            for (entity, open) in state.open where open.number != number {
                state.keep(open, of: entity, most: bounds.waiting)
                state.open[entity] = nil
            }
            let over = state.over
            (state.underWay, state.over) = (over, [])
            let partial = state.open.filter { whole || Self.phase(of: $0.key) == phase }
            return (
                over,
                over
                    + partial.map { entity, open in
                        MetricsStore.Write(
                            entity: entity, number: open.number, block: open.writer.bytes, before: open.before)
                    }
            )
        }
        do {
            try await store.write(writes, now: time, quota: bounds.quotaBytes)
            state.withLock { $0.underWay = [] }
        } catch {
            // What is over is tried again with the next; of what is not over more comes anyway.
            state.withLock { state in
                state.failures += 1
                state.underWay = []
                state.over = Array((over + state.over).suffix(bounds.waiting))
            }
            throw error
        }
    }

    /// When it is an entity's turn: the same from one instance of the daemon to the next.
    private static func phase(of entity: Entity) -> Int64 {
        Int64(clamping: entity.name.utf8.reduce(0) { ($0 &* 31 &+ UInt64(clamping: $1)) & 0xffff }) % phases
    }

    /// Writes what there is and ends all use.
    package func close(at time: Int64) async throws {
        try await flush(at: time, whole: true)
        try await store.close()
    }

    /// Blocks that are not on disk, or not as far, by entity.
    func unwritten(_ entities: Set<Entity>) -> [MetricsStore.Stored] {
        state.withLock { state in
            (state.underWay + state.over).filter { entities.contains($0.entity) }.map {
                MetricsStore.Stored(number: $0.number, entity: $0.entity, bytes: $0.block)
            }
                + entities.compactMap { entity in
                    state.open[entity].map {
                        MetricsStore.Stored(number: $0.number, entity: entity, bytes: $0.writer.bytes)
                    }
                }
        }
    }
}
