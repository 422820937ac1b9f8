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

    /// - Parameter services: Ids of those to look at.
    func run(_ draft: inout SwarmDraft, _ services: Set<String>) {
        for id in services.sorted() {
            draft.subject = .service(id)
            let places = Self.places(of: id, draft.state)
            if let service = draft.state.services[id] {
                if service.spec.isJob {
                    JobOrchestrator(makeID: makeID).reconcile(service, places, &draft)
                } else {
                    reconcile(service, places, &draft)
                }
            } else if !draft.state.isUnread(service: id) {
                for task in places.values.joined() where task.desiredState != .remove {
                    draft.retire(task, to: .remove)
                }
            }
        }
        draft.subject = nil
    }

    private static func places(of service: String, _ state: SwarmState) -> [Place: [SwarmTask]] {
        var places: [Place: [SwarmTask]] = [:]
        for (place, tasks) in state.tasks.lookup.places(of: service).all {
            let own = tasks.values.map(\.value).filter { !$0.isAttachment }
            if !own.isEmpty { places[place] = own }
        }
        return places
    }

    private func reconcile(_ service: Service, _ places: [Place: [SwarmTask]], _ draft: inout SwarmDraft) {
        var service = service
        var wanted = wantedPlaces(service, places, draft.state)
        var update = RollingUpdate(
            service: service, places: wanted.map { places[$0] ?? [] }, state: draft.state, now: draft.now)
        // A step of the status may change what is wanted, as a rollback does, and allow the next step.
        while let changed = update.progressed(service, &draft), changed != service {
            service = changed
            draft.put(service)
            wanted = wantedPlaces(service, places, draft.state)
            update = RollingUpdate(
                service: service, places: wanted.map { places[$0] ?? [] }, state: draft.state, now: draft.now)
        }
        for (place, tasks) in places where !wanted.contains(place) {
            // Fewer replicas leave no trace; a node that is left keeps its history.
            for task in tasks where task.isWanted {
                draft.retire(task, to: service.spec.isGlobal ? .shutdown : .remove)
            }
        }
        for place in Self.inOrder(wanted, places) {
            let seat = SlotReconciler(service: service, place: place, tasks: places[place] ?? [], makeID: makeID)
            seat.settle(&draft, &update)
        }
    }

    /// Places where nothing runs come first: replacing their tasks costs the service nothing.
    private static func inOrder(_ wanted: Set<Place>, _ places: [Place: [SwarmTask]]) -> [Place] {
        let serving = wanted.filter { place in
            (places[place] ?? []).contains { $0.isWanted && $0.status.state == .running }
        }
        return wanted.subtracting(serving).sorted() + serving.sorted()
    }

    private func wantedPlaces(_ service: Service, _ places: [Place: [SwarmTask]], _ state: SwarmState) -> Set<Place> {
        if service.spec.isGlobal { return Self.nodes(for: service, places, state) }
        // Places with a running task are kept first, then those with any, the lowest slots before the highest.
        let present = places.filter {
            $0.value.contains(where: \.isWanted) || SlotReconciler.hasEnded($0.value, service)
        }
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
        let placement = service.spec.taskTemplate.placement ?? Placement()
        let unread = places.filter { place, tasks in
            guard case .node(let id) = place, state.isUnread(node: id) else { return false }
            return tasks.contains { $0.isWanted || $0.isLive }
        }
        return Set(unread.keys).union(
            state.nodes.shared.lazy.map(\.value).filter { node in
                guard placement.admits(node), node.description != nil else { return false }
                let isPresent = (places[.node(node.id)] ?? []).contains { $0.isWanted || $0.isLive }
                switch node.spec.availability {
                case .active: return node.status.state != .down || isPresent
                case .pause: return isPresent
                case .drain: return false
                }
            }.map { .node($0.id) })
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
