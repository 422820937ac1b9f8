import Concurrency
package import Model
import Synchronization

/// A ``LogMerge`` between tasks: sources put their lines in and wait while too many of theirs are there, one reader takes them out.
package final class LogMerger<Source: Hashable & Sendable>: Sendable {
    /// What the reader is told.
    package enum Event: Sendable {
        case entries(Source, [LogEntry])
        /// Everything that was there at the beginning has been told; said once.
        case caughtUp
        /// Nothing more comes from this source, though it has not ended.
        case lost(Source)
        /// The source has not given a sign of life for a while; said once a silence.
        case quiet(Source)
        /// The reader's deadline has come.
        case idle
    }

    private struct State {
        var merge: LogMerge<Source>
        var isClosed = false
        var room: [Source: AsyncEvent] = [:]
    }

    /// Bytes of one source that may wait here; one part more may come on top.
    private static var roomBytes: Int { 256 << 10 }

    private let state: Mutex<State>
    private let wakeup = AsyncEvent()

    /// - Parameters:
    ///   - window: How long a line waits for sources that are late.
    ///   - timeout: After how long without a sign of life a source is given up; `nil` for never.
    ///   - awayTimeout: And one that is away.
    ///   - quiet: After how long without one ``Event/quiet(_:)`` tells it; `nil` for never.
    package init(window: Duration, timeout: Duration?, awayTimeout: Duration? = nil, quiet: Duration? = nil) {
        state = Mutex(
            State(merge: LogMerge(window: window, timeout: timeout, awayTimeout: awayTimeout, quiet: quiet)))
    }

    /// - Parameter isLive: Its past is not waited for.
    package func add(_ source: Source, isLive: Bool = false) {
        state.withLock { state in
            state.room[source] = AsyncEvent()
            state.merge.add(source, isLive: isLive, at: .now)
        }
        wakeup.signal()
    }

    /// A source cannot be heard at present, or can again. A reader that waits already heeds it after ``look()``.
    package func setAway(_ source: Source, _ isAway: Bool) {
        state.withLock { $0.merge.setAway(source, isAway, at: .now) }
    }

    /// Has the reader look at the time anew.
    package func look() { wakeup.signal() }

    /// No sources are added any more: the end comes when all have ended.
    package func close() {
        state.withLock { $0.isClosed = true }
        wakeup.signal()
    }

    /// Takes what a source tells, as soon as there is room for it. One call after the other for one source.
    /// - Throws: ``LogError`` when the source is not wanted any more.
    package func put(_ source: Source, _ part: LogPart) async throws {
        while true {
            let room = try state.withLock { state throws -> AsyncEvent? in
                guard state.merge.isOpen(source) else { throw LogError("these lines are not wanted any more") }
                if state.merge.waitingBytes(of: source) > Self.roomBytes { return state.room[source] }
                state.merge.take(source, part, at: .now)
                return nil
            }
            guard let room else { return wakeup.signal() }
            await room.wait()
            try Task.checkCancellation()
        }
    }

    /// Nothing more comes from a source.
    /// - Parameter isLost: It broke off.
    package func end(_ source: Source, isLost: Bool = false) {
        let room = state.withLock { state in
            state.merge.end(source, isLost: isLost)
            // Nothing is put in any more, and sources come and go as long as the reader stays.
            return state.room.removeValue(forKey: source)
        }
        room?.signal()
        wakeup.signal()
    }

    /// All that was written before then has been told or waits here.
    package var completeUntil: Timestamp? { state.withLock { $0.merge.completeUntil } }
    /// How many sources may still put something in.
    var openCount: Int { state.withLock { $0.room.count } }
    /// There is no source at present.
    package var isEmpty: Bool { state.withLock { $0.merge.isEmpty } }

    /// What comes next; `nil` at the end. One reader at a time.
    ///
    /// - Parameter deadline: Return ``Event/idle`` then.
    /// - Throws: `CancellationError`.
    package func next(by deadline: ContinuousClock.Instant? = nil) async throws -> Event? {
        while true {
            try Task.checkCancellation()
            let now = ContinuousClock.now
            let (step, isClosed) = state.withLock { ($0.merge.next(at: now), $0.isClosed) }
            var pause: ContinuousClock.Instant?
            switch step {
            case .entries(let source, let entries):
                state.withLock { $0.room[source] }?.signal()
                return .entries(source, entries)
            case .caughtUp: return .caughtUp
            case .lost(let source):
                state.withLock { $0.room.removeValue(forKey: source) }?.signal()
                return .lost(source)
            case .quiet(let source): return .quiet(source)
            case .wait(let until): pause = until
            case .exhausted: if isClosed { return nil }
            }
            if let deadline {
                if now >= deadline { return .idle }
                pause = min(pause ?? deadline, deadline)
            }
            await wakeup.wait(until: pause)
        }
    }
}
