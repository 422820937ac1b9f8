import Foundation
import GRPCCore
import StateStore
import SwiftProtobuf

/// What a member says of itself.
package struct EtcdStatus: Sendable, Equatable {
    /// etcd's number of the member that answered.
    package let memberID: UInt64
    /// 0 without a leader.
    package let leaderID: UInt64
    package let isLearner: Bool
    /// The store's newest.
    package let revision: Int64
    package let databaseBytes: Int64
    /// What is left after a defragmentation.
    package let databaseBytesInUse: Int64
    package let version: String
    package let errors: [String]

    /// Whether reads and writes work.
    package var isReady: Bool { leaderID != 0 && errors.isEmpty && !isLearner }
}

/// Upkeep of a member.
package struct EtcdMaintenance: Sendable {
    private static let probeDeadline = Duration.seconds(1)

    let connection: EtcdConnection

    package init(_ connection: EtcdConnection) { self.connection = connection }

    /// What the member says of itself, within a second; works without quorum.
    package func status() async throws -> EtcdStatus {
        try await EtcdConnection.call("ask for the store's status") {
            let reply = try await connection.maintenance.status(
                .init(), options: EtcdConnection.options(deadline: Self.probeDeadline))
            return EtcdStatus(
                memberID: reply.header.memberID, leaderID: reply.leader, isLearner: reply.isLearner,
                revision: reply.header.revision,
                databaseBytes: reply.dbSize, databaseBytesInUse: reply.dbSizeInUse, version: reply.version,
                errors: reply.errors)
        }
    }

    /// Whether any member has used up its quota, so that only deletes are taken.
    package func isFull() async throws -> Bool { try await !fullMembers().isEmpty }

    /// Makes room when the quota is used up, and lets writes in again: forgets old revisions, gives their pages back, lifts the alarm.
    ///
    /// - Returns: Whether there was an alarm.
    package func freeSpaceIfFull() async throws -> Bool {
        let full = try await fullMembers()
        if full.isEmpty { return false }
        try await compact(before: try await status().revision)
        try await defragment()
        for member in full { try await disarm(member) }
        return true
    }

    /// Forgets what was before a revision; watches and reads from there are refused afterwards.
    package func compact(before revision: Int64) async throws {
        do {
            try await EtcdConnection.call("compact the store") {
                let request = Etcdserverpb_CompactionRequest.with {
                    $0.revision = revision
                    $0.physical = true
                }
                _ = try await connection.kv.compact(
                    request, options: EtcdConnection.options(deadline: EtcdConnection.maintenanceDeadline))
            }
        } catch let error as StateStoreError {
            // Compacted there already.
            guard case .compacted = error.code else { throw error }
        }
    }

    /// Gives free pages back to the file system. The member answers nothing meanwhile.
    package func defragment() async throws {
        try await EtcdConnection.call("defragment the store") {
            _ = try await connection.maintenance.defragment(
                .init(), options: EtcdConnection.options(deadline: EtcdConnection.maintenanceDeadline))
        }
    }

    private func fullMembers() async throws -> [UInt64] {
        let reply = try await alarm(.with { $0.action = .get })
        return reply.alarms.filter { $0.alarm == .nospace }.map(\.memberID)
    }

    private func disarm(_ member: UInt64) async throws {
        _ = try await alarm(
            .with {
                $0.action = .deactivate
                $0.memberID = member
                $0.alarm = .nospace
            })
    }

    private func alarm(_ request: Etcdserverpb_AlarmRequest) async throws -> Etcdserverpb_AlarmResponse {
        try await EtcdConnection.call("ask for the store's alarms") {
            try await connection.maintenance.alarm(
                request, options: EtcdConnection.options(deadline: EtcdConnection.callDeadline))
        }
    }
}
