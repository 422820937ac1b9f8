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
    /// The ids of `host` and `none`, by name.
    var plainNetworks: [String: String] = [:]

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
            && filters.match("name", ["/" + record.name, record.name])
            && filters.any("status") { record.phase.status == $0 }
            && filters.any("exited") { record.phase.status == "exited" && $0 == String(record.phase.exitCode) }
            && filters.labelsMatch(record.configuration.labels ?? [:])
            && filters.any("network") { isOn($0, record) }
            && filters.any("volume") { requested in
                record.mounts.contains { $0.name == requested || $0.destination == requested }
            }
            && (read.isTask.map { $0 == (record.task != nil) } ?? true)
            && filters.any("ancestor") { requested in
                record.configuration.image == requested || record.imageID == requested
                    || record.imageID.hasPrefix("sha256:" + requested)
                    || (imageNames[record.imageID] ?? []).contains {
                        $0 == requested || $0 == requested + ":latest"
                            || $0.hasPrefix(requested + ":") && !requested.contains(":")
                    }
            }
            && (read.exposed.isEmpty
                || read.exposed.contains { requested in
                    (record.configuration.exposedPorts ?? [:]).keys.contains { requested.matches($0) }
                })
            && (read.published.isEmpty
                || read.published.contains { requested in
                    record.publishedPorts.contains {
                        requested.matches($0.hostPorts, $0.transport)
                            || requested.matches($0.containerPorts, $0.transport)
                    }
                })
            && filters.any("health") { (record.health?.status ?? "none") == $0 }
            && filters.any("isolation") { $0 == "default" || $0.isEmpty }
    }

    /// - Parameter requested: A network's name, or the beginning of its id.
    private func isOn(_ requested: String, _ record: ContainerRecord) -> Bool {
        // From `none` a container may have gone since it was made.
        if record.networkMode == requested, requested != LocalNetwork.noneName { return true }
        if let name = record.plainNetwork {
            if name == requested { return true }
            if let id = plainNetworks[name], !requested.isEmpty, id.hasPrefix(requested) { return true }
        }
        return record.endpoints.contains {
            $0.networkName == requested || (!$0.networkID.isEmpty && $0.networkID.hasPrefix(requested))
        }
    }
}
