import Foundation
import Model
import StateStore
import TestKit
import Testing

@testable import Orchestration

/// Planning by what has changed, beside planning from everything, while anything at all happens.
@Suite struct IncrementalPlanTests {
    /// Makes the same ids once more.
    private final class Names: Sendable {
        let counter = Counter()
        let prefix: String
        init(_ prefix: String) { self.prefix = prefix }
        @Sendable func next() -> String { "\(prefix)-\(String(format: "%05d", counter.next()))" }
    }

    private static func told(_ task: SwarmTask?) -> String {
        guard let task else { return "none" }
        let addresses = (task.networksAttachments ?? []).flatMap(\.addresses)
        return
            "\(task.id) of \(task.serviceID) on \(task.nodeID ?? "-"): \(task.status.state) to \(task.desiredState), "
            + "\(task.status.err ?? "") \(addresses) \(task.assignment?.ports ?? []) \(task.spec.placement as Any)"
    }

    /// What the store takes of a plan: all, nothing, or what belongs to some services.
    private static func commit(_ draft: SwarmDraft, to state: inout SwarmState, _ swarm: inout RandomSwarm) {
        if swarm.chance(1, of: 6) { return }
        let isPartial = swarm.chance(1, of: 4)
        let changes = SwarmChanges(from: state, to: draft.state)
        var taken: [String: Bool] = [:]
        func takes(_ owner: String) -> Bool {
            if !isPartial { return true }
            let choice = taken[owner] ?? swarm.chance(1, of: 2)
            taken[owner] = choice
            return choice
        }
        for id in changes.nodes.sorted() where takes(id) { state.nodes[id] = draft.state.nodes[id] }
        for id in changes.services.sorted() where takes(id) { state.services[id] = draft.state.services[id] }
        for id in changes.tasks.sorted() {
            let owner = (draft.state.tasks[id] ?? state.tasks[id])?.serviceID ?? ""
            if takes(owner.isEmpty ? id : owner) { state.tasks[id] = draft.state.tasks[id] }
        }
    }

    private static let seeds = SimulationSeeds.of("SEEDS", 16)

    /// Looks as a busy manager has them, of one change to seven; three swarms in four are half as large as the fourth. Planning everything is most of
    /// what this takes, so it is done for each fifth look, and for the last: a change that was passed over still is to be made then. With
    /// `APUS_SIMULATION_EVERY=1`, as in `make simulate`, the same run compares each.
    @Test(arguments: seeds)
    func `a plan of what has changed is the plan of everything`(seed: UInt64) {
        var swarm = RandomSwarm(seed: seed, nodes: 4, services: seed % 4 == 0 ? 12 : 6)
        var planner = SwarmPlanner(makeID: Names("none").next)
        var seen = swarm.swarm.state
        var (made, look, planned) = (0, 0, 0)
        let wanted = SimulationSize.of("CHANGES", 10_000) / Self.seeds.count
        let every = max(1, SimulationSize.of("EVERY", 5))
        while made < wanted {
            let count = Int.random(in: 1...7, using: &swarm.random)
            for _ in 0..<count { swarm.change() }
            made += count
            look += 1
            let state = swarm.swarm.state
            let changes = SwarmChanges(from: seen, to: state)
            // The same names for both, and others in each look.
            var (whole, some) = (planner.making(Names("t\(look)").next), planner.making(Names("t\(look)").next))
            var incremental = SwarmDraft(state, now: swarm.swarm.now)
            some.plan(&incremental, changes: changes)
            if look % every == 0 || made >= wanted {
                whole.looksAtEverything = true
                var full = SwarmDraft(state, now: swarm.swarm.now)
                whole.plan(&full)
                guard Self.isSame(full, incremental, "seed \(seed), look \(look)") else { return }
            }
            planned += incremental.hasChanges ? 1 : 0
            planner = some
            seen = state
            var next = state
            Self.commit(incremental, to: &next, &swarm)
            swarm.swarm.state = next
            if look % 10 == 0 { StateOracle.check(swarm.swarm.state) }
        }
        StateOracle.check(swarm.swarm.state)
        #expect(planned > 10, "seed \(seed)")
    }

    /// Records what is other.
    private static func isSame(_ full: SwarmDraft, _ incremental: SwarmDraft, _ place: String) -> Bool {
        let differing = SwarmChanges(from: full.state, to: incremental.state)
        if differing.isEmpty, full.wakeAt == incremental.wakeAt { return true }
        for id in differing.tasks.sorted().prefix(3) {
            Issue.record("\(told(full.state.tasks[id])) and \(told(incremental.state.tasks[id]))")
        }
        for id in differing.services.sorted().prefix(3) {
            let endpoints = [full, incremental].map { $0.state.services[id]?.endpoint }
            let updates = [full, incremental].map { $0.state.services[id]?.updateStatus }
            Issue.record("\(id): \(endpoints), \(updates)")
        }
        Issue.record("\(place): nodes \(differing.nodes), wake \(full.wakeAt as Any), \(incremental.wakeAt as Any)")
        return false
    }

    /// One object of each kind, written, changed, and taken away.
    @Test func `whoever looks is told what has changed since he looked, however far back that is`() throws {
        func stored(_ task: SwarmTask, _ revision: Int64) throws -> StoredValue {
            StoredValue(
                key: StoreKey(.tasks, id: task.id), value: Array(try WireJSON.encode(record: task)),
                createRevision: 1, modifyRevision: revision)
        }
        var history = SwarmHistory()
        history.take(.snapshot(StoreListing(values: [try stored(SwarmTask(id: "a"), 1)], revision: 1)))
        let first = history.snapshot(after: nil).look
        #expect(first.changes.tasks == ["a"])
        #expect(history.snapshot(after: first).look.changes.isEmpty)
        history.take(.events([.put(try stored(SwarmTask(id: "b"), 2))]))
        history.take(.events([.delete(StoreKey(.tasks, id: "a"), revision: 3)]))
        let second = history.snapshot(after: first).look
        #expect(second.changes.tasks == ["a", "b"] && second.state.tasks["a"] == nil && first.state.tasks["a"] != nil)
        for revision in 4..<Int64(SwarmHistory.limit * 2) {
            history.take(.events([.delete(StoreKey(.tasks, id: "c"), revision: revision)]))
        }
        var task = SwarmTask(id: "b")
        task.slot = 1
        history.take(.events([.put(try stored(task, Int64(SwarmHistory.limit * 2)))]))
        #expect(history.snapshot(after: second).look.changes.tasks == ["b"])
        #expect(history.snapshot(after: first).look.changes.tasks == ["a", "b"])
        // Listed anew: what is as it was is no change.
        let third = history.snapshot(after: nil).look
        let values = try history.state.tasks.values.map { try stored($0, Int64($0.version.index)) }
        history.take(.snapshot(StoreListing(values: values, revision: history.state.revision)))
        #expect(history.snapshot(after: third).look.changes.isEmpty)
    }
}
