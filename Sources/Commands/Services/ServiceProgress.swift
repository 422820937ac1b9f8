import DockerClient
package import Templates

/// What there is to tell of a service's tasks on their way to running.
package struct ServiceProgress {
    /// More tasks than this get no lines of their own.
    static let mostBars: UInt64 = 20
    static let last: Int64 = 9

    private static let order = [
        "new": 1, "allocated": 2, "pending": 3, "assigned": 4, "accepted": 5, "preparing": 6, "ready": 7,
        "starting": 8, "running": 9, "complete": 10, "shutdown": 11, "failed": 12, "rejected": 13,
    ]

    private let isGlobal: Bool
    package let isJob: Bool
    private var hasBegun = false
    private var isDone = false
    /// Slot or node → line.
    private var lines: [String: Int] = [:]

    package init(_ service: JSON) {
        let mode = service["Spec"]["Mode"]
        isGlobal = !mode["Global"].isNull || !mode["GlobalJob"].isNull
        isJob = !mode["ReplicatedJob"].isNull || !mode["GlobalJob"].isNull
    }

    /// One message as engines send them for a pull.
    package static func message(_ id: String, _ text: String) -> JSON {
        ["id": .string(id), "status": .string(text), "progressDetail": .object([])]
    }

    /// - Returns: Progress messages, and whether all that should run does.
    package mutating func update(_ service: JSON, _ tasks: [JSON], activeNodes: Set<String>, _ isRollingBack: Bool)
        -> (messages: [JSON], isConverged: Bool)
    {
        let chosen = chosenTasks(tasks, activeNodes)
        let desired = total(service, chosen)
        var messages: [JSON] = []
        guard !isGlobal || !chosen.isEmpty else {
            // A global service has no tasks before it is looked at; how many it will have is not known.
            if !hasBegun { messages.append(Self.message("overall progress", "waiting for new tasks")) }
            hasBegun = true
            return (messages, false)
        }
        if !hasBegun || (isGlobal && lines.isEmpty) {
            messages.append(overall(0, desired, isRollingBack))
            if !isGlobal, desired <= Self.mostBars {
                for index in 0..<desired { messages.append(Self.message("\(index + 1)/\(desired)", " ")) }
            }
            hasBegun = true
        }
        let goal = isJob ? "complete" : "running"
        if isDone, chosen.contains(where: { $0["Status"]["State"].text != goal }) { isDone = false }
        var running: UInt64 = 0
        for task in chosen {
            let key = isGlobal ? task["NodeID"].text : "\(task["Slot"].integer ?? 0)"
            let line = lines[key] ?? lines.count + 1
            lines[key] = line
            let state = task["Status"]["State"].text
            if state == goal, isJob || !isTerminal(task["DesiredState"].text) { running += 1 }
            if let message = bar(task, line, desired, isRollingBack) { messages.append(message) }
        }
        if !isDone {
            messages.append(overall(running, desired, isRollingBack))
            isDone = running == desired
        }
        return (messages, running == desired)
    }

    private func total(_ service: JSON, _ chosen: [JSON]) -> UInt64 {
        let mode = service["Spec"]["Mode"]
        if isGlobal { return UInt64(chosen.count) }
        if isJob { return mode["ReplicatedJob"]["TotalCompletions"].unsigned }
        return mode["Replicated"]["Replicas"].unsigned
    }

    private func overall(_ running: UInt64, _ desired: UInt64, _ isRollingBack: Bool) -> JSON {
        let text = "\(running) out of \(desired) tasks"
        return Self.message("overall progress", isRollingBack ? "rolling back update: \(text)" : text)
    }

    private func isTerminal(_ state: String) -> Bool { (Self.order[state] ?? 0) > Self.last }

    /// One task a slot: the one that is desired least far along, then the one that is.
    private func chosenTasks(_ tasks: [JSON], _ activeNodes: Set<String>) -> [JSON] {
        var chosen: [String: JSON] = [:]
        func rank(_ task: JSON) -> (Int, Int) {
            (Self.order[task["DesiredState"].text] ?? 0, Self.order[task["Status"]["State"].text] ?? 0)
        }
        for task in tasks {
            let (desired, state) = rank(task)
            guard desired > 0, state > 0 else { continue }
            let node = task["NodeID"].text
            let key = isGlobal ? node : "\(task["Slot"].integer ?? 0)"
            if let known = chosen[key], rank(known) <= (desired, state) { continue }
            guard node.isEmpty ? !isGlobal : activeNodes.contains(node) else { continue }
            chosen[key] = task
        }
        return chosen.values.sorted {
            isGlobal
                ? $0["NodeID"].text < $1["NodeID"].text : ($0["Slot"].integer ?? 0) < ($1["Slot"].integer ?? 0)
        }
    }

    private func bar(_ task: JSON, _ line: Int, _ desired: UInt64, _ isRollingBack: Bool) -> JSON? {
        guard !isDone, desired <= Self.mostBars, UInt64(line) <= desired else { return nil }
        let id = isGlobal ? Units.shortID(task["NodeID"].text) : "\(line)/\(desired)"
        let failure = task["Status"]["Err"].text
        guard failure.isEmpty else {
            return Self.message(id, Units.ellipsis(failure.replacing("\n", with: " "), 75))
        }
        let state = task["Status"]["State"].text
        let position = Int64(Self.order[state] ?? 0)
        if !isJob, isTerminal(task["DesiredState"].text) || position > Self.last { return nil }
        let shown = state + String(repeating: " ", count: max(0, 9 - state.count))
        return [
            "id": .string(id), "status": .string(shown),
            "progressDetail": [
                "current": JSON(isRollingBack ? Self.last - position : position), "total": JSON(Self.last),
                "hidecounts": true,
            ],
        ]
    }
}
