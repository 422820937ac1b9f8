package import Foundation
package import Model
import SwiftProtobuf

extension Wire {
    /// Encodes a domain object for a message.
    package static func payload(_ value: some VersionedRecord) throws -> Data { try WireJSON.encode(record: value) }

    /// Decodes a domain object of a message.
    package static func value<Value: VersionedRecord>(_ type: Value.Type, _ payload: Data) throws -> Value {
        try WireJSON.decode(record: type, from: payload)
    }

    /// Puts objects into as many messages as their size needs. An object larger than a piece travels alone.
    package static func messages(
        from: UInt64, to: UInt64, tasks: [SwarmTask], removed: [String]
    ) throws -> [AssignmentsMessage] {
        var sets: [TaskSet] = []
        var last = TaskSet()
        var bytes = 0
        for task in tasks {
            let payload = try payload(task)
            if bytes > 0, bytes + payload.count > pieceBytes {
                sets.append(last)
                last = TaskSet()
                bytes = 0
            }
            last.tasks.append(payload)
            bytes += payload.count
        }
        last.removed = removed
        sets.append(last)
        return sets.enumerated().map { index, set in
            var set = set
            set.from = from
            set.to = to
            set.more = index < sets.count - 1
            return AssignmentsMessage.with { $0.tasks = set }
        }
    }

    /// Cuts a network state into messages.
    package static func messages(_ state: SwarmNetworkState) throws -> [AssignmentsMessage] {
        var rest = try payload(state)
        var messages: [AssignmentsMessage] = []
        repeat {
            let piece = rest.prefix(pieceBytes)
            rest = rest.dropFirst(pieceBytes)
            let message = NetworkState.with {
                $0.version = state.version
                $0.piece = Data(piece)
                $0.more = !rest.isEmpty
            }
            messages.append(.with { $0.network = message })
        } while !rest.isEmpty
        return messages
    }
}

/// Puts the pieces of an assignment stream together again.
///
/// Holds no more than ``maximumBytes``, whatever the other side sends.
package struct AssignmentReader: Sendable {
    /// What one message has brought.
    package enum Item: Sendable {
        /// `complete` replaces everything; otherwise the change follows what was read before.
        case tasks(complete: Bool, tasks: [SwarmTask], removed: [String])
        case network(SwarmNetworkState)
    }

    /// Why messages do not fit together; the reader asks for everything anew.
    package enum Failure: Error, Equatable {
        /// A change does not follow the last one: ask for everything.
        case gap(have: UInt64, from: UInt64)
        case tooLarge
        case empty
    }

    package static let maximumBytes = 64 << 20

    /// What was among the messages so far and cannot be read; the rest is not touched by it. Whoever looks at it empties it.
    package var unread: [UnreadRecord] = []

    private var version: UInt64 = 0
    private var pendingTasks: [SwarmTask] = []
    private var pendingRemoved: [String] = []
    private var pendingTaskBytes = 0
    private var pendingNetwork = Data()

    package init() {}

    /// Takes one message; returns what is whole with it.
    package mutating func read(_ message: Wire.AssignmentsMessage) throws -> Item? {
        switch message.content {
        case .tasks(let set): return try read(set)
        case .network(let state):
            guard pendingNetwork.count + state.piece.count <= Self.maximumBytes else { throw Failure.tooLarge }
            pendingNetwork.append(state.piece)
            guard !state.more else { return nil }
            defer { pendingNetwork = Data() }
            do { return .network(try Wire.value(SwarmNetworkState.self, pendingNetwork)) } catch {
                unread.append(UnreadRecord(type: "network", id: "\(state.version)", reason: "\(error)"))
                return nil
            }
        case nil: throw Failure.empty
        }
    }

    private mutating func read(_ set: Wire.TaskSet) throws -> Item? {
        guard set.from == 0 || set.from == version else { throw Failure.gap(have: version, from: set.from) }
        pendingTaskBytes += set.tasks.reduce(0) { $0 + $1.count }
        guard pendingTaskBytes <= Self.maximumBytes else { throw Failure.tooLarge }
        for payload in set.tasks {
            switch try WireJSON.decode(Readable<SwarmTask>.self, from: payload) {
            case .value(let task): pendingTasks.append(task)
            case .unread(let id, let reason): unread.append(UnreadRecord(type: "task", id: id, reason: reason))
            }
        }
        pendingRemoved += set.removed
        guard !set.more else { return nil }
        version = set.to
        defer {
            pendingTasks = []
            pendingRemoved = []
            pendingTaskBytes = 0
        }
        return .tasks(complete: set.from == 0, tasks: pendingTasks, removed: pendingRemoved)
    }
}
