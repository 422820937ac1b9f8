import DockerClient
package import Templates

extension Command {
    static let containerStatistics = Command(
        "container stats", aliases: ["stats"], arity: .atLeast(0),
        help: """
            Usage:  apus container stats [OPTIONS] [CONTAINER...]

            Display a live stream of container(s) resource usage statistics

            Aliases:
              apus container stats, apus stats

            Options:
              -a, --all             Also those that do not run (default shows just running)
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --no-stream       One look, then end
                  --no-trunc        Shorten nothing
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let listing = StatisticsRow.listing
        let isShort = !flags.isSet("no-trunc")
        let names = call.arguments
        if names.isEmpty, !flags.isSet("no-stream") {
            return try await StatisticsWatch(
                client: client, names: [], includesStopped: flags.isSet("all"), isShort: isShort,
                format: flags.string("format")
            ).run()
        }
        if flags.isSet("no-stream") {
            let requested = names.isEmpty ? try await StatisticsWatch.running(client, all: flags.isSet("all")) : names
            let rows = try await StatisticsWatch.samples(client, requested)
            return try listing.show(
                rows.map { StatisticsRow.row($0.name, $0.sample, isShort: isShort) }, format: flags.string("format"))
        }
        // A name that is unknown ends it before it begins.
        for name in names { _ = try await client.bytes(.get(ContainerRoute.of(name, "/json"))) }
        try await StatisticsWatch(
            client: client, names: names, includesStopped: true, isShort: isShort, format: flags.string("format")
        ).run()
    }
}

/// Shows figures until it is ended.
struct StatisticsWatch {
    let client: DaemonClient
    /// Empty for all that run, as they come and go.
    let names: [String]
    let includesStopped: Bool
    let isShort: Bool
    let format: String?

    static func running(_ client: DaemonClient, all: Bool) async throws -> [String] {
        let answer = try await client.json(.get("/containers/json", all ? [("all", "1")] : []))
        return answer.elements.map { Units.shortID($0["Id"].text) }
    }

    /// One sample of each, two readings a second apart in it; all at once.
    static func samples(_ client: DaemonClient, _ names: [String]) async throws -> [(name: String, sample: JSON)] {
        try await withThrowingTaskGroup(of: (Int, JSON).self) { group in
            for (index, name) in names.enumerated() {
                group.addTask {
                    (index, try await client.json(.get(ContainerRoute.of(name, "/stats"), [("stream", "0")])))
                }
            }
            var found: [Int: JSON] = [:]
            for try await (index, sample) in group { found[index] = sample }
            return names.enumerated().map { ($0.element, found[$0.offset] ?? .null) }
        }
    }

    /// Each round waits for the engine's samples, which take a second: that is the pace.
    func run() async throws {
        let isTerminal = Console.isTerminal(1)
        while true {
            let requested = names.isEmpty ? try await Self.running(client, all: includesStopped) : names
            let started = ContinuousClock.now
            var rows: [Row] = []
            do {
                rows = try await Self.samples(client, requested).map {
                    StatisticsRow.row($0.name, $0.sample, isShort: isShort)
                }
            } catch let error as DockerError where error.isNotFound && names.isEmpty {
                // One that was listed has gone meanwhile: the next round lists again.
                continue
            }
            let text = try StatisticsRow.listing.render(rows, format: format)
            Console.text((isTerminal ? "\u{1b}[2J\u{1b}[H" : "") + text)
            try await Task.sleep(until: started + .seconds(1), clock: .continuous)
        }
    }
}

/// A sample of `GET /containers/{id}/stats` as a row of `stats`.
package enum StatisticsRow {
    package static let listing = Listing(
        table:
            "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
        headers: [
            "Container": "CONTAINER", "ID": "CONTAINER ID", "Name": "NAME", "CPUPerc": "CPU %",
            "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O",
            "PIDs": "PIDS",
        ], typeName: "*container.statsContext")

    /// - Parameter name: As the user gave it.
    package static func row(_ name: String, _ sample: JSON, isShort: Bool) -> Row {
        let id = sample["id"].text
        let plain = sample["name"].text
        let shown = plain.hasPrefix("/") ? String(plain.dropFirst()) : plain
        let memory = memoryUse(sample["memory_stats"])
        let limit = sample["memory_stats"]["limit"].double ?? 0
        let share = limit > 0 ? memory / limit * 100 : 0
        var received = 0.0
        var sent = 0.0
        for network in sample["networks"].members {
            received += network.value["rx_bytes"].double ?? 0
            sent += network.value["tx_bytes"].double ?? 0
        }
        let (read, written) = blockTraffic(sample["blkio_stats"])
        return Row([
            "Container": .string(name), "ID": .string(isShort ? Units.shortID(id) : id),
            "Name": .string(shown.isEmpty ? "--" : shown),
            "CPUPerc": .string(Printing.number("%.2f", cpuShare(sample)) + "%"),
            "MemUsage": .string("\(Units.binarySize(memory)) / \(Units.binarySize(limit))"),
            "MemPerc": .string(Printing.number("%.2f", share) + "%"),
            "NetIO": .string("\(Units.size(received, digits: 3)) / \(Units.size(sent, digits: 3))"),
            "BlockIO": .string("\(Units.size(read, digits: 3)) / \(Units.size(written, digits: 3))"),
            "PIDs": .string("\(sample["pids_stats"]["current"].unsigned)"),
        ])
    }

    /// Per cent of one CPU, between the two readings of a sample.
    private static func cpuShare(_ sample: JSON) -> Double {
        let now = sample["cpu_stats"]
        let before = sample["precpu_stats"]
        let own = (now["cpu_usage"]["total_usage"].double ?? 0) - (before["cpu_usage"]["total_usage"].double ?? 0)
        let whole = (now["system_cpu_usage"].double ?? 0) - (before["system_cpu_usage"].double ?? 0)
        var cpus = now["online_cpus"].double ?? 0
        if cpus == 0 { cpus = Double(now["cpu_usage"]["percpu_usage"].elements.count) }
        return own > 0 && whole > 0 ? own / whole * cpus * 100 : 0
    }

    /// Without the cache that the kernel can take back at once.
    private static func memoryUse(_ memory: JSON) -> Double {
        let usage = memory["usage"].double ?? 0
        for name in ["total_inactive_file", "inactive_file"] {
            if let cache = memory["stats"][name].double, cache < usage { return usage - cache }
        }
        return usage
    }

    private static func blockTraffic(_ block: JSON) -> (read: Double, written: Double) {
        var read = 0.0
        var written = 0.0
        for entry in block["io_service_bytes_recursive"].elements {
            switch entry["op"].text.first {
            case "r", "R": read += entry["value"].double ?? 0
            case "w", "W": written += entry["value"].double ?? 0
            default: break
            }
        }
        return (read, written)
    }
}
