import Model

/// All planning of a swarm in one pass: from what is to what is to be, one step further.
///
/// It holds no clock and does no input or output. From one pass to the next it keeps the places of the address allocators, what is to be looked
/// at again although it does not change, and which services have come to rest: so a pass costs what has changed, and plans the same as one
/// that looks at everything.
package struct SwarmPlanner: Sendable {
    private var addresses = AddressPlanner()
    private var makeID: @Sendable () -> String
    /// Each pass looks at all objects, and at all nodes for each task: the plan is the same, which tests compare.
    package var looksAtEverything = false
    /// What the last pass has seen; `nil` before the first one.
    private var former: SwarmState?
    /// What the last pass has planned: it may have been refused, and the next one plans it again if so.
    private var planned = SwarmChanges()
    /// Where the tasks of that plan are to be: one that was to be made and is not there says nothing of its place.
    private var plannedPlaces: [String: Set<ServiceOrchestrator.Place>] = [:]
    private var timers = PlanTimers()
    /// Services of which a place may be planned without the others.
    private var resting: Set<String> = []
    private var order = NodeOrder()

    package init(makeID: @escaping @Sendable () -> String) { self.makeID = makeID }

    /// The same planner with another source of ids.
    func making(_ makeID: @escaping @Sendable () -> String) -> SwarmPlanner {
        var other = self
        other.makeID = makeID
        return other
    }

    /// Changes `draft` towards what the services ask for.
    ///
    /// - Parameter changes: What has changed since the state that the last pass has seen, at least; `nil` to look at everything.
    package mutating func plan(_ draft: inout SwarmDraft, changes: SwarmChanges? = nil) {
        let seen = former
        let scope = scope(of: draft, changes)
        if let seen {
            let changed = looksAtEverything ? nil : changes
            addresses.supply.resting.follow(
                from: seen, to: draft.base, changed ?? SwarmChanges(from: seen, to: draft.base), at: draft.now)
        }
        NetworkAllocator.completeIngress(&draft)
        let whole = ServiceOrchestrator(makeID: makeID, former: former).run(&draft, scope, &resting)
        addresses.run(&draft, scope)
        if scope.isWhole {
            order = NodeOrder(all: draft.state)
        } else {
            order.follow(scope, draft, former)
        }
        var scheduler = Scheduler(order, looksAtAllNodes: looksAtEverything)
        scheduler.run(&draft)
        order = scheduler.order
        AttachmentReaper().run(&draft, scope.tasks.union(draft.changes.tasks))
        let tasks = scope.tasks.union(draft.changes.tasks)
        TaskReaper().run(&draft, tasks)
        for id in whole { timers.clear(service: id) }
        for (id, places) in scope.places { timers.clear(places, of: id) }
        for id in tasks { timers.clear(task: id) }
        timers.set(draft.wakes)
        if let earliest = timers.next { draft.wake(at: earliest) }
        former = draft.base
        planned = draft.changes
        plannedPlaces = [:]
        for id in planned.tasks {
            guard let task = draft.state.tasks.shared(id)?.value else { continue }
            plannedPlaces[task.serviceID, default: []].insert(task.place)
        }
    }

    private mutating func scope(of draft: SwarmDraft, _ changes: SwarmChanges?) -> PlanScope {
        guard !looksAtEverything, var changes, let former, !Self.changesEverything(former, draft.base) else {
            timers = PlanTimers()
            resting = []
            return PlanScope(all: draft.base)
        }
        changes.formUnion(planned)
        var scope = PlanScope(changes, from: former, to: draft.base)
        scope.add(plannedPlaces)
        for subject in timers.due(at: draft.now) { scope.add(subject) }
        return scope
    }

    /// How many tasks are kept in view is asked for at all places.
    private static func changesEverything(_ former: SwarmState, _ state: SwarmState) -> Bool {
        former.cluster?.spec.orchestration != state.cluster?.spec.orchestration
    }
}
