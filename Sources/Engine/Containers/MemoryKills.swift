import Model
import Synchronization
import Telemetry

/// Tells of processes that the kernel has killed for want of memory (event `oom`), whether their container goes on or has ended with them.
///
/// A container's control group counts them, and every sample has its count. What was counted since the last one is told with the container's end.
final class MemoryKills: Sendable {
    private struct Count {
        /// Which of the container's lives, in seconds since 1970.
        var startedAt: Int64
        var told: Int64
        /// By the end.
        var counted: Int64?
        /// Of looks at which it was not there: its end may not have been told yet.
        var misses = 0
    }

    /// Looks until what has gone is forgotten.
    private static let mostMisses = 2

    private let counts = Mutex<[String: Count]>([:])
    private let beganAt: Int64

    /// - Parameter now: What was counted before, of containers that had been started before, an earlier daemon has told.
    init(now: Timestamp = .now) { beganAt = now.seconds }

    /// The containers with more kills than at the look before.
    func untold(in snapshot: Snapshot) -> [String] {
        counts.withLock { counts in
            for id in counts.keys { counts[id]?.misses += 1 }
            let untold = snapshot.containers.compactMap { sample -> String? in
                guard let kills = sample.row[ContainerSeries.outOfMemoryKills] else { return nil }
                let (id, startedAt) = (sample.target.id, sample.target.startedAt)
                var count =
                    counts[id].flatMap { $0.startedAt == startedAt ? $0 : nil }
                    ?? Count(startedAt: startedAt, told: startedAt >= beganAt ? 0 : kills)
                let isMore = kills > count.told
                count.told = max(count.told, kills)
                count.misses = 0
                counts[id] = count
                return isMore ? id : nil
            }
            counts = counts.filter { $0.value.misses <= Self.mostMisses }
            return untold
        }
    }

    /// A container's process has ended.
    /// - Parameter kills: Counted by then; `nil` where that is not known.
    func ended(_ id: String, kills: Int64?) { counts.withLock { $0[id]?.counted = kills } }

    /// Whether the last kills of a container that has ended, and was ended by such a one or had any, have not been told. Its next life begins anew.
    func takeUntold(_ id: String) -> Bool {
        guard let count = counts.withLock({ $0.removeValue(forKey: id) }) else { return true }
        return count.counted.map { $0 > count.told } ?? (count.told == 0)
    }
}
