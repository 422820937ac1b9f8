import DockerClient
package import Templates

enum ServiceCommands {
    static let all: [Command] = [
        .serviceCreate, .serviceInspect, .serviceLogs, .serviceList, .serviceTasks, .serviceRemove, .serviceRollback,
        .serviceScale, .serviceStatistics, .serviceUpdate,
    ]
}

enum ServicePath {
    static func of(_ reference: String, _ rest: String = "") -> String { "/services/\(Request.part(reference))\(rest)" }
}

extension Command {
    static let serviceList = Command(
        "service ls", aliases: ["service list"], arity: .none,
        help: """
            Usage:  apus service ls [OPTIONS]

            List services

            Aliases:
              apus service ls, apus service list

            Options:
              -f, --filter filter   Only those that fit
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
              -q, --quiet           Ids alone
            """
    ) { call in
        let flags = call.flags
        var query = FilterArguments.query(flags.list("filter"))
        let isQuiet = flags.isSet("quiet")
        if !isQuiet { query.append(("status", "true")) }
        let answer = try await call.client().json(.get("/services", query))
        let services = answer.elements.sorted {
            NaturalOrder.comesBefore($0["Spec"]["Name"].text, $1["Spec"]["Name"].text)
        }
        try ServiceRow.listing.show(services.map(ServiceRow.row), format: flags.string("format"), isQuiet: isQuiet)
    }

    static let serviceRemove = Command(
        "service rm", aliases: ["service remove"], arity: .atLeast(1),
        help: """
            Usage:  apus service rm SERVICE [SERVICE...]

            Remove one or more services

            Aliases:
              apus service rm, apus service remove
            """
    ) { call in
        let client = try await call.client()
        try await Batch.run(call.arguments) { name in
            try await client.send(.delete(ServicePath.of(name)))
            return name
        }
    }

    static let serviceTasks = Command(
        "service ps", arity: .atLeast(1),
        help: """
            Usage:  apus service ps [OPTIONS] SERVICE [SERVICE...]

            List the tasks of one or more services

            Options:
              -f, --filter filter   Only those that fit
                  --format string   A Go template for each task
                  --no-resolve      Ids as they are, no names
                  --no-trunc        Shorten nothing
              -q, --quiet           Ids alone
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let known = try await client.json(
            .get("/services", [("filters", FilterArguments.encoded(["id": call.arguments]))])
        ).elements
        let named = try await client.json(
            .get("/services", [("filters", FilterArguments.encoded(["name": call.arguments]))])
        ).elements
        var ids: [String] = []
        var missing: [String] = []
        for argument in call.arguments {
            if let match = known.first(where: { $0["ID"].text == argument })
                ?? named.first(where: { $0["Spec"]["Name"].text == argument })
            {
                ids.append(match["ID"].text)
                continue
            }
            let matches = known.filter { $0["ID"].text.hasPrefix(argument) }
            guard matches.count <= 1 else {
                throw ExitError(1, "multiple services found with provided prefix: \(argument)")
            }
            if let match = matches.first {
                ids.append(match["ID"].text)
            } else {
                missing.append("no such service: \(argument)")
            }
        }
        guard !ids.isEmpty else { throw ExitError(1, missing.joined(separator: "\n")) }
        let filters = flags.list("filter") + ids.map { "service=\($0)" }
        var requested = filters
        // A node may be named as its own.
        for (index, item) in filters.enumerated() where item == "node=self" {
            requested[index] = "node=\(try await client.json(.get("/info"))["Swarm"]["NodeID"].text)"
        }
        let tasks = try await client.json(.get("/tasks", FilterArguments.query(requested))).elements
        // Ids by themselves are whole here, though not in `node ps`.
        try await TaskTable(client, flags).show(tasks, isShort: !flags.isSet("no-trunc") && !flags.isSet("quiet"))
        guard missing.isEmpty else { throw ExitError(1, missing.joined(separator: "\n")) }
    }
}

/// A service of `GET /services` as a row of `service ls`.
package enum ServiceRow {
    package static let listing = Listing(
        table: "table {{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}",
        headers: [
            "ID": "ID", "Name": "NAME", "Mode": "MODE", "Replicas": "REPLICAS", "Image": "IMAGE", "Ports": "PORTS",
        ],
        raw: [
            "id: {{.ID}}", "name: {{.Name}}", "mode: {{.Mode}}", "replicas: {{.Replicas}}", "image: {{.Image}}",
            "ports: {{.Ports}}",
        ], typeName: "*service.serviceContext")

    /// With its tasks counted, where the engine was asked for `status`.
    package static func row(_ service: JSON) -> Row {
        let spec = service["Spec"]
        return Row([
            "ID": .string(String(service["ID"].text.prefix(12))), "Name": spec["Name"], "Mode": .string(mode(spec)),
            "Replicas": .string(replicas(service)),
            "Image": .string(withoutDigest(spec["TaskTemplate"]["ContainerSpec"]["Image"].text)),
            "Ports": .string(ports(service["Endpoint"]["Ports"].elements)),
        ])
    }

    static func mode(_ spec: JSON) -> String {
        let modes = [
            ("Global", "global"), ("Replicated", "replicated"), ("ReplicatedJob", "replicated job"),
            ("GlobalJob", "global job"),
        ]
        return modes.first { !spec["Mode"][$0.0].isNull }?.1 ?? ""
    }

    private static func replicas(_ service: JSON) -> String {
        let status = service["ServiceStatus"]
        let count = "\(status["RunningTasks"].unsigned)/\(status["DesiredTasks"].unsigned)"
        let mode = service["Spec"]["Mode"]
        if !mode["ReplicatedJob"].isNull {
            let total = mode["ReplicatedJob"]["TotalCompletions"].unsigned
            return "\(count) (\(status["CompletedTasks"].unsigned)/\(total) completed)"
        }
        if !mode["GlobalJob"].isNull {
            let all = status["DesiredTasks"].unsigned + status["CompletedTasks"].unsigned
            return "\(count) (\(status["CompletedTasks"].unsigned)/\(all) completed)"
        }
        let most = service["Spec"]["TaskTemplate"]["Placement"]["MaxReplicas"].unsigned
        return most > 0 && !mode["Replicated"].isNull ? "\(count) (max \(most) per node)" : count
    }

    /// A name with a tag needs no digest in a list.
    static func withoutDigest(_ image: String) -> String {
        // What is no name is shown as it is.
        guard let name = try? ImageName(parsing: image), let tag = name.tag else { return image }
        return "\(name.familiarName):\(tag)"
    }

    /// `*:8080->80/tcp`, places in the star's stead where it is not published everywhere; neighbours as ranges. Ports of host mode belong to tasks.
    static func ports(_ ports: [JSON]) -> String {
        var runs: [(place: String, transport: String, published: ClosedRange<Int64>, target: ClosedRange<Int64>)] = []
        let sorted = ports.filter { $0["PublishMode"].text == "ingress" }.sorted {
            ($0["Protocol"].text, $0["PublishedPort"].unsigned) < ($1["Protocol"].text, $1["PublishedPort"].unsigned)
        }
        for port in sorted {
            let (published, target) = (port["PublishedPort"].integer ?? 0, port["TargetPort"].integer ?? 0)
            let transport = port["Protocol"].text
            let places = port["PublishedOn"].elements.map(\.text)
            let place = places.isEmpty ? "*" : places.joined(separator: "|")
            if let last = runs.last, last.place == place, last.transport == transport,
                published - last.published.upperBound <= 1,
                target >= last.target.upperBound, target - last.target.upperBound <= 1,
                !(last.target.count > 1 && target <= last.target.upperBound)
            {
                runs[runs.count - 1].published = last.published.lowerBound...published
                runs[runs.count - 1].target = last.target.lowerBound...target
            } else {
                runs.append((place, transport, published...published, target...target))
            }
        }
        func span(_ range: ClosedRange<Int64>) -> String {
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }
        return runs.map { "\($0.place):\(span($0.published))->\(span($0.target))/\($0.transport)" }.joined(
            separator: ", ")
    }
}
