import Concurrency
import Model
import NodeProtocol
import SwiftProtobuf

/// What is known of one session: its id once a manager has opened it, and when the manager was last heard.
final class SessionState: Sendable {
    private struct Known {
        var id: String?
        var heartbeat = NodeTimeouts.heartbeat
        var heard = ContinuousClock.now
        var role: NodeRole?
    }

    private let known = ObservableValue(Known())
    /// What the manager is still to be told of.
    private let applied = ObservableValue<[NetworkFact.Scope: UInt64]>([:])

    func take(_ message: Wire.SessionMessage) {
        known.change { known in
            known.id = message.sessionID
            known.heard = .now
            known.role = NodeRole(rawValue: message.role)
            if message.heartbeatMilliseconds > 0 {
                known.heartbeat = .milliseconds(Int64(clamping: message.heartbeatMilliseconds))
            }
        }
    }

    /// Waits until the manager says that the node is to have another role.
    func waitForRole(otherThan present: NodeRole) async throws {
        try await known.wait { known in known.role.flatMap { $0 == present ? nil : $0 } }
    }

    /// New connections on this node follow these states of networks by now. Of those that somebody waits for the newest of each network is told.
    func apply(_ sets: [NetworkChangeSet]) {
        apply(
            Dictionary(sets.filter { !$0.isEnd && !$0.isQuiet }.map { ($0.scope, $0.sequence) }) { max($0, $1) })
    }

    /// The same of states that somebody waits for.
    func apply(_ states: [NetworkFact.Scope: UInt64]) {
        if states.isEmpty { return }
        applied.change { $0.merge(states) { max($0, $1) } }
    }

    /// What has been applied since it was asked last, as much as fits a message; waits until there is something.
    func progress() async throws -> [Wire.NetworkProgress] {
        try await applied.wait { $0.isEmpty ? nil : true }
        var taken: [NetworkFact.Scope: UInt64] = [:]
        applied.change { states in
            for (scope, sequence) in states.prefix(Agent.reportsPerMessage) { taken[scope] = sequence }
            for scope in taken.keys { states[scope] = nil }
        }
        return taken.map { scope, sequence in
            .with {
                $0.network = scope.networkID
                $0.sequence = sequence
            }
        }
    }

    func id() async throws -> String { try await known.wait { $0.id } }
    var heartbeat: Duration { known.value.heartbeat }
    var silence: Duration { ContinuousClock.now - known.value.heard }
}
