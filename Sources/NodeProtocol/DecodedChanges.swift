import Foundation
import Model
import Synchronization

/// What pieces of change sets say, for nodes that share a process: a manager encodes each change once for all of its nodes, and with this it is decoded
/// once, and its rows are in memory once. A daemon has one node and needs none.
package final class DecodedChanges: Sendable {
    private struct State {
        /// Pieces by their bytes, those that came lately; the rest is forgotten.
        var recent: [Data: ChangesPiece] = [:]
        var former: [Data: ChangesPiece] = [:]
        /// Of `recent`.
        var bytes = 0
        var decoded = 0
    }

    private let state = Mutex(State())
    private let mostBytes: Int

    /// - Parameter mostBytes: So many bytes of pieces are remembered, and no more than twice as many.
    package init(mostBytes: Int = 16 << 20) { self.mostBytes = mostBytes }

    /// How many pieces were decoded so far, each as often as it was.
    package var decodedPieces: Int { state.withLock { $0.decoded } }

    /// - Throws: As ``ChangesPiece/init(_:)``; what cannot be read is not remembered.
    func piece(_ bytes: Data) throws -> ChangesPiece {
        // Under the lock: nodes are told at the same moment, and all but the first would decode it for nothing.
        try state.withLock { state in
            if let known = state.recent[bytes] ?? state.former[bytes] { return known }
            let piece = try ChangesPiece(bytes)
            state.decoded += 1
            state.bytes += bytes.count
            state.recent[bytes] = piece
            if state.bytes > mostBytes { (state.former, state.recent, state.bytes) = (state.recent, [:], 0) }
            return piece
        }
    }
}
