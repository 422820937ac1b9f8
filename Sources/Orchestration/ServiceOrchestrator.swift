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

    let makeID: @Sendable () -> String

    func run(_ draft: inout SwarmDraft) {
        let tasks = Dictionary(grouping: draft.state.tasks.values, by: \.serviceID)
        for service in draft.state.services.values.sorted(by: { $0.id < $1.id }) {
            let places = Dictionary(grouping: tasks[service.id] ?? [], by: \.place)
            reconcile(service, places, &draft)
        }
        for (serviceID, orphans) in tasks where draft.state.services[serviceID] == nil {
            for task in orphans where task.desiredState != .remove { retire(task, to: .remove, &draft) }
        }
    }

    private func reconcile(_ service: Service, _ places: [Place: [SwarmTask]], _ draft: inout SwarmDraft) {
        let wanted = wantedPlaces(service, places, draft.state)
        for (place, tasks) in places where !wanted.contains(place) {
            for task in tasks where task.isWanted { retire(task, to: .remove, &draft) }
        }
        var update = RollingUpdate(service: service)
        for place in wanted { update.count(places[place] ?? []) }
        for place in wanted.sorted() {
            var seat = Seat(service: service, place: place, tasks: places[place] ?? [], makeID: makeID)
            seat.settle(&draft, &update)
        }
        finish(update, service, &draft)
    }

    private func wantedPlaces(_ service: Service, _ places: [Place: [SwarmTask]], _ state: SwarmState) -> Set<Place> {
        if service.spec.isGlobal {
            let constraints = (service.spec.taskTemplate.placement?.constraints ?? []).compactMap {
                // Checked when the service was created.
                try? PlacementConstraint($0)
            }
            return Set(
                state.nodes.values.filter { node in
                    guard constraints.allSatisfy({ $0.matches(node) }), node.description != nil else { return false }
                    switch node.spec.availability {
                    case .active: return node.status.state != .down || places[.node(node.id)] != nil
                    case .pause: return places[.node(node.id)] != nil
                    case .drain: return false
                    }
                }.map { .node($0.id) })
        }
        // Places with a running task are kept first, then those with any, the lowest slots before the highest.
        let present = places.filter { $0.value.contains(where: \.isWanted) || Seat.hasEnded($0.value, service) }
        let kept = present.sorted { left, right in
            let order = [left, right].map { $0.value.contains { $0.isWanted && $0.status.state == .running } ? 0 : 1 }
            return (order[0], left.key) < (order[1], right.key)
        }.prefix(service.spec.replicas).map(\.key)
        var wanted = Set(kept)
        var slot = 1
        while wanted.count < service.spec.replicas {
            wanted.insert(.slot(slot))
            slot += 1
        }
        return wanted
    }

    private func retire(_ task: SwarmTask, to desired: TaskState, _ draft: inout SwarmDraft) {
        var task = task
        task.desiredState = desired
        draft.put(task)
    }

    private func finish(_ update: RollingUpdate, _ service: Service, _ draft: inout SwarmDraft) {
        guard service.updateStatus?.state == "updating", !update.isUnderWay,
            var current = draft.state.services[service.id]
        else { return }
        current.updateStatus?.state = "completed"
        current.updateStatus?.completedAt = draft.now
        current.updateStatus?.message = "update completed"
        draft.put(current)
    }
}

extension SwarmTask {
    var place: ServiceOrchestrator.Place { slot.map { .slot($0) } ?? .node(nodeID ?? "") }
}

/// How many places an update may have in hand at once, and how many it has.
struct RollingUpdate {
    private let template: TaskSpec
    private let parallelism: Int
    private let delaySeconds: Int64
    let startsFirst: Bool
    private(set) var dirty = 0
    private var inHand = 0
    private var lastDone: Timestamp?

    init(service: Service) {
        template = service.spec.taskTemplate
        let configuration = service.spec.updateConfig
        parallelism = configuration.map { $0.parallelism == 0 ? Int.max : Int(clamping: $0.parallelism) } ?? 1
        delaySeconds = (configuration?.delay ?? 0) / 1_000_000_000
        startsFirst = configuration?.order == "start-first"
    }

    mutating func count(_ tasks: [SwarmTask]) {
        let old = tasks.filter { $0.isWanted && $0.spec != template }
        if !old.isEmpty { dirty += 1 }
        let new = tasks.filter { $0.isWanted && $0.spec == template }
        // A place that has a history of another specification is in hand until its new task runs.
        let isUpdated = tasks.contains { $0.spec != template }
        if isUpdated, new.contains(where: { $0.status.state < .running }) { inHand += 1 }
        if isUpdated, let done = new.filter({ $0.status.state == .running }).map(\.status.timestamp).max() {
            lastDone = max(lastDone ?? done, done)
        }
    }

    var isUnderWay: Bool { dirty > 0 || inHand > 0 }

    /// Takes one more place in hand if that is allowed by now.
    mutating func mayReplace(_ draft: inout SwarmDraft) -> Bool {
        guard inHand < parallelism else { return false }
        if delaySeconds > 0, let lastDone {
            let next = lastDone.advanced(bySeconds: delaySeconds)
            guard next <= draft.now else {
                draft.wake(at: next)
                return false
            }
        }
        inHand += 1
        return true
    }
}
