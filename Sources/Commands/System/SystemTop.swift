import DockerClient
package import Templates

extension Command {
    static let systemTop = Command(
        "top", arity: .atLeast(0), stopsAtArgument: true,
        help: """
            Usage:  apus top [OPTIONS] | apus top CONTAINER [ps OPTIONS]

            Display what nodes, services and other containers of the swarm use, live; or the running processes of a container

            Options:
                  --by string       What a row is: 'node', 'service', 'task' or, of what belongs to no task, 'container'
                                    (default is nodes, and services and containers below)
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --no-stream       One look, then end
                  --sort string     What comes first: 'cpu', 'memory' or 'name' (default "cpu")
            """
    ) { call in
        let flags = call.flags
        guard call.arguments.isEmpty else { return try await ProcessListing.show(call) }
        let format = flags.string("format")
        let kinds: [UsageTable.Kind]
        if let text = flags.text("by") {
            guard let kind = UsageTable.Kind(rawValue: text) else {
                throw ExitError(
                    1, "invalid --by \(GoText.quoted(text)): must be \"node\", \"service\", \"task\" or \"container\"")
            }
            kinds = [kind]
        } else {
            kinds = format == nil ? [.node, .service] : [.service]
        }
        let sortText = flags.text("sort") ?? "cpu"
        guard let order = UsageTable.Order(rawValue: sortText) else {
            throw ExitError(
                1, "invalid --sort \(GoText.quoted(sortText)): must be \"cpu\", \"memory\" or \"name\"")
        }
        let client = try await call.client()
        try await Refresh.run(isOnce: flags.isSet("no-stream")) {
            let table = UsageTable(try await client.json(.get("/usage")))
            let isEverything = format == nil && flags.text("by") == nil
            let shown = isEverything && table.hasContainers ? kinds + [.container] : kinds
            return try shown.map { try table.text($0, order, format: format) }.joined(separator: "\n")
        }
    }
}

/// An answer of `GET /usage` as tables.
package struct UsageTable {
    /// What a row is.
    package enum Kind: String { case node, service, task, container }
    /// What comes first.
    package enum Order: String { case cpu, memory, name }

    private let answer: JSON

    package init(_ answer: JSON) { self.answer = answer }

    /// Whether containers run that belong to no task.
    package var hasContainers: Bool { !answer["Containers"].elements.isEmpty }

    /// - Parameter format: As `--format` has it; `nil` for columns.
    package func text(_ kind: Kind, _ order: Order, format: String?) throws -> String {
        switch kind {
        case .node:
            let nodes = sorted(answer["Nodes"].elements, order, name: "Name")
            return try Self.nodes.render(nodes.map(Self.node), format: format)
        case .service:
            return try Self.services.render(
                sorted(summed, order, name: "ServiceName").map(Self.service), format: format)
        case .task:
            let tasks = sorted(answer["Tasks"].elements, order, name: "Name")
            return try TaskUsageRow.listing.render(tasks.map { TaskUsageRow.row($0, isShort: true) }, format: format)
        case .container:
            let containers = sorted(answer["Containers"].elements, order, name: "Name")
            return try Self.containers.render(containers.map(Self.container), format: format)
        }
    }

    private static let nodes = Listing(
        table:
            "table {{.Name}}\t{{.Status}}\t{{.Availability}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.DiskUsage}}\t{{.Containers}}",
        headers: [
            "ID": "ID", "Name": "NODE", "Status": "STATUS", "Availability": "AVAILABILITY", "CPUPerc": "CPU %",
            "MemUsage": "MEM USAGE / TOTAL", "MemPerc": "MEM %", "DiskUsage": "DISK USAGE / TOTAL",
            "Containers": "CONTAINERS",
        ])

    private static let services = Listing(
        table: "table {{.Name}}\t{{.Tasks}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
        headers: [
            "ID": "ID", "Name": "SERVICE", "Tasks": "TASKS", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE",
            "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
        ])

    private static let containers = Listing(
        table:
            "table {{.Name}}\t{{.Node}}\t{{.State}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
        headers: [
            "ID": "CONTAINER ID", "Name": "CONTAINER", "Image": "IMAGE", "Node": "NODE", "State": "STATE",
            "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET I/O",
            "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
        ])

    private static func container(_ container: JSON) -> Row {
        Row([
            "ID": .string(Units.shortID(container["ID"].text)), "Name": container["Name"],
            "Image": container["Image"], "Node": container["NodeName"], "State": container["State"],
            "CPUPerc": .string(UsageText.percent(container["Cores"])),
            "MemUsage": .string(UsageText.binary(container["MemoryBytes"], container["MemoryLimitBytes"])),
            "MemPerc": .string(UsageText.share(container["MemoryBytes"], container["MemoryLimitBytes"])),
            "NetIO": .string(
                UsageText.decimal(container["NetworkReceivedBytes"], container["NetworkSentBytes"])),
            "BlockIO": .string(UsageText.decimal(container["BlockReadBytes"], container["BlockWrittenBytes"])),
            "PIDs": .string(container["Processes"].isNull ? UsageText.unknown : "\(container["Processes"].unsigned)"),
        ])
    }

    private func sorted(_ objects: [JSON], _ order: Order, name: String) -> [JSON] {
        func value(_ object: JSON) -> Double {
            switch order {
            case .cpu: object["Cores"].double ?? -1
            case .memory: object["MemoryBytes"].double ?? -1
            case .name: 0
            }
        }
        return objects.sorted { left, right in
            let (first, second) = (value(left), value(right))
            return first != second ? first > second : NaturalOrder.comesBefore(left[name].text, right[name].text)
        }
    }

    private static let summedFields = [
        "Cores", "MemoryBytes", "NetworkReceivedBytes", "NetworkSentBytes", "BlockReadBytes", "BlockWrittenBytes",
        "Processes",
    ]

    /// Services, each with what its tasks use together.
    private var summed: [JSON] {
        var services: [String: (name: String, tasks: Int, sums: [String: Double])] = [:]
        for task in answer["Tasks"].elements {
            var service = services[task["ServiceID"].text] ?? (task["ServiceName"].text, 0, [:])
            if task["State"].text == "running" { service.tasks += 1 }
            for field in Self.summedFields {
                if let value = task[field].double { service.sums[field, default: 0] += value }
            }
            services[task["ServiceID"].text] = service
        }
        return services.map { id, service in
            .object(
                [
                    JSON.Member("ServiceID", .string(id)), JSON.Member("ServiceName", .string(service.name)),
                    JSON.Member("Tasks", .number("\(service.tasks)")),
                ] + service.sums.map { JSON.Member($0.key, .number("\($0.value)")) })
        }
    }

    private static func node(_ node: JSON) -> Row {
        Row([
            "ID": node["ID"], "Name": node["Name"], "Status": .string(TaskTable.title(node["State"].text)),
            "Availability": .string(TaskTable.title(node["Availability"].text)),
            "CPUPerc": .string(UsageText.percent(node["Cores"])),
            "MemUsage": .string(UsageText.binary(node["MemoryBytes"], node["MemoryTotalBytes"])),
            "MemPerc": .string(UsageText.share(node["MemoryBytes"], node["MemoryTotalBytes"])),
            "DiskUsage": .string(UsageText.binary(node["DiskBytes"], node["DiskTotalBytes"])),
            "Containers": .string(node["Containers"].isNull ? UsageText.unknown : "\(node["Containers"].unsigned)"),
        ])
    }

    private static func service(_ service: JSON) -> Row {
        let memory = service["MemoryBytes"].double
        return Row([
            "ID": service["ServiceID"], "Name": service["ServiceName"], "Tasks": service["Tasks"],
            "CPUPerc": .string(UsageText.percent(service["Cores"])),
            "MemUsage": .string(memory.map(Units.binarySize) ?? UsageText.unknown),
            "NetIO": .string(UsageText.decimal(service["NetworkReceivedBytes"], service["NetworkSentBytes"])),
            "BlockIO": .string(UsageText.decimal(service["BlockReadBytes"], service["BlockWrittenBytes"])),
            "PIDs": .string(
                service["Processes"].double.flatMap { Int64(exactly: $0.rounded()) }.map(String.init)
                    ?? UsageText.unknown),
        ])
    }
}
