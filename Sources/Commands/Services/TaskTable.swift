import DockerClient
package import Templates

/// Tasks as `service ps` and `node ps` list them.
package struct TaskTable {
    package static let listing = Listing(
        table:
            "table {{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}\t{{.Ports}}",
        headers: [
            "ID": "ID", "Name": "NAME", "Image": "IMAGE", "Node": "NODE", "DesiredState": "DESIRED STATE",
            "CurrentState": "CURRENT STATE", "Error": "ERROR", "Ports": "PORTS",
        ],
        raw: [
            "id: {{.ID}}", "name: {{.Name}}", "image: {{.Image}}", "node: {{.Node}}",
            "desired_state: {{.DesiredState}}", "current_state: {{.CurrentState}}", "error: {{.Error}}",
            "ports: {{.Ports}}",
        ], typeName: "*task.taskContext")

    private let client: DaemonClient
    private let flags: ParsedFlags

    init(_ client: DaemonClient, _ flags: ParsedFlags) {
        self.client = client
        self.flags = flags
    }

    /// - Parameter isShort: Whether ids and images are cut.
    func show(_ tasks: [JSON], isShort: Bool) async throws {
        let names = try await SwarmNames.load(client, resolves: !flags.isSet("no-resolve"))
        let format = flags.string("format")
        let named = tasks.map { (name: names.task($0), node: names.node($0["NodeID"].text), task: $0) }
        try Self.listing.show(
            Self.rows(named, isShort: isShort, format: format), format: format, isQuiet: flags.isSet("quiet"))
    }

    /// The newest task of a slot first; in tables the earlier ones stand under it, elsewhere names are names.
    package static func rows(_ tasks: [(name: String, node: String, task: JSON)], isShort: Bool, format: String?)
        -> [Row]
    {
        let isTable = format.map { $0.isEmpty || $0.hasPrefix("table") } ?? true
        let sorted = tasks.sorted {
            if $0.name != $1.name { return NaturalOrder.comesBefore($0.name, $1.name) }
            return $0.task["CreatedAt"].text > $1.task["CreatedAt"].text
        }
        var previous = ""
        return sorted.map { entry in
            let name = isTable && entry.name == previous ? " \\_ \(entry.name)" : entry.name
            previous = entry.name
            return row(entry.task, name, entry.node, isShort: isShort)
        }
    }

    static func row(_ task: JSON, _ name: String, _ node: String, isShort: Bool) -> Row {
        let status = task["Status"]
        let id = task["ID"].text
        var failure = status["Err"].text
        if isShort, failure.count > 30 { failure = String(failure.prefix(29)) + "…" }
        let image = task["Spec"]["ContainerSpec"]["Image"].text
        let state = status["State"].text
        let ports = status["PortStatus"]["Ports"].elements.map { port in
            "*:\(port["PublishedPort"].unsigned)->\(port["TargetPort"].unsigned)/\(port["Protocol"].text)"
        }
        return Row([
            "ID": .string(isShort ? String(id.prefix(12)) : id), "Name": .string(name),
            "Image": .string(isShort ? ServiceRow.withoutDigest(image) : image), "Node": .string(node),
            "DesiredState": .string(title(task["DesiredState"].text)),
            "CurrentState": .string("\(title(state)) \(Units.ago(status["Timestamp"].text).lowercased())"),
            "Error": .string(failure.isEmpty ? "" : "\"\(failure)\""), "Ports": .string(ports.joined(separator: ",")),
        ])
    }

    static func title(_ word: String) -> String { word.prefix(1).uppercased() + word.dropFirst() }
}

/// Names of services and nodes by id.
struct SwarmNames {
    let services: [String: String]
    let nodes: [String: String]

    /// - Parameter resolves: Otherwise ids stay ids.
    static func load(_ client: DaemonClient, resolves: Bool) async throws -> SwarmNames {
        guard resolves else { return SwarmNames(services: [:], nodes: [:]) }
        let services = try await client.json(.get("/services")).elements
        let nodes = try await client.json(.get("/nodes")).elements
        return SwarmNames(
            services: Dictionary(services.map { ($0["ID"].text, $0["Spec"]["Name"].text) }) { $1 },
            nodes: Dictionary(
                nodes.map { node in
                    let own = node["Spec"]["Name"].text
                    return (node["ID"].text, own.isEmpty ? node["Description"]["Hostname"].text : own)
                }
            ) { $1 })
    }

    func service(_ id: String) -> String { services[id] ?? id }
    func node(_ id: String) -> String { nodes[id] ?? id }

    /// `web.1`, or with a node's id for global services.
    func task(_ task: JSON) -> String {
        let slot = task["Slot"].integer ?? 0
        let owner = service(task["ServiceID"].text)
        return slot != 0 ? "\(owner).\(slot)" : "\(owner).\(task["NodeID"].text)"
    }
}
