import HeapModule
import Model

/// When what has been planned asks to be planned again. It costs what is set and what is due, however many others wait.
struct PlanTimers {
    private struct Entry: Comparable {
        let due: Timestamp
        let subject: PlanSubject
        static func == (left: Self, right: Self) -> Bool { left.due == right.due }
        static func < (left: Self, right: Self) -> Bool { left.due < right.due }
    }

    private var times: [PlanSubject: Timestamp] = [:]
    /// By service: which of its timers there are.
    private var ofService: [String: Set<PlanSubject>] = [:]
    /// Also entries that count no more: those that ``times`` has otherwise.
    private var entries = Heap<Entry>()

    /// A service and all of its places are planned anew.
    mutating func clear(service: String) {
        for subject in ofService.removeValue(forKey: service) ?? [] { times[subject] = nil }
    }

    mutating func clear(_ places: Set<ServiceOrchestrator.Place>, of service: String) {
        guard ofService[service] != nil else { return }
        for place in places { clear(.place(place, of: service), of: service) }
    }

    private mutating func clear(_ subject: PlanSubject, of service: String) {
        guard ofService[service]?.remove(subject) != nil else { return }
        times[subject] = nil
        if ofService[service]?.isEmpty == true { ofService[service] = nil }
    }

    mutating func clear(task: String) { times[.task(task)] = nil }

    mutating func set(_ wakes: [PlanSubject: Timestamp]) {
        for (subject, due) in wakes where times.updateValue(due, forKey: subject) != due {
            switch subject {
            case .service(let id), .place(_, let id): ofService[id, default: []].insert(subject)
            case .task: break
            }
            entries.insert(Entry(due: due, subject: subject))
        }
        // As many more as there are timers, so that it costs each of them the same.
        guard entries.count > 2 * times.count + 64 else { return }
        entries = Heap(times.map { Entry(due: $0.value, subject: $0.key) })
    }

    /// The earliest of all.
    var next: Timestamp? {
        mutating get {
            while let first = entries.min, times[first.subject] != first.due { entries.removeMin() }
            return entries.min?.due
        }
    }

    /// What has asked for a time that has come; it is asked for until it is cleared.
    mutating func due(at now: Timestamp) -> Set<PlanSubject> {
        var subjects: Set<PlanSubject> = []
        while let first = entries.min, first.due <= now {
            entries.removeMin()
            if times[first.subject] == first.due { subjects.insert(first.subject) }
        }
        for subject in subjects { if let due = times[subject] { entries.insert(Entry(due: due, subject: subject)) } }
        return subjects
    }

    /// Entries that are kept, those that count no more included.
    var size: Int { entries.count }
}
