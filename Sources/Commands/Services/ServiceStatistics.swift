import DockerClient
package import Templates

extension Command {
    static let serviceStatistics = Command(
        "service stats", arity: .atLeast(1),
        help: """
            Usage:  apus service stats [OPTIONS] SERVICE [SERVICE...]

            Display a live stream of the resource usage of services' tasks, on all nodes

            Options:
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --no-stream       One look, then end
                  --no-trunc        Shorten nothing
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let request = Request.get("/usage", call.arguments.map { ("service", $0) })
        let isShort = !flags.isSet("no-trunc")
        try await Refresh.run(isOnce: flags.isSet("no-stream")) {
            let tasks = try await client.json(request)["Tasks"].elements
            return try TaskUsageRow.listing.render(
                tasks.map { TaskUsageRow.row($0, isShort: isShort) }, format: flags.string("format"))
        }
    }
}

/// Shows something anew again and again, on a terminal in place of what was there.
enum Refresh {
    /// Nodes tell every ten seconds; so what they tell is seen soon.
    static let interval = Duration.seconds(2)

    static func run(isOnce: Bool, _ text: () async throws -> String) async throws {
        let isTerminal = !isOnce && Console.isTerminal(1)
        while true {
            let started = ContinuousClock.now
            let shown = try await text()
            Console.text((isTerminal ? "\u{1b}[2J\u{1b}[H" : "") + shown)
            if isOnce { return }
            try await Task.sleep(until: started + interval, clock: .continuous)
        }
    }
}

/// A task of `GET /usage`, in the columns of `stats`.
package enum TaskUsageRow {
    package static let listing = Listing(
        table:
            "table {{.ID}}\t{{.Name}}\t{{.Node}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
        headers: [
            "ID": "TASK ID", "Container": "CONTAINER ID", "Name": "NAME", "Service": "SERVICE", "Node": "NODE",
            "State": "STATE", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %",
            "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
        ])

    /// A task's line.
    /// - Parameter task: As `GET /usage` tells of it.
    package static func row(_ task: JSON, isShort: Bool) -> Row {
        let (id, container) = (task["ID"].text, task["ContainerID"].text)
        return Row([
            "ID": .string(isShort ? Units.shortID(id) : id),
            "Container": .string(isShort ? Units.shortID(container) : container), "Name": task["Name"],
            "Service": task["ServiceName"], "Node": task["NodeName"], "State": task["State"],
            "CPUPerc": .string(UsageText.percent(task["Cores"])),
            "MemUsage": .string(UsageText.binary(task["MemoryBytes"], task["MemoryLimitBytes"])),
            "MemPerc": .string(UsageText.share(task["MemoryBytes"], task["MemoryLimitBytes"])),
            "NetIO": .string(UsageText.decimal(task["NetworkReceivedBytes"], task["NetworkSentBytes"])),
            "BlockIO": .string(UsageText.decimal(task["BlockReadBytes"], task["BlockWrittenBytes"])),
            "PIDs": .string(task["Processes"].isNull ? UsageText.unknown : "\(task["Processes"].unsigned)"),
        ])
    }
}

/// Figures of `GET /usage`, as `stats` writes them; what has not been told is `--`.
enum UsageText {
    static let unknown = "--"

    /// Of one processor.
    static func percent(_ cores: JSON) -> String {
        cores.double.map { Printing.number("%.2f", $0 * 100) + "%" } ?? unknown
    }

    static func share(_ part: JSON, _ whole: JSON) -> String {
        guard let part = part.double, let whole = whole.double, whole > 0 else { return unknown }
        return Printing.number("%.2f", part / whole * 100) + "%"
    }

    static func binary(_ part: JSON, _ whole: JSON) -> String {
        "\(part.double.map(Units.binarySize) ?? unknown) / \(whole.double.map(Units.binarySize) ?? unknown)"
    }

    static func decimal(_ first: JSON, _ second: JSON) -> String {
        func text(_ value: JSON) -> String { value.double.map { Units.size($0, digits: 3) } ?? unknown }
        return "\(text(first)) / \(text(second))"
    }
}
