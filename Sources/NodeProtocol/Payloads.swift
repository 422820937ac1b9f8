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
}

/// Puts the pieces of an assignment stream together again.
///
/// Holds no more than ``maximumBytes``, whatever the other side sends.
package struct AssignmentReader: Sendable {
    /// What one message has brought.
    package enum Item: Sendable {
        /// `complete` replaces everything; otherwise the change follows what was read before.
        case tasks(complete: Bool, tasks: [SwarmTask], removed: [String])
        /// Facts of networks that have changed, or all of a scope.
        case network(NetworkChangeSet)
        /// What keys of encrypted networks are derived from; empty when there is none for this node.
        case keys(OverlayKeyring)
    }

    /// Why messages do not fit together; the reader asks for everything anew.
    package enum Failure: Error, Equatable {
        /// A change does not follow the last one: ask for everything.
        case gap(have: UInt64, from: UInt64)
        case tooLarge
        case empty
        /// The pieces of one change have others among them.
        case mixed
    }

    package static let maximumBytes = 64 << 20

    /// What was among the messages so far and cannot be read; the rest is not touched by it. Whoever looks at it empties it.
    package var unread: [UnreadRecord] = []

    private var version: UInt64 = 0
    private var pendingTasks: [SwarmTask] = []
    private var pendingRemoved: [String] = []
    private var pendingTaskBytes = 0
    private var networks: NetworkChangesReader

    /// - Parameter shared: Of nodes that are told the same in one process; `nil` for a node by itself.
    package init(_ shared: DecodedChanges? = nil) { networks = NetworkChangesReader(shared) }

    /// Takes one message; returns what is whole with it.
    /// - Throws: ``Failure``, ``NetworkChangesFailure``, and what the decoding of messages and records throws.
    package mutating func read(_ message: Wire.AssignmentsMessage) throws -> Item? {
        switch message.content {
        case .tasks(let set):
            guard !networks.isPending else { throw Failure.mixed }
            return try read(set)
        case .networkChanges(let piece): return try networks.read(piece).map { .network($0) }
        case .overlayKeys(let keys):
            guard !networks.isPending else { throw Failure.mixed }
            return .keys(try keys.keyring())
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

extension Wire.OverlayKeys {
    /// What a node is told.
    package init(_ keyring: OverlayKeyring) {
        self.init()
        version = keyring.version
        sending = keyring.sending
        generations = keyring.generations.map { generation in
            .with {
                $0.number = generation.number
                $0.secret = generation.secret.bytes
            }
        }
    }

    /// What a manager tells; when its generations were made it does not.
    /// - Throws: ``NetworkChangesFailure`` for what no manager sends; nothing of it is in the error.
    package func keyring() throws -> OverlayKeyring {
        guard generations.count <= OverlayKeyring.maximumGenerations else {
            throw NetworkChangesFailure(reason: "too many keys")
        }
        var known: [OverlayKeyring.Generation] = []
        for generation in generations {
            guard generation.number > known.last?.number ?? 0, let secret = OverlaySecret(bytes: generation.secret)
            else {
                throw NetworkChangesFailure(reason: "a key without a number or of another length")
            }
            known.append(
                OverlayKeyring.Generation(number: generation.number, secret: secret, createdAt: .zero, removals: 0))
        }
        guard known.isEmpty || known.contains(where: { $0.number == sending }) else {
            throw NetworkChangesFailure(reason: "keys of which none is to be sent with")
        }
        return OverlayKeyring(version: version, generations: known, sending: sending)
    }
}
