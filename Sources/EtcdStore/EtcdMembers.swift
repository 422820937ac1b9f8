import GRPCCore
import StateStore
import SwiftProtobuf

/// A member of the store.
package struct EtcdMember: Sendable, Equatable, Identifiable {
    /// etcd's own number, which it gives when the member is added.
    package let id: UInt64
    /// Empty until it has started once.
    package let name: String
    package let peerURLs: [String]
    /// Follows but does not count for the quorum.
    package let isLearner: Bool

    package init(id: UInt64, name: String, peerURLs: [String], isLearner: Bool = false) {
        self.id = id
        self.isLearner = isLearner
        self.name = name
        self.peerURLs = peerURLs
    }

    init(_ member: Etcdserverpb_Member) {
        id = member.id
        isLearner = member.isLearner
        name = member.name
        peerURLs = member.peerUrls
    }
}

/// The store's members: asked and changed when managers come and go.
///
/// For some seconds after any member joined or came back etcd refuses changes ("unhealthy cluster"), and it promotes a learner only once that
/// is in sync: ``add(peerURL:asLearner:)``, ``promote(_:)`` and ``remove(_:)`` try again for ``timeout``.
package struct EtcdMembers: Sendable {
    package static let timeout = Duration.seconds(15)
    private static let retryDelay = Duration.milliseconds(300)

    let connection: EtcdConnection

    package init(_ connection: EtcdConnection) { self.connection = connection }

    /// All members, learners and those that have not begun included, as this one knows them.
    package func list() async throws -> [EtcdMember] {
        try await EtcdConnection.call("list the store's members") {
            try await connection.cluster.memberList(.init(), options: Self.options).members.map(EtcdMember.init)
        }
    }

    /// Adds a member before it starts. It should start as a learner, so that the quorum does not wait for it.
    ///
    /// - Returns: the new member, and all of them for its ``EtcdConfiguration/Beginning/existing(members:)``.
    package func add(peerURL: String, asLearner: Bool = true) async throws -> (added: EtcdMember, all: [EtcdMember]) {
        // An add without an answer may have happened: then it is in the list.
        try await patiently("add \(peerURL) to the store's members") {
            let present = try await connection.cluster.memberList(.init(), options: Self.options).members.map(
                EtcdMember.init)
            if let known = present.first(where: { $0.peerURLs == [peerURL] }) { return (known, present) }
            let request = Etcdserverpb_MemberAddRequest.with {
                $0.peerUrls = [peerURL]
                $0.isLearner = asLearner
            }
            let reply = try await connection.cluster.memberAdd(request, options: Self.options)
            return (EtcdMember(reply.member), reply.members.map(EtcdMember.init))
        }
    }

    /// Makes a learner count for the quorum, once it is in sync; one that counts already stays.
    package func promote(_ id: UInt64) async throws {
        try await patiently("promote a member of the store") {
            let present = try await connection.cluster.memberList(.init(), options: Self.options).members
            if let known = present.first(where: { $0.id == id }), !known.isLearner { return }
            _ = try await connection.cluster.memberPromote(.with { $0.id = id }, options: Self.options)
        }
    }

    /// One try of the same.
    ///
    /// - Returns: Whether the member counts now; it does not while it is not in sync.
    package func tryToPromote(_ id: UInt64) async throws -> Bool {
        do {
            _ = try await connection.cluster.memberPromote(.with { $0.id = id }, options: Self.options)
            return true
        } catch let error as RPCError where [.unavailable, .failedPrecondition].contains(error.code) {
            try Task.checkCancellation()
            return false
        } catch let error as RPCError {
            throw StateStoreError(error, "promote a member of the store", writing: true)
        }
    }

    /// Removes a member; its process ends by itself with exit status 0. One that is gone already is fine.
    package func remove(_ id: UInt64) async throws {
        try await patiently("remove a member of the store") {
            do {
                _ = try await connection.cluster.memberRemove(.with { $0.id = id }, options: Self.options)
            } catch let error as RPCError where error.code == .notFound {}
        }
    }

    /// Tells the others a member's new address; the member itself must listen there.
    package func update(_ id: UInt64, peerURL: String) async throws {
        try await patiently("change the address of a member of the store") {
            let request = Etcdserverpb_MemberUpdateRequest.with {
                $0.id = id
                $0.peerUrls = [peerURL]
            }
            _ = try await connection.cluster.memberUpdate(request, options: Self.options)
        }
    }

    private static var options: CallOptions { EtcdConnection.options(deadline: EtcdConnection.callDeadline) }

    private func patiently<T>(_ attempting: String, _ body: () async throws -> T) async throws -> T {
        let end = ContinuousClock.now + Self.timeout
        while true {
            do {
                return try await body()
            } catch let error as RPCError {
                let isPassing =
                    error.code == .unavailable || error.code == .failedPrecondition || error.code == .deadlineExceeded
                guard isPassing, ContinuousClock.now < end, !Task.isCancelled else {
                    try Task.checkCancellation()
                    throw StateStoreError(error, attempting, writing: true)
                }
            }
            try await Task.sleep(for: Self.retryDelay)
        }
    }
}
