import GRPCCore
package import StateStore
import SwiftProtobuf
import Synchronization

extension EtcdObjectStore {
    /// A sign of life is due each 10 s (``EtcdConfiguration``); without one for this long the watch is taken for dead.
    private static let silence = Duration.seconds(25)
    private static let silenceCheck = Duration.seconds(5)

    package func watch(
        _ prefix: String, after revision: Int64, receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
    ) async throws {
        var create = Etcdserverpb_WatchCreateRequest()
        create.key = StoreKey(path: prefix).bytes
        create.rangeEnd = StoreKey.end(ofPrefix: prefix)
        create.startRevision = revision + 1
        create.progressNotify = true
        // Without this etcd may send more in one message than the client takes, for ever on each retry.
        create.fragment = true
        try await watch(create, "watch \(prefix)", receive)
    }

    /// Runs a watch until it fails or is cancelled; a watch that is silent for too long has failed.
    func watch(
        _ create: Etcdserverpb_WatchCreateRequest, _ what: String,
        _ receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
    ) async throws {
        let pulse = Pulse()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await EtcdConnection.call(what) { try await self.stream(create, what, pulse, receive) }
                try Task.checkCancellation()
                throw StateStoreError(.unavailable, what, detail: "the watch has ended")
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.silenceCheck)
                    if pulse.isSilent(longerThan: Self.silence) {
                        throw StateStoreError(.unavailable, what, detail: "no sign of life for \(Self.silence)")
                    }
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func stream(
        _ create: Etcdserverpb_WatchCreateRequest, _ what: String, _ pulse: Pulse,
        _ receive: @escaping @Sendable ([StoreEvent]) async throws -> Void
    ) async throws {
        // `hasleader`: without quorum the watch ends instead of staying open and silent.
        try await connection.watches.watch(
            metadata: ["hasleader": "true"], options: EtcdConnection.options(deadline: nil)
        ) { writer in
            try await writer.write(.with { $0.createRequest = create })
            // The request side stays open until the call is over, which cancels this.
            try await untilCancelled()
        } onResponse: { response in
            var reader = WatchReader(what, keys)
            for try await message in response.messages {
                let events = try reader.receive(message)
                if !events.isEmpty { try await pulse.busy { try await receive(events) } }
                pulse.beat()
            }
        }
    }
}

/// Joins the messages of a watch to whole revisions.
struct WatchReader {
    /// How many events may be waiting for the rest of their revision; far above what one transaction can write.
    private static let maximumPending = 1 << 20

    private let what: String
    private let keys: SealingKeys
    private var pending: [StoreEvent] = []

    init(_ what: String, _ keys: SealingKeys) {
        self.keys = keys
        self.what = what
    }

    /// The events that are complete with this message.
    ///
    /// - Throws: `.compacted` from a revision no longer kept; `.unavailable` when etcd has ended the watch for another reason.
    mutating func receive(_ message: Etcdserverpb_WatchResponse) throws(StateStoreError) -> [StoreEvent] {
        // The reason is empty for a compacted revision; only the number tells.
        if message.compactRevision > 0 { throw StateStoreError(.compacted(firstUsable: message.compactRevision), what) }
        if message.canceled { throw StateStoreError(.unavailable, what, detail: message.cancelReason) }
        for event in message.events { pending.append(try StoreEvent(event, keys)) }
        guard pending.count <= Self.maximumPending else { throw StateStoreError(.watcherTooSlow, what) }
        if message.fragment { return [] }
        defer { pending = [] }
        return pending
    }
}

/// When a watch last showed a sign of life. Time spent in the receiver does not count.
private final class Pulse: Sendable {
    private struct State {
        var last = ContinuousClock.now
        var isBusy = false
    }

    private let state = Mutex(State())

    func beat() { state.withLock { $0.last = .now } }

    func busy(_ body: () async throws -> Void) async rethrows {
        state.withLock { $0.isBusy = true }
        defer {
            state.withLock {
                $0.isBusy = false
                $0.last = .now
            }
        }
        try await body()
    }

    func isSilent(longerThan limit: Duration) -> Bool {
        state.withLock { !$0.isBusy && ContinuousClock.now - $0.last > limit }
    }
}
