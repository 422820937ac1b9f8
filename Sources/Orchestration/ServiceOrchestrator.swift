import HashTreeCollections
import Model

/// Keeps a service's places filled: one place a replica, or one a node for a global service.
///
/// A place holds at most one wanted task, two while a start-first update hands over. What ended stays in view as history.
struct ServiceOrchestrator {
    /// Where a task stands in its service.
    enum Place: Hashable, Comparable {
        case slot(Int)
        case node(String)
    }

    /// How many tasks of one service may be on their way, made and not yet running, before more are made: however many replicas a
    /// service wants, one pass makes so many, and other services are planned beside it.
    static let mostOnTheirWay = 1000

    let makeID: @Sendable () -> String
    /// What the last pass has seen.
    var former: SwarmState?

    /// - Parameter resting: Services of which a place may be planned without the others; brought up to date.
    /// - Returns: The services of which all places have been looked at.
    func run(_ draft: inout SwarmDraft, _ scope: PlanScope, _ resting: inout Set<String>) -> Set<String> {
        var whole: Set<String> = []
        for id in scope.services.union(scope.places.keys).sorted() {
            if !scope.services.contains(id), resting.contains(id), let places = scope.places[id],
                reconcile(places, of: id, &draft)
            {
                let isGone = draft.state.services.shared(id) == nil && draft.state.tasks.lookup.places(of: id).isEmpty
                if isGone { resting.remove(id) }
                continue
            }
            whole.insert(id)
            if reconcile(all: id, &draft) { resting.insert(id) } else { resting.remove(id) }
        }
        draft.subject = nil
        return whole
    }

    /// Looks at all places of a service.
    /// - Returns: Whether it rests: as long as nothing but tasks changes, each place is planned by itself.
    private func reconcile(all id: String, _ draft: inout SwarmDraft) -> Bool {
        draft.subject = .service(id)
        let places = Self.places(of: id, draft.state)
        draft.looks.places += places.count
        guard let service = draft.state.services[id] else {
            if draft.state.isUnread(service: id) { return false }
            for task in places.values.joined() where task.desiredState != .remove { draft.retire(task, to: .remove) }
            return !places.isEmpty
        }
        guard service.spec.isJob else { return reconcile(service, places, &draft) }
        JobOrchestrator(makeID: makeID).reconcile(service, places, &draft)
        return false
    }

    /// Looks at some places of a service that rests. What it wants elsewhere is as it was.
    /// - Returns: Whether it still rests; nothing has been planned otherwise.
    private func reconcile(_ places: Set<Place>, of id: String, _ draft: inout SwarmDraft) -> Bool {
        var tasks: [Place: [SwarmTask]] = [:]
        for place in places { tasks[place] = draft.state.tasks.lookup.tasks(of: id, at: place) }
        draft.looks.places += places.count
        guard let service = draft.state.services[id] else {
            for task in tasks.values.joined() where task.desiredState != .remove { draft.retire(task, to: .remove) }
            return true
        }
        var wanted: Set<Place> = []
        for (place, own) in tasks {
            let isWanted: Bool
            if service.spec.isGlobal {
                isWanted = Self.isForNode(at: place, own, service.spec, draft.state)
            } else {
                isWanted = SlotReconciler.isHeld(own, service)
                let earlier = former?.tasks.lookup.tasks(of: id, at: place) ?? []
                guard isWanted == SlotReconciler.isHeld(earlier, service) else { return false }
            }
            if isWanted { wanted.insert(place) }
        }
        var update = Self.update(of: service, wanted, tasks, draft.state, now: draft.now)
        guard update.isUpToDate else { return false }
        settle(service, wanted, tasks, &draft, &update)
        return true
    }

    private static func places(of service: String, _ state: SwarmState) -> [Place: [SwarmTask]] {
        var places: [Place: [SwarmTask]] = [:]
        for (place, tasks) in state.tasks.lookup.places(of: service).all {
            let own = tasks.values.map(\.value).filter { !$0.isAttachment }
            if !own.isEmpty { places[place] = own }
        }
        return places
    }

    /// - Returns: Whether the service rests.
    private func reconcile(_ service: Service, _ places: [Place: [SwarmTask]], _ draft: inout SwarmDraft) -> Bool {
        var service = service
        var isResting = false
        var wanted = desiredPlaces(service, places, draft.state)
        var update = Self.update(of: service, wanted, places, draft.state, now: draft.now)
        if !RollingUpdate.isUnderWay(service), update.isUpToDate {
            // No place is held beyond those wanted, and none waits to be filled: which they are does not depend on each other.
            isResting =
                service.spec.isGlobal
                || places.count { SlotReconciler.isHeld($0.value, service) } == service.spec.replicas
        }
        // A step of the status may change what is wanted, as a rollback does, and allow the next step.
        while let changed = update.progressed(service, &draft), changed != service {
            service = changed
            isResting = false
            draft.put(service)
            wanted = desiredPlaces(service, places, draft.state)
            update = Self.update(of: service, wanted, places, draft.state, now: draft.now)
        }
        settle(service, wanted, places, &draft, &update)
        return isResting
    }

    /// A service's update, which passes over nodes that take no new tasks: it would wait for them. Source: SwarmKit.
    private static func update(
        of service: Service, _ wanted: Set<Place>, _ tasks: [Place: [SwarmTask]], _ state: SwarmState, now: Timestamp
    ) -> RollingUpdate {
        let open = wanted.filter { !isClosed($0, state) }
        return RollingUpdate(service: service, places: open.map { tasks[$0] ?? [] }, state: state, now: now)
    }

    /// See ``SlotReconciler/isClosed``.
    private static func isClosed(_ place: Place, _ state: SwarmState) -> Bool {
        guard case .node(let id) = place else { return false }
        return state.nodes.shared(id)?.value.spec.availability == .pause
    }

    /// Ends what is not wanted among some places of a service, and fills those that are.
    private func settle(
        _ service: Service, _ wanted: Set<Place>, _ places: [Place: [SwarmTask]], _ draft: inout SwarmDraft,
        _ update: inout RollingUpdate
    ) {
        for (place, tasks) in places where !wanted.contains(place) {
            // Fewer replicas leave no trace; a node that is left keeps its history.
            for task in tasks where task.isWanted {
                draft.retire(task, to: service.spec.isGlobal ? .shutdown : .remove)
            }
        }
        for place in Self.inOrder(wanted, places) {
            draft.subject = .place(place, of: service.id)
            let slot = SlotReconciler(
                service: service, place: place, tasks: places[place] ?? [], makeID: makeID,
                isClosed: Self.isClosed(place, draft.state))
            slot.settle(&draft, &update)
        }
    }

    /// Places where nothing runs come first: replacing their tasks costs the service nothing.
    private static func inOrder(_ wanted: Set<Place>, _ places: [Place: [SwarmTask]]) -> [Place] {
        let serving = wanted.filter { place in
            (places[place] ?? []).contains { $0.isWanted && $0.status.state == .running }
        }
        return wanted.subtracting(serving).sorted() + serving.sorted()
    }

    private func desiredPlaces(_ service: Service, _ places: [Place: [SwarmTask]], _ state: SwarmState) -> Set<Place> {
        if service.spec.isGlobal { return Self.nodes(for: service, places, state) }
        // Places with a running task are kept first, then those with any, the lowest slots before the highest.
        let present = places.filter { SlotReconciler.isHeld($0.value, service) }
        let kept = present.sorted { left, right in
            let order = [left, right].map { $0.value.contains { $0.isWanted && $0.status.state == .running } ? 0 : 1 }
            return (order[0], left.key) < (order[1], right.key)
        }.prefix(service.spec.replicas).map(\.key)
        var wanted = Set(kept)
        var slot = 1
        let count = min(service.spec.replicas, kept.count + Self.room(beside: places))
        while wanted.count < count {
            wanted.insert(.slot(slot))
            slot += 1
        }
        return wanted
    }

    /// How many more tasks may be made of a service that has these.
    static func room(beside places: [Place: [SwarmTask]]) -> Int {
        let onTheirWay = places.values.reduce(0) { count, tasks in
            count + tasks.count { $0.isWanted && $0.isLive && $0.status.state < .running }
        }
        return max(0, mostOnTheirWay - onTheirWay)
    }

    /// The nodes that a service with a task on each of them is to be on; of those that cannot be read, the ones that it is on.
    static func nodes(for service: Service, _ places: [Place: [SwarmTask]], _ state: SwarmState) -> Set<Place> {
        let unread = places.keys.filter { place in
            guard case .node(let id) = place else { return false }
            return state.isUnread(node: id)
        }
        let known = state.nodes.shared.lazy.map { Place.node($0.value.id) }
        return Set(unread).union(known).filter { isForNode(at: $0, places[$0] ?? [], service.spec, state) }
    }

    /// Whether a service with a task on each node is to be on one, or stay there.
    ///
    /// - Parameter tasks: Those that it has there.
    private static func isForNode(
        at place: Place, _ tasks: [SwarmTask], _ spec: ServiceSpec, _ state: SwarmState
    ) -> Bool {
        guard case .node(let id) = place else { return false }
        let isPresent = tasks.contains { $0.isWanted || $0.isLive }
        if isPresent, state.isUnread(node: id) { return true }
        // Nobody takes the place of a task whose node is down, and none waits for it: the node gets one when it is back. Source: SwarmKit.
        guard let node = state.nodes.shared(id)?.value, node.description != nil, node.status.state != .down,
            (spec.taskTemplate.placement ?? Placement()).admits(node)
        else { return false }
        switch node.spec.availability {
        case .active: return true
        case .pause: return isPresent
        case .drain: return false
        }
    }
}

extension SwarmTask {
    var place: ServiceOrchestrator.Place { slot.map { .slot($0) } ?? .node(nodeID ?? "") }
}

extension SwarmDraft {
    mutating func retire(_ task: SwarmTask, to desired: TaskState) {
        var task = task
        task.desiredState = desired
        put(task)
    }
}
