import Concurrency

/// What a follower of a prefix is told.
package enum StoreUpdate: Sendable, Equatable {
    /// Everything there is, replacing all that was told before.
    case snapshot(StoreListing)
    /// Changes since, in order.
    case events([StoreEvent])
    /// The store cannot be reached: what was told may be stale from now on, until the next snapshot or events.
    case stale
}

extension ObjectStore {
    /// Keeps a copy of a prefix up to date: lists, watches, and lists again when the revision wanted is no longer kept.
    ///
    /// Without quorum it tells `.stale` once and retries with a pause. Runs until cancelled, or until `receive` or the store throws what
    /// a retry does not mend.
    package func follow(
        _ prefix: String, retryAfter pause: Duration = .seconds(1),
        _ receive: @escaping @Sendable (StoreUpdate) async throws -> Void
    ) async throws {
        var revision: Int64?
        var stale = false
        while true {
            try Task.checkCancellation()
            do {
                if revision == nil {
                    let listing = try await list(prefix)
                    try await receive(.snapshot(listing))
                    revision = listing.revision
                    stale = false
                }
                let cursor = Cursor(revision ?? 0)
                defer { revision = cursor.revision }
                try await watch(prefix, after: cursor.revision) { events in
                    try await receive(.events(events))
                    cursor.advance(over: events)
                }
            } catch let error as StateStoreError {
                switch error.code {
                case .compacted, .watcherTooSlow: revision = nil
                case .unavailable, .outcomeUnknown:
                    if !stale { try await receive(.stale) }
                    stale = true
                    // A list tells the follower that the store is back, also when nothing has changed.
                    revision = nil
                    try await Task.sleep(for: pause)
                default: throw error
                }
            }
        }
    }

    /// The same as ``watch(_:after:receive:)``, as a sequence.
    ///
    /// - Parameter bound: How many batches may wait for the reader; one more ends the sequence with `.watcherTooSlow`.
    package func watch(_ prefix: String, after revision: Int64, bound: Int = 4096) -> AsyncThrowingStream<
        [StoreEvent], any Error
    > {
        AsyncThrowingStream(bufferingPolicy: .bufferingOldest(bound)) { continuation in
            // Bridges a scoped call to a sequence; ends with the sequence's consumer.
            let bridge = OwnedTasks()
            bridge.begin {
                do {
                    try await watch(prefix, after: revision) { events in
                        if case .dropped = continuation.yield(events) {
                            throw StateStoreError(.watcherTooSlow, "watch \(prefix)")
                        }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in bridge.cancel() }
        }
    }
}
