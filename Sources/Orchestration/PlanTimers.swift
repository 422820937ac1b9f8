import Model

/// When what has been planned asks to be planned again.
struct PlanTimers {
    /// By service: its own, at `nil`, and those of its places.
    private var services: [String: [ServiceOrchestrator.Place?: Timestamp]] = [:]
    private var tasks: [String: Timestamp] = [:]

    /// A service and all of its places are planned anew.
    mutating func clear(service: String) { services[service] = nil }

    mutating func clear(_ places: Set<ServiceOrchestrator.Place>, of service: String) {
        guard services[service] != nil else { return }
        for place in places { services[service]?[place] = nil }
        if services[service]?.isEmpty == true { services[service] = nil }
    }

    mutating func clear(task: String) { tasks[task] = nil }

    mutating func set(_ wakes: [PlanSubject: Timestamp]) {
        for (subject, due) in wakes {
            switch subject {
            case .service(let id): services[id, default: [:]][nil as ServiceOrchestrator.Place?] = due
            case .place(let place, let id): services[id, default: [:]][place] = due
            case .task(let id): tasks[id] = due
            }
        }
    }

    /// The earliest of all.
    var next: Timestamp? {
        let ofServices = services.values.lazy.compactMap { $0.values.min() }.min()
        return [ofServices, tasks.values.min()].compactMap(\.self).min()
    }

    /// What has asked for a time that has come.
    func due(at now: Timestamp) -> [PlanSubject] {
        var subjects = tasks.filter { $0.value <= now }.map { PlanSubject.task($0.key) }
        for (id, timers) in services {
            for (place, due) in timers where due <= now {
                subjects.append(place.map { .place($0, of: id) } ?? .service(id))
            }
        }
        return subjects
    }
}
