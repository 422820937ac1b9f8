import DockerClient
import Templates

extension Command {
    static let containerInspect = Command(
        "container inspect", arity: .atLeast(1),
        help: """
            Usage:  apus container inspect [OPTIONS] CONTAINER [CONTAINER...]

            Display detailed information on one or more containers

            Options:
              -f, --format string   'json', or a Go 'TEMPLATE'
              -s, --size            With sizes
            """
    ) { call in
        let client = try await call.client()
        let query = call.flags.isSet("size") ? [("size", "1")] : []
        try await Inspection(format: call.flags.string("format")).show(call.arguments) { name in
            try await client.bytes(.get(ContainerRoute.of(name, "/json"), query))
        }
    }

    static let containerTop = Command(
        "container top", arity: .atLeast(1), stopsAtArgument: true,
        help: """
            Usage:  apus container top CONTAINER [ps OPTIONS]

            Display the running processes of a container

            Aliases:
              apus container top, apus top
            """,
        run: ProcessListing.show)

    static let containerPort = Command(
        "container port", aliases: ["port"], arity: .between(1, 2),
        help: """
            Usage:  apus container port CONTAINER [PRIVATE_PORT[/PROTO]]

            List port mappings or a specific mapping for the container

            Aliases:
              apus container port, apus port
            """
    ) { call in
        let name = call.arguments[0]
        let found = try await call.client().json(.get(ContainerRoute.of(name, "/json")))
        let ports = found["NetworkSettings"]["Ports"]
        func address(_ binding: JSON) -> String {
            AddressText.joined(binding["HostIp"].text, binding["HostPort"].text)
        }
        guard call.arguments.count == 2 else {
            var lines = ports.members.flatMap { port in
                port.value.elements.map { (port.name, "\(port.name) -> \(address($0))") }
            }
            lines.sort { PortOrder.comesBefore($0, $1) }
            for (_, line) in lines { Console.line(line) }
            return
        }
        let requested = call.arguments[1]
        let parts = requested.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let number = parts[0]
        let transport = parts.count == 2 ? parts[1] : "tcp"
        do { _ = try Numbers.parseUnsigned(number, bits: 16) } catch {
            throw ExitError(1, "Error: invalid port (\(number)): \(error)")
        }
        let bindings = ports["\(number)/\(transport)"].elements
        guard !bindings.isEmpty else {
            throw ExitError(1, "Error: No public port '\(requested)' published for \(name)")
        }
        for line in bindings.map(address).sorted() { Console.line(line) }
    }

    static let containerDiff = Command(
        "container diff", aliases: ["diff"], arity: .exactly(1),
        help: """
            Usage:  apus container diff CONTAINER

            Inspect changes to files or directories on a container's filesystem

            Aliases:
              apus container diff, apus diff
            """
    ) { call in
        guard !call.arguments[0].isEmpty else { throw ExitError(1, "Container name cannot be empty") }
        let changes = try await call.client().json(.get(ContainerRoute.of(call.arguments[0], "/changes")))
        let kinds = ["C", "A", "D"]
        for change in changes.elements {
            let kind = Int(change["Kind"].integer ?? 0)
            Console.line("\(kinds.indices.contains(kind) ? kinds[kind] : "?") \(change["Path"].text)")
        }
    }

    static let containerExport = Command(
        "container export", aliases: ["export"], arity: .exactly(1),
        help: """
            Usage:  apus container export [OPTIONS] CONTAINER

            Export a container's filesystem as a tar archive

            Aliases:
              apus container export, apus export

            Options:
              -o, --output string   File to write; standard output if not given
            """
    ) { call in
        let request = Request.get(ContainerRoute.of(call.arguments[0], "/export"))
        try await OutputFile.stream(
            try await call.client(), request, to: call.flags.string("output"), action: "export container")
    }

    static let containerCommit = Command(
        "container commit", aliases: ["commit"], arity: .between(1, 2),
        help: """
            Usage:  apus container commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]

            Create a new image from a container's changes

            Aliases:
              apus container commit, apus commit

            Options:
              -a, --author string    Who made it
              -c, --change list      Dockerfile instruction to apply
              -m, --message string   Words about the change
              -p, --pause            Hold the container meanwhile (default true)
            """
    ) { call in
        let flags = call.flags
        var query = [("container", call.arguments[0])]
        if call.arguments.count == 2 {
            let name = try ImageName(parsing: call.arguments[1])
            query += [("repo", name.familiarName), ("tag", name.tag ?? "")]
        }
        query += flags.list("change").map { ("changes", $0) }
        if let author = flags.string("author") { query.append(("author", author)) }
        if let message = flags.string("message") { query.append(("comment", message)) }
        if !flags.isSet("pause", default: true) { query.append(("pause", "0")) }
        Console.line(try await call.client().json(.post("/commit", query, .object([])))["Id"].text)
    }
}

/// By number, then by text.
enum PortOrder {
    static func comesBefore(_ left: (String, String), _ right: (String, String)) -> Bool {
        func number(_ port: String) -> Int { Int(port.prefix(while: \.isNumber)) ?? 0 }
        return (number(left.0), left.1) < (number(right.0), right.1)
    }
}

/// The processes of a container, as `ps` of its node prints them.
enum ProcessListing {
    /// - Parameter call: Its arguments are the container and options of `ps`.
    @Sendable static func show(_ call: Invocation) async throws {
        let arguments = call.arguments.dropFirst().joined(separator: " ")
        let answer = try await call.client().json(
            .get(
                ContainerRoute.of(call.arguments.first ?? "", "/top"), arguments.isEmpty ? [] : [("ps_args", arguments)]
            ))
        var text = answer["Titles"].strings.joined(separator: "\t") + "\n"
        for process in answer["Processes"].elements { text += process.strings.joined(separator: "\t") + "\n" }
        Console.text(TabWriter(leastWidth: 20).layout(text))
    }
}
