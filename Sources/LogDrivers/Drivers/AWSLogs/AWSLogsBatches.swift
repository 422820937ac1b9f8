import Model

/// What one call of PutLogEvents may carry. Source: CloudWatch Logs API, "PutLogEvents".
enum AWSLogsBatches {
    static let mostBytes = 1_048_576
    static let mostEvents = 10_000
    /// Counted for each event besides its text.
    static let bytesOfEvent = 26
    static let longestSpanMilliseconds: Int64 = 24 * 3600 * 1000

    struct Event: Sendable, Equatable {
        /// Since 1970.
        var milliseconds: Int64
        /// Of its text.
        var byteCount: Int
    }

    /// Positions of the events that go into one call each, in chronological order, those of one millisecond in the order they were given.
    static func split(_ events: [Event]) -> [[Int]] {
        // Stable: an order that is there already is kept.
        let order = events.indices.sorted {
            (events[$0].milliseconds, $0) < (events[$1].milliseconds, $1)
        }
        var batches: [[Int]] = []
        var batch: [Int] = []
        var bytes = 0
        var first: Int64 = 0
        for index in order {
            let event = events[index]
            let size = event.byteCount + bytesOfEvent
            let isFull =
                bytes + size > mostBytes || batch.count >= mostEvents
                // A span of 24 hours is the longest that is taken.
                || event.milliseconds - first > longestSpanMilliseconds
            if isFull, !batch.isEmpty {
                batches.append(batch)
                (batch, bytes) = ([], 0)
            }
            if batch.isEmpty { first = event.milliseconds }
            batch.append(index)
            bytes += size
        }
        if !batch.isEmpty { batches.append(batch) }
        return batches
    }
}
