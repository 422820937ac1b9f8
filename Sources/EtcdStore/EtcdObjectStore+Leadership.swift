import Concurrency
import GRPCCore
import Logging
package import StateStore
import SwiftProtobuf

extension EtcdObjectStore {
    /// etcd grants no shorter lease with its default election timeout.
    private static let minimumLease = Duration.seconds(2)
    /// How long to wait before trying again to become leader when the store cannot be reached.
    private static let retryDelay = Duration.milliseconds(500)
    private static let revokeDeadline = Duration.seconds(2)

    package func withLeadership(
        of role: String, candidate: [UInt8], lease: Duration,
        _ body: @escaping @Sendable (LeaderFence) async throws -> Void
    ) async throws {
        let lease = max(lease, Self.minimumLease)
        while true {
            try Task.checkCancellation()
            do {
                try await waitUntilVacant(role)
                guard let won = try await campaign(role, candidate, lease) else { continue }
                return try await lead(won, lease, body)
            } catch let error as Campaign.Failed {
                logger.info(
                    "the candidacy failed, trying again",
                    metadata: ["role": "\(role)", "error": "\(error.cause.debugDescription)"])
                try await Task.sleep(for: Self.retryDelay)
            }
        }
    }

    private enum Campaign {
        /// Failed before leadership was won, and worth a retry.
        struct Failed: Error { let cause: StateStoreError }
    }

    private struct Term {
        let fence: LeaderFence
        let leaseID: Int64
        /// When the lease ends unless renewed; counted from before the request, so never too late.
        let end: ContinuousClock.Instant
    }

    private func waitUntilVacant(_ role: String) async throws {
        struct Vacant: Error {}
        let key = StoreKey.leader(of: role)
        do {
            guard let holder = try await get(key) else { return }
            try await watch(key.path, after: holder.modifyRevision) { events in
                let isVacant = events.contains { if case .delete(key, _) = $0 { true } else { false } }
                if isVacant { throw Vacant() }
            }
        } catch is Vacant {
        } catch let error as StateStoreError {
            if case .compacted = error.code { return }
            throw error.isTransient ? Campaign.Failed(cause: error) : error as any Error
        }
    }

    /// One try to become leader; `nil` when another was faster.
    private func campaign(_ role: String, _ candidate: [UInt8], _ lease: Duration) async throws -> Term? {
        let key = StoreKey.leader(of: role)
        let end = ContinuousClock.now + lease
        do {
            let id = try await grant(lease)
            do {
                let wanted = StoreTransaction(conditions: [.absent(key)], puts: [.init(key, candidate)])
                if let revision = try await commit(wanted, lease: id).revision {
                    return Term(fence: LeaderFence(role: role, revision: revision), leaseID: id, end: end)
                }
            } catch {
                // Whether the key was written is unknown: with the lease it goes too, also when this is cancelled.
                await revoke(id)
                throw error
            }
            await revoke(id)
            return nil
        } catch let error as StateStoreError where error.isTransient {
            throw Campaign.Failed(cause: error)
        }
    }

    private func lead(_ term: Term, _ lease: Duration, _ body: @escaping @Sendable (LeaderFence) async throws -> Void)
        async throws
    {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await body(term.fence) }
                group.addTask { try await keepAlive(term, lease) }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch {
            // Not cut short when this is cancelled, as it mostly is.
            await revoke(term.leaseID)
            throw error
        }
        await revoke(term.leaseID)
    }

    /// Renews until the lease is lost. An answer that does not come is no loss before the lease's own time is over.
    private func keepAlive(_ term: Term, _ lease: Duration) async throws {
        let period = lease / 3
        var end = term.end
        while true {
            let sent = ContinuousClock.now
            do {
                guard try await renew(term.leaseID, deadline: min(period, end - sent)) else {
                    throw StateStoreError(.leadershipLost, "lead \(term.fence.role)", detail: "the lease has ended")
                }
                end = sent + lease
                // The lease may live on while somebody has removed the key.
                let holder = try await get(.leader(of: term.fence.role))
                guard holder?.createRevision == term.fence.revision else {
                    throw StateStoreError(
                        .leadershipLost, "lead \(term.fence.role)", detail: "the leader's key is gone")
                }
            } catch let error as StateStoreError where error.code != .leadershipLost {
                logger.warning("the leader's lease was not renewed", metadata: ["error": "\(error.debugDescription)"])
            }
            // Asleep or cut off for longer than the lease: another may lead.
            guard ContinuousClock.now < end else {
                throw StateStoreError(.leadershipLost, "lead \(term.fence.role)", detail: "no answer in time")
            }
            try await Task.sleep(until: min(sent + period, end))
        }
    }

    private func grant(_ lease: Duration) async throws -> Int64 {
        try await EtcdConnection.call("be granted a lease", writing: true) {
            let request = Etcdserverpb_LeaseGrantRequest.with { $0.ttl = lease.wholeSeconds }
            let reply = try await connection.leases.leaseGrant(
                request, options: EtcdConnection.options(deadline: EtcdConnection.callDeadline))
            return reply.id
        }
    }

    /// False when the lease is gone.
    private func renew(_ id: Int64, deadline: Duration) async throws -> Bool {
        try await EtcdConnection.call("renew a lease") {
            try await connection.leases.leaseKeepAlive(
                options: EtcdConnection.options(deadline: max(deadline, .milliseconds(50)))
            ) { writer in
                try await writer.write(.with { $0.id = id })
                try await untilCancelled()
            } onResponse: { response in
                for try await message in response.messages { return message.ttl > 0 }
                throw StateStoreError(.unavailable, "renew a lease", detail: "no answer")
            }
        }
    }

    /// Gives a lease back, so that others need not wait for its end. Failing is fine: it ends by itself.
    private func revoke(_ id: Int64) async {
        let connection = connection
        // The caller is often cancelled, which would stop the call before it is sent. Bounded by its deadline.
        await uncancelled {
            do {
                let request = Etcdserverpb_LeaseRevokeRequest.with { $0.id = id }
                _ = try await connection.leases.leaseRevoke(
                    request, options: EtcdConnection.options(deadline: Self.revokeDeadline))
            } catch {
                connection.logger.debug("a lease was not given back", metadata: ["error": "\(error)"])
            }
        }
    }
}

extension Duration {
    fileprivate var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
