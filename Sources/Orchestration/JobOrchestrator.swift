import Model

/// Runs a job: tasks that are to complete, so many of them in so many slots, or one on each node.
///
/// Each execution of a job has tasks of its own; those of earlier ones that still run are removed.
struct JobOrchestrator {
    typealias Place = ServiceOrchestrator.Place

    let makeID: @Sendable () -> String

    func reconcile(_ service: Service, _ places: [Place: [SwarmTask]], _ draft: inout SwarmDraft) {
        var current: [Place: [SwarmTask]] = [:]
        for (place, tasks) in places {
            for task in tasks where !service.isUpToDate(task, on: nil) {
                if task.isLive, task.desiredState != .remove { draft.retire(task, to: .remove) }
                if task.keepsPlace { draft.retire(task, to: .shutdown) }
            }
            let own = tasks.filter { service.isUpToDate($0, on: nil) && $0.desiredState != .remove }
            if !own.isEmpty { current[place] = own }
        }
        let wanted =
            service.spec.mode.globalJob != nil
            ? nodes(service, current, &draft) : slots(service, current)
        for place in wanted.sorted() {
            SlotReconciler(service: service, place: place, tasks: current[place] ?? [], makeID: makeID).work(&draft)
        }
    }

    /// The slots to work in: those that are begun and not done, and new ones as far as may run at once.
    private func slots(_ service: Service, _ current: [Place: [SwarmTask]]) -> Set<Place> {
        let job = service.spec.mode.replicatedJob ?? .init()
        let total = Int(clamping: job.totalCompletions ?? job.maxConcurrent ?? 1)
        var open = Set(current.filter { !Self.isOver($0.value, service) }.keys)
        let concurrent = min(
            Int(clamping: job.maxConcurrent ?? 1), open.count + ServiceOrchestrator.room(beside: current))
        var slot = 0
        while open.count < concurrent, slot < total {
            if current[.slot(slot)] == nil { open.insert(.slot(slot)) }
            slot += 1
        }
        return open
    }

    private func nodes(
        _ service: Service, _ current: [Place: [SwarmTask]], _ draft: inout SwarmDraft
    ) -> Set<Place> {
        let fit = ServiceOrchestrator.nodes(for: service, current, draft.state)
        for (place, tasks) in current where !fit.contains(place) {
            for task in tasks where task.keepsPlace || (task.isWanted && task.isLive) {
                draft.retire(task, to: .shutdown)
            }
        }
        return fit.filter { !Self.isOver(current[$0] ?? [], service) }
    }

    /// The place's work is done, or has failed for good.
    private static func isOver(_ tasks: [SwarmTask], _ service: Service) -> Bool {
        tasks.contains { $0.status.state == .complete } || SlotReconciler.hasEnded(tasks, service)
    }
}

extension SwarmTask {
    /// It has ended, and only keeps its place until the next one may come, see ``RestartRule/heldUntil(by:at:)``.
    fileprivate var keepsPlace: Bool { !isLive && desiredState == .ready }
}
