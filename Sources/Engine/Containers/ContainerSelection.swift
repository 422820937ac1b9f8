import EngineInterface
import Model

/// Which containers a list shows. Source: Engine API 1.50, `ContainerList`.
struct ContainerSelection {
    static let keys: Set<String> = [
        "ancestor", "before", "expose", "exited", "health", "id", "isolation", "is-task", "label", "name", "network",
        "publish", "since", "status", "volume",
    ]

    let query: ContainerQuery
    /// Image names by image id, for `ancestor`.
    let imageNames: [String: [String]]

    func select(_ records: [ContainerRecord]) throws -> [ContainerRecord] {
        let filters = query.filters
        try filters.allow(Self.keys)
        for status in filters["status"]
        where !["created", "running", "paused", "restarting", "removing", "exited", "dead"].contains(status) {
            throw FilterError.invalid(name: "status", value: status)
        }
        for status in filters["health"] where !["starting", "healthy", "unhealthy", "none"].contains(status) {
            throw FilterError.invalid(name: "health", value: status)
        }
        for code in filters["exited"] where Int(code) == nil {
            throw FilterError.invalid(name: "exited", value: code)
        }
        let read = try Read(filters)
        let newestFirst = records.sorted { ($0.created, $0.id) > ($1.created, $1.id) }
        var chosen = newestFirst.filter { record in
            let limited = (query.limit ?? 0) > 0
            let shown =
                query.all || limited || record.isRunning || !filters["status"].isEmpty || !filters["exited"].isEmpty
            return shown && matches(record, filters, read)
        }
        if let since = filters["since"].first {
            chosen = try clip(chosen, newestFirst, since) { $0.created > $1.created }
        }
        if let before = filters["before"].first {
            chosen = try clip(chosen, newestFirst, before) { $0.created < $1.created }
        }
        if let limit = query.limit, limit > 0 { chosen = Array(chosen.prefix(limit)) }
        return chosen
    }

    private func clip(
        _ chosen: [ContainerRecord], _ all: [ContainerRecord], _ reference: String,
        _ keeps: (ContainerRecord, ContainerRecord) -> Bool
    ) throws -> [ContainerRecord] {
        guard let other = all.first(where: { $0.id.hasPrefix(reference) || $0.name == reference }) else {
            throw ContainerError.notFound(reference)
        }
        return chosen.filter { keeps($0, other) }
    }

    /// The filters that must be read first.
    private struct Read {
        let exposed: [PortFilter]
        let published: [PortFilter]
        let isTask: Bool?

        init(_ filters: Filters) throws {
            exposed = try filters["expose"].map { try PortFilter($0, of: "expose") }
            published = try filters["publish"].map { try PortFilter($0, of: "publish") }
            isTask = try filters.flag("is-task")
        }
    }

    private func matches(_ record: ContainerRecord, _ filters: Filters, _ read: Read) -> Bool {
        filters.any("id") { record.id.hasPrefix($0) }
            && filters.any("name") { wanted in Self.nameMatches("/" + record.name, wanted) }
            && filters.any("status") { record.phase.status == $0 }
            && filters.any("exited") { record.phase.status == "exited" && $0 == String(record.phase.exitCode) }
            && filters.labelsMatch(record.configuration.labels ?? [:])
            && filters.any("network") { wanted in
                record.networkMode == wanted
                    || record.endpoints.contains {
                        $0.networkName == wanted || (!$0.networkID.isEmpty && $0.networkID.hasPrefix(wanted))
                    }
            }
            && filters.any("volume") { wanted in
                record.mounts.contains { $0.name == wanted || $0.destination == wanted }
            }
            && (read.isTask.map { $0 == (record.task != nil) } ?? true)
            && filters.any("ancestor") { wanted in
                record.configuration.image == wanted || record.imageID == wanted
                    || record.imageID.hasPrefix("sha256:" + wanted)
                    || (imageNames[record.imageID] ?? []).contains {
                        $0 == wanted || $0 == wanted + ":latest" || $0.hasPrefix(wanted + ":") && !wanted.contains(":")
                    }
            }
            && (read.exposed.isEmpty
                || read.exposed.contains { wanted in
                    (record.configuration.exposedPorts ?? [:]).keys.contains { wanted.matches($0) }
                })
            && (read.published.isEmpty
                || read.published.contains { wanted in
                    record.publishedPorts.contains {
                        wanted.matches($0.hostPort, $0.transport) || wanted.matches($0.key)
                    }
                })
            && filters.any("health") { (record.health?.status ?? "none") == $0 }
            && filters.any("isolation") { $0 == "default" || $0.isEmpty }
    }

    /// A filter's value is a pattern: anchors are honoured, everything else is taken literally.
    static func nameMatches(_ name: String, _ pattern: String) -> Bool {
        var wanted = Substring(pattern)
        let fromStart = wanted.hasPrefix("^")
        if fromStart { wanted = wanted.dropFirst() }
        let toEnd = wanted.hasSuffix("$")
        if toEnd { wanted = wanted.dropLast() }
        let candidates = [name, String(name.drop { $0 == "/" })]
        return candidates.contains { candidate in
            switch (fromStart, toEnd) {
            case (true, true): return candidate == wanted
            case (true, false): return candidate.hasPrefix(wanted)
            case (false, true): return candidate.hasSuffix(wanted)
            case (false, false): return candidate.contains(wanted)
            }
        }
    }
}
