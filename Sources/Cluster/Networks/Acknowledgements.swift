import Model

/// How far each node has come with each scope that it is told of, and who waits for all of them: a countdown, so that an acknowledgement costs
/// what waits for it and not what there is.
struct Acknowledgements {
    /// Who waits: a task, for one of two things.
    struct Waiter: Hashable, Sendable {
        enum Purpose: Sendable { case start, drain }
        let purpose: Purpose
        let taskID: String
    }

    private struct Subscription {
        var acknowledged: UInt64 = 0
        /// The number of subscriptions when it began; 0 for a node that has come back and may still do what it was told before.
        let number: UInt64
    }

    /// A state that nodes are to come to.
    private struct Barrier {
        let sequence: UInt64
        /// Nodes whose subscriptions came later know of nothing older, and are not waited for.
        let number: UInt64
        var remaining: Int
        var waiters: [Waiter]
    }

    /// Beyond as many in a scope those that nobody waits for any more are taken out.
    private static let sweepCount = 64

    private var subscriptions: [NetworkFact.Scope: [String: Subscription]] = [:]
    private var barriers: [NetworkFact.Scope: [Barrier]] = [:]
    /// How many barriers each still waits for.
    private var outstanding: [Waiter: Int] = [:]
    private var number: UInt64 = 0
    /// Those whose nodes all have come so far.
    private(set) var passed: [Waiter] = []

    mutating func takePassed() -> [Waiter] {
        defer { passed = [] }
        return passed
    }

    /// Whether anybody is told of a scope.
    func isRead(_ scope: NetworkFact.Scope) -> Bool { subscriptions[scope]?.isEmpty == false }

    /// The nodes that are told of a scope.
    func nodes(of scope: NetworkFact.Scope) -> [String] { (subscriptions[scope] ?? [:]).keys.map(\.self) }

    /// - Parameter isBack: The node may still have in force what it was told in an earlier session: all who wait already wait for it, too.
    mutating func join(_ nodeID: String, _ scope: NetworkFact.Scope, isBack: Bool) {
        leave(nodeID, scope)
        if !isBack { number += 1 }
        subscriptions[scope, default: [:]][nodeID] = Subscription(number: isBack ? 0 : number)
        guard isBack, let count = barriers[scope]?.count else { return }
        for index in 0..<count { barriers[scope]?[index].remaining += 1 }
    }

    mutating func leave(_ nodeID: String, _ scope: NetworkFact.Scope) {
        guard let subscription = subscriptions[scope]?.removeValue(forKey: nodeID) else { return }
        if subscriptions[scope]?.isEmpty == true { subscriptions[scope] = nil }
        // A node whose session has ended is not waited for: it is told everything when it is back.
        countDown(scope, subscription, to: .max)
    }

    /// The node asks anew: what it has in force is not known.
    mutating func forget(_ nodeID: String, _ scope: NetworkFact.Scope) {
        guard let former = subscriptions[scope]?[nodeID] else { return }
        subscriptions[scope]?[nodeID] = Subscription(number: 0)
        for index in 0..<(barriers[scope]?.count ?? 0) {
            guard let barrier = barriers[scope]?[index] else { continue }
            let isCounted = barrier.sequence > former.acknowledged && former.number <= barrier.number
            if !isCounted { barriers[scope]?[index].remaining += 1 }
        }
    }

    /// New connections of the node follow a state, and all before it.
    mutating func acknowledge(_ nodeID: String, _ scope: NetworkFact.Scope, _ sequence: UInt64) {
        guard let subscription = subscriptions[scope]?[nodeID], sequence > subscription.acknowledged else { return }
        subscriptions[scope]?[nodeID]?.acknowledged = sequence
        countDown(scope, subscription, to: sequence)
    }

    private mutating func countDown(_ scope: NetworkFact.Scope, _ subscription: Subscription, to sequence: UInt64) {
        guard var all = barriers.removeValue(forKey: scope) else { return }
        for index in all.indices
        where all[index].sequence > subscription.acknowledged && all[index].sequence <= sequence
            && subscription.number <= all[index].number
        {
            all[index].remaining -= 1
        }
        for barrier in all where barrier.remaining <= 0 { pass(barrier.waiters) }
        all.removeAll { $0.remaining <= 0 }
        if !all.isEmpty { barriers[scope] = all }
    }

    private mutating func pass(_ waiters: [Waiter]) {
        for waiter in waiters {
            guard let count = outstanding[waiter] else { continue }
            outstanding[waiter] = count > 1 ? count - 1 : nil
            if count <= 1 { passed.append(waiter) }
        }
    }

    /// Waits until the nodes that are told of some scopes have come to these states.
    mutating func wait(_ waiter: Waiter, for states: [(scope: NetworkFact.Scope, sequence: UInt64)]) {
        cancel(waiter)
        var count = 0
        for (scope, sequence) in states where put(waiter, scope, sequence) { count += 1 }
        if count == 0 { passed.append(waiter) } else { outstanding[waiter] = count }
    }

    /// - Returns: Whether there is anything to wait for.
    private mutating func put(_ waiter: Waiter, _ scope: NetworkFact.Scope, _ sequence: UInt64) -> Bool {
        if let index = barriers[scope]?.firstIndex(where: { $0.sequence == sequence && $0.number == number }) {
            barriers[scope]?[index].waiters.append(waiter)
            return true
        }
        let behind = (subscriptions[scope] ?? [:]).values.count { $0.acknowledged < sequence }
        guard behind > 0 else { return false }
        if barriers[scope]?.count ?? 0 >= Self.sweepCount {
            barriers[scope]?.removeAll { $0.waiters.allSatisfy { outstanding[$0] == nil } }
        }
        barriers[scope, default: []].append(
            Barrier(sequence: sequence, number: number, remaining: behind, waiters: [waiter]))
        return true
    }

    /// Nobody waits any more.
    mutating func cancel(_ waiter: Waiter) {
        guard outstanding.removeValue(forKey: waiter) != nil else { return }
        for scope in Array(barriers.keys) {
            guard let count = barriers[scope]?.count else { continue }
            for index in 0..<count { barriers[scope]?[index].waiters.removeAll { $0 == waiter } }
        }
    }
}
