import Concurrency
import Crypto
import Foundation
import Logging
import Model
import Orchestration
import StateStore

/// On the leader: makes the keys of encrypted networks, takes them on from step to step, and gives each node that encrypts the number that others
/// know it by. What is to be is ``OverlayKeyPlanner``'s to say.
struct OverlayKeyKeeper: Sendable {
    /// After a write that failed, and between looks while much happens.
    static let pause = Duration.seconds(1)
    /// A node that says nothing is looked at again after this time: what it lacks comes with a change, but for time that passes.
    static let longestWait = Duration.seconds(600)

    let store: any ObjectStore
    let model: ReadModel
    var planner = OverlayKeyPlanner()
    let log: Logger

    /// Since when the present version has been there, as far as this leader has seen.
    private struct Seen {
        var version: UInt64?
        var since = ContinuousClock.now
    }

    /// Leads until cancelled.
    /// - Throws: `.leadershipLost`.
    func run(under fence: LeaderFence) async throws {
        let news = AsyncEvent()
        news.signal()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in self.model.changes() { news.signal() }
                try Task.checkCancellation()
            }
            group.addTask {
                var seen = Seen()
                var wait = Duration.zero
                while true {
                    await news.wait(until: .now + wait)
                    try Task.checkCancellation()
                    do {
                        wait = try await self.look(&seen, fence)
                    } catch let error as StateStoreError where error.code != .leadershipLost {
                        self.log.warning(
                            "keys of encrypted networks could not be taken on",
                            metadata: ["error": "\(error.debugDescription)"])
                        wait = Self.pause
                    }
                    // Many changes of the swarm concern no key: they are looked at together.
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// - Returns: When to look again although nothing has changed.
    private func look(_ seen: inout Seen, _ fence: LeaderFence) async throws -> Duration {
        let state = model.objects
        guard !model.isStale, let cluster = state.cluster else { return Self.longestWait }
        let isWanted = state.networks.shared.contains { $0.value.isEncrypted }
        if !isWanted, cluster.overlayKeys?.isEmpty ?? true { return Self.longestWait }
        let members = Self.members(of: state)
        for node in members { try await place(node, in: state, fence) }
        if seen.version != cluster.overlayKeys?.version { seen = Seen(version: cluster.overlayKeys?.version) }
        let outcome = planner.step(
            cluster.overlayKeys, isWanted: isWanted, members: members.map(\.planned), now: .now,
            waited: .now - seen.since
        ) {
            OverlaySecret(bytes: SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) })
        }
        guard let keyring = outcome.keyring else { return min(outcome.wait ?? Self.longestWait, Self.longestWait) }
        var changed = cluster
        changed.overlayKeys = keyring
        changed.updatedAt = .now
        let result = try await store.commit(
            StoreTransaction(
                conditions: [
                    fence.condition, .modified(cluster.key, at: Int64(clamping: cluster.version.index)),
                ], puts: [.init(cluster.key, try changed.storedBytes)]))
        if fence.isBroken(by: result) { throw StateStoreError(.leadershipLost, "take keys on") }
        if let revision = result.revision {
            log.notice(
                "keys of encrypted networks go on",
                metadata: [
                    "version": "\(keyring.version)", "sending": "\(keyring.sending)",
                    "generations": "\(keyring.generations.map(\.number))",
                ])
            await model.catchUp(to: revision)
        }
        return .zero
    }

    /// A node that takes part in an encrypted network and says that it can.
    private static func members(of state: SwarmState) -> [Node] {
        var ids: Set<String> = []
        for network in state.networks.values where network.isEncrypted {
            for task in state.sharedTasks(inNetwork: network.id).map(\.value) where task.isLive {
                if let id = task.nodeID { ids.insert(id) }
            }
        }
        return ids.sorted().compactMap { state.nodes[$0] }.filter { $0.description?.encryption?.page != nil }
    }

    /// Writes down where the node says that it encrypts; the first time it gets its number.
    private func place(_ node: Node, in state: SwarmState, _ fence: LeaderFence) async throws {
        guard let said = node.description?.encryption, let page = said.page.flatMap(NodeEncryption.number) else {
            return
        }
        let lanes = UInt8(clamping: said.lanes ?? 1)
        var place = node.membership?.encryption
        if place?.page == page, place?.lanes == lanes { return }
        if place == nil {
            // In the store, not in this copy: a number is given once.
            let nodes = try await store.list(StoreKey.prefix(of: .nodes)).values.map { try Node(stored: $0) }
            let taken = Set(nodes.compactMap { $0.membership?.encryption?.number })
            guard let number = EncryptionPlace.numbers.first(where: { !taken.contains($0) }) else {
                return log.error("there are more nodes that encrypt than numbers for them")
            }
            place = EncryptionPlace(number: number, page: page, restarts: 0, lanes: lanes)
        } else if place?.page != page {
            place?.restarts &+= 1
        }
        place?.page = page
        place?.lanes = lanes
        var changed = node
        changed.membership = node.membership ?? .init()
        changed.membership?.encryption = place
        changed.updatedAt = .now
        let result = try await store.commit(
            StoreTransaction(
                conditions: [fence.condition, .modified(node.key, at: Int64(clamping: node.version.index))],
                puts: [.init(node.key, try changed.storedBytes)]))
        if fence.isBroken(by: result) { throw StateStoreError(.leadershipLost, "give a node its number") }
        if let revision = result.revision { await model.catchUp(to: revision) }
    }
}

extension Node {
    fileprivate var planned: OverlayKeyPlanner.Member {
        OverlayKeyPlanner.Member(version: description?.encryption?.keys ?? 0, isReady: status.state == .ready)
    }
}
