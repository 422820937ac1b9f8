import Concurrency

/// What a tab has still to be told. Bounded: of a reader that is slow the state is told as it is then, the oldest events and lines are left out,
/// and their number is told.
final class StreamOutbox: Sendable {
    static let mostEvents = 500
    static let mostLines = 2000

    struct Waiting: Sendable {
        var revision: UInt64?
        var events: [EventView] = []
        var lines: [DashboardLogLine] = []
        var skippedEvents = 0
        var skippedLines = 0
        /// A code, when the tail cannot go on.
        var tailProblem: String?
        var isDue = false
        var isOver = false
        var isSignedOut = false

        var isEmpty: Bool {
            revision == nil && events.isEmpty && lines.isEmpty && tailProblem == nil && !isDue && !isOver
        }
    }

    private let waiting = ObservableValue(Waiting())

    func offer(revision: UInt64) { waiting.change { $0.revision = revision } }

    func offer(_ event: EventView) {
        waiting.change { waiting in
            waiting.events.append(event)
            if waiting.events.count > Self.mostEvents {
                waiting.events = Array(waiting.events.suffix(Self.mostEvents))
                waiting.skippedEvents += 1
            }
        }
    }

    func offer(_ lines: [DashboardLogLine]) {
        waiting.change { waiting in
            waiting.lines += lines
            let excess = waiting.lines.count - Self.mostLines
            guard excess > 0 else { return }
            waiting.lines = Array(waiting.lines.suffix(Self.mostLines))
            waiting.skippedLines += excess
        }
    }

    func endTail(_ problem: String) { waiting.change { $0.tailProblem = problem } }
    func ping() { waiting.change { $0.isDue = true } }
    func end(signedOut: Bool = false) {
        waiting.change { waiting in
            waiting.isOver = true
            waiting.isSignedOut = signedOut
        }
    }

    /// Waits until there is something, and takes it all.
    func take() async throws -> Waiting {
        try await waiting.wait { $0.isEmpty ? nil : () }
        var taken = Waiting()
        waiting.change { waiting in
            taken = waiting
            waiting = Waiting()
        }
        return taken
    }
}
