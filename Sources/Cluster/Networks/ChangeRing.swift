import Foundation
import Model
import NodeProtocol

/// What has changed in one scope of late, each change encoded once, for every node that is told of it. Nodes read it as far as they have come; who
/// is new, or too far behind, gets all that there is.
struct ChangeRing {
    private struct Encoded {
        let sequence: UInt64
        let pieces: [Data]
        let bytes: Int

        init(_ set: NetworkChangeSet) throws {
            sequence = set.sequence
            pieces = try set.encoded()
            bytes = pieces.reduce(0) { $0 + $1.count }
        }
    }

    static let maximumSets = 256
    static let maximumBytes = 1 << 20

    let scope: NetworkFact.Scope
    /// The state that the scope is in.
    private(set) var sequence: UInt64
    /// The last state for which nodes say when they have it in force, see ``NetworkChangeSet/isQuiet``.
    private(set) var awaited: UInt64
    /// The state that the oldest set follows.
    private var base: UInt64
    private var sets: [Encoded] = []
    private var bytes = 0
    private var snapshot: Encoded?

    /// - Parameter sequence: The state that the scope is in: what led to it is not known.
    init(_ scope: NetworkFact.Scope, at sequence: UInt64) {
        awaited = sequence
        base = sequence
        self.scope = scope
        self.sequence = sequence
    }

    /// - Parameter isRead: Whether anybody has come as far as to follow it.
    mutating func append(_ set: NetworkChangeSet, isRead: Bool) throws {
        sequence = set.sequence
        if !set.isQuiet { awaited = sequence }
        guard isRead else { return forget() }
        do {
            let encoded = try Encoded(set)
            sets.append(encoded)
            bytes += encoded.bytes
        } catch {
            forget()
            throw error
        }
        guard sets.count > Self.maximumSets || bytes > Self.maximumBytes else { return }
        let old = sets.prefix(sets.count / 2 + 1)
        base = old.last?.sequence ?? base
        bytes -= old.reduce(0) { $0 + $1.bytes }
        sets = Array(sets.dropFirst(old.count))
    }

    private mutating func forget() {
        (base, sets, bytes, snapshot) = (sequence, [], 0, nil)
    }

    /// Messages that lead from a state to the present one.
    /// - Parameters:
    ///   - cursor: The state; `nil` for nothing.
    ///   - facts: All of the scope.
    mutating func messages(after cursor: UInt64?, _ facts: () -> [NetworkFact]) throws -> [Data] {
        if let cursor, cursor >= base { return pieces(after: cursor) }
        if let snapshot, snapshot.sequence >= base {
            // Cheaper to send than to encode it all again, as long as most of it still holds.
            let since = sets.reduce(0) { $1.sequence > snapshot.sequence ? $0 + $1.bytes : $0 }
            if since <= snapshot.bytes { return snapshot.pieces + pieces(after: snapshot.sequence) }
        }
        let new = try Encoded(NetworkChangeSet(scope, sequence: sequence, isSnapshot: true, upserts: facts()))
        snapshot = new
        return new.pieces
    }

    private func pieces(after cursor: UInt64) -> [Data] {
        sets.suffix(while: { $0.sequence > cursor }).flatMap(\.pieces)
    }
}

extension Array {
    /// The last elements that all are so.
    fileprivate func suffix(while isIn: (Element) -> Bool) -> ArraySlice<Element> {
        let count = reversed().prefix(while: isIn).count
        return suffix(count)
    }
}
