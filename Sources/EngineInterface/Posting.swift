package import Model
import Synchronization

/// How posting to a receiver over HTTP goes. What counts up begins with the daemon.
package struct PostingState: Sendable, Equatable {
    /// As the user knows it, without secrets.
    package var address: String
    /// Why the receiver counts as down; `nil` while it does not.
    package var error: String?
    /// Requests that the receiver has taken.
    package var accepted = 0
    /// Those that it has not, and those that it has not answered.
    package var failed = 0
    /// What the receiver would not have of requests that it took.
    package var refused = 0
    /// What was given up before it could be posted.
    package var lost = 0
    /// How many wait at present.
    package var waiting = 0

    package init(address: String) { self.address = address }

    package var isDown: Bool { error != nil }
}

/// Keeps how posting goes, and says when that is news.
package final class PostingWatch: Sendable {
    /// What somebody is to be told, once.
    package enum News: Sendable, Equatable {
        case down(String)
        case up
    }

    private struct State {
        var posting: PostingState
        /// In a row.
        var failures = 0
    }

    private let failuresOfDown: Int
    private let current: Mutex<State>

    /// - Parameter failuresOfDown: So many in a row, and the receiver counts as down.
    package init(address: String, failuresOfDown: Int) {
        self.failuresOfDown = failuresOfDown
        current = Mutex(State(posting: PostingState(address: address)))
    }

    package var state: PostingState { current.withLock { $0.posting } }

    /// The receiver has taken a request, but for so much of it.
    package func succeeded(refused: Int = 0) -> News? {
        current.withLock { current in
            current.posting.accepted += 1
            current.posting.refused += refused
            current.failures = 0
            guard current.posting.isDown else { return nil }
            current.posting.error = nil
            return .up
        }
    }

    /// A request was not taken.
    package func failed(_ error: String) -> News? {
        current.withLock { current in
            current.posting.failed += 1
            current.failures += 1
            guard current.failures >= failuresOfDown else { return nil }
            let isNews = !current.posting.isDown
            current.posting.error = error
            return isNews ? .down(error) : nil
        }
    }

    /// So much was given up.
    package func lost(_ count: Int) { current.withLock { $0.posting.lost += count } }
}

extension PostingWatch.News {
    /// The event that tells it: of type `daemon`, with the receiver and why.
    /// - Parameter what: How its action begins, as in `metrics-push` of `metrics-push-down`.
    package func event(_ what: String, of address: String) -> EngineEvent {
        switch self {
        case .down(let error):
            EngineEvent(
                type: "daemon", action: what + "-down", actorID: "", attributes: ["receiver": address, "error": error])
        case .up: EngineEvent(type: "daemon", action: what + "-up", actorID: "", attributes: ["receiver": address])
        }
    }
}
