import DockerClient
import DockerTypes
package import Templates

enum NodeCommands {
    static let all: [Command] = [
        .nodeDemote, .nodeInspect, .nodeList, .nodePromote, .nodeTasks, .nodeRemove, .nodeUpdate,
    ]
}

enum NodePath {
    static func of(_ reference: String, _ rest: String = "") -> String { "/nodes/\(Request.part(reference))\(rest)" }

    /// `self` is the node that is asked.
    static func resolved(_ reference: String, _ client: DaemonClient) async throws -> String {
        guard reference == "self" else { return reference }
        let id = try await client.json(.get("/info"))["Swarm"]["NodeID"].text
        // Where there is no id, the list says why: no swarm, or a worker.
        if id.isEmpty { try await client.send(.get("/nodes")) }
        return id
    }
}

extension Command {
    static let nodeList = Command(
        "node ls", aliases: ["node list"], arity: .none,
        help: """
            Usage:  apus node ls [OPTIONS]

            List nodes in the swarm

            Aliases:
              apus node ls, apus node list

            Options:
              -f, --filter filter   Only those that fit
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
              -q, --quiet           Ids alone
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let nodes = try await client.json(.get("/nodes", FilterArguments.query(flags.list("filter")))).elements.sorted {
            NaturalOrder.comesBefore($0["Description"]["Hostname"].text, $1["Description"]["Hostname"].text)
        }
        let isQuiet = flags.isSet("quiet")
        let info = nodes.isEmpty || isQuiet ? .null : try await client.json(.get("/info"))
        let own = info["Swarm"]["NodeID"].text
        let cluster = info["Swarm"]["Cluster"]["TLSInfo"]
        try NodeRow.listing.show(
            nodes.map { NodeRow.row($0, own: own, cluster: cluster) }, format: flags.string("format"), isQuiet: isQuiet)
    }

    static let nodeTasks = Command(
        "node ps", arity: .atLeast(0),
        help: """
            Usage:  apus node ps [OPTIONS] [NODE...]

            List tasks running on one or more nodes, defaults to current node

            Options:
              -f, --filter filter   Only those that fit
                  --format string   A Go template for each task
                  --no-resolve      Ids as they are, no names
                  --no-trunc        Shorten nothing
              -q, --quiet           Ids alone
            """
    ) { call in
        let client = try await call.client()
        var tasks: [JSON] = []
        var failures: [String] = []
        for name in call.arguments.isEmpty ? ["self"] : call.arguments {
            do {
                let reference = try await NodePath.resolved(name, client)
                let id = try await client.json(.get(NodePath.of(reference)))["ID"].text
                let filters = call.flags.list("filter") + ["node=\(id)"]
                tasks += try await client.json(.get("/tasks", FilterArguments.query(filters))).elements
            } catch { failures.append("\(error)") }
        }
        if failures.isEmpty || !tasks.isEmpty {
            try await TaskTable(client, call.flags).show(tasks, isShort: !call.flags.isSet("no-trunc"))
        }
        guard failures.isEmpty else { throw ExitError(1, failures.joined(separator: "\n")) }
    }

    static let nodeRemove = Command(
        "node rm", aliases: ["node remove"], arity: .atLeast(1),
        help: """
            Usage:  apus node rm [OPTIONS] NODE [NODE...]

            Remove one or more nodes from the swarm

            Aliases:
              apus node rm, apus node remove

            Options:
              -f, --force   Also when the node is up
            """
    ) { call in
        let client = try await call.client()
        let query = call.flags.isSet("force") ? [("force", "1")] : []
        try await Batch.run(call.arguments) { name in
            try await client.send(.delete(NodePath.of(name), query))
            return name
        }
    }

    static let nodeUpdate = Command(
        "node update", arity: .exactly(1),
        help: """
            Usage:  apus node update [OPTIONS] NODE

            Update a node

            Options:
                  --availability string   Whether the node takes tasks ("active", "pause", "drain")
                  --label-add list        Label to set ("key=value")
                  --label-rm list         Label to take off, by its key
                  --role string           What the node is to be ("worker", "manager")
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let name = try await NodePath.resolved(call.arguments[0], client)
        let node = try await client.json(.get(NodePath.of(name)))
        var spec = try EditedObject<NodeSpecChange>(node["Spec"])
        if let role = flags.string("role") { spec.value.role = role.lowercased() }
        if let availability = flags.string("availability") { spec.value.availability = availability.lowercased() }
        for item in flags.list("label-add") {
            let (key, value) = GoText.pair(item)
            spec.value.labels[key] = value ?? ""
        }
        for key in flags.list("label-rm") {
            guard spec.value.labels.removeValue(forKey: key) != nil else {
                throw ExitError(1, "key \(key) doesn't exist in node's labels")
            }
        }
        try await NodeChange.send(client, node, spec)
        Console.line(call.arguments[0])
    }

    static let nodePromote = Command(
        "node promote", arity: .atLeast(1),
        help: """
            Usage:  apus node promote NODE [NODE...]

            Promote one or more nodes to manager in the swarm
            """
    ) { call in
        try await NodeChange.roles(
            call, "manager", already: { "Node \($0) is already a manager." },
            done: { "Node \($0) promoted to a manager in the swarm." })
    }

    static let nodeDemote = Command(
        "node demote", arity: .atLeast(1),
        help: """
            Usage:  apus node demote NODE [NODE...]

            Demote one or more nodes from manager in the swarm
            """
    ) { call in
        try await NodeChange.roles(
            call, "worker", already: { "Node \($0) is already a worker." },
            done: { "Manager \($0) demoted in the swarm." })
    }
}

enum NodeChange {
    static func send(_ client: DaemonClient, _ node: JSON, _ spec: EditedObject<NodeSpecChange>) async throws {
        let version = [("version", "\(node["Version"]["Index"].unsigned)")]
        try await client.send(.post(NodePath.of(node["ID"].text, "/update"), version, try spec.json()))
    }

    static func roles(
        _ call: Invocation, _ role: String, already: (String) -> String, done: (String) -> String
    ) async throws {
        let client = try await call.client()
        for name in call.arguments {
            let reference = try await NodePath.resolved(name, client)
            let node = try await client.json(.get(NodePath.of(reference)))
            var spec = try EditedObject<NodeSpecChange>(node["Spec"])
            guard spec.value.role != role else {
                Console.line(already(node["ID"].text))
                continue
            }
            spec.value.role = role
            try await send(client, node, spec)
            Console.line(done(name))
        }
    }
}

/// A node of `GET /nodes` as a row of `node ls`.
package enum NodeRow {
    package static let listing = Listing(
        table:
            "table {{.ID}} {{if .Self}}*{{else}} {{end}}\t{{.Hostname}}\t{{.Status}}\t{{.Availability}}\t"
            + "{{.ManagerStatus}}\t{{.EngineVersion}}",
        headers: [
            "ID": "ID", "Self": "", "Hostname": "HOSTNAME", "Status": "STATUS", "Availability": "AVAILABILITY",
            "ManagerStatus": "MANAGER STATUS", "EngineVersion": "ENGINE VERSION", "TLSStatus": "TLS STATUS",
        ],
        raw: [
            "node_id: {{.ID}}", "hostname: {{.Hostname}}", "status: {{.Status}}", "availability: {{.Availability}}",
            "manager_status: {{.ManagerStatus}}",
        ], typeName: "*node.nodeContext")

    /// - Parameters:
    ///   - own: The id of the node that was asked.
    ///   - cluster: The `TLSInfo` that nodes should have.
    package static func row(_ node: JSON, own: String, cluster: JSON) -> Row {
        let manager = node["ManagerStatus"]
        var role = ""
        if !manager.isNull {
            role = manager["Leader"].isTrue ? "Leader" : TaskTable.title(manager["Reachability"].text)
        }
        let tls = node["Description"]["TLSInfo"]
        let certificates =
            cluster["TrustRoot"].text.isEmpty || tls["TrustRoot"].text.isEmpty
            ? "Unknown" : tls == cluster || same(tls, cluster) ? "Ready" : "Needs Rotation"
        return Row([
            "ID": node["ID"], "Self": .bool(node["ID"].text == own && !own.isEmpty),
            "Hostname": .string(node["Description"]["Hostname"].text),
            "Status": .string(TaskTable.title(node["Status"]["State"].text)),
            "Availability": .string(TaskTable.title(node["Spec"]["Availability"].text)), "ManagerStatus": .string(role),
            "TLSStatus": .string(certificates),
            "EngineVersion": .string(node["Description"]["Engine"]["EngineVersion"].text),
        ])
    }

    private static func same(_ left: JSON, _ right: JSON) -> Bool {
        ["TrustRoot", "CertIssuerSubject", "CertIssuerPublicKey"].allSatisfy { left[$0] == right[$0] }
    }
}
