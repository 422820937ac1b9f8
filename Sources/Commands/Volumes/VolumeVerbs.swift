import DockerClient

extension Verbs {
    static let volumes: [Verb] = [.volumeCreate, .volumeInspect, .volumeList, .volumePrune, .volumeRemove]
}

enum VolumePath {
    static func of(_ name: String) -> String { "/volumes/\(Request.part(name))" }
}

extension Verb {
    static let volumeCreate = Verb(
        "volume create", arity: .atMost(1), hidden: "      --name string   The same as the argument",
        help: """
            Usage:  apus volume create [OPTIONS] [VOLUME]

            Create a volume

            Options:
                  --availability string       Cluster Volume availability ("active", "pause", "drain")
                                              (default "active")
              -d, --driver string             Specify volume driver name (default "local")
                  --group string              Cluster Volume group (cluster volumes)
                  --label list                Set metadata for a volume
                  --limit-bytes bytes         Minimum size of the Cluster Volume in bytes
              -o, --opt map                   Set driver specific options (default map[])
                  --required-bytes bytes      Maximum size of the Cluster Volume in bytes
                  --scope string              Cluster Volume access scope ("single", "multi") (default
                                              "single")
                  --secret map                Cluster Volume secrets (default map[])
                  --sharing string            Cluster Volume access sharing ("none", "readonly",
                                              "onewriter", "all") (default "none")
                  --topology-preferred list   A topology that the Cluster Volume would be preferred in
                  --topology-required list    A topology that the Cluster Volume must be accessible from
                  --type string               Cluster Volume access type ("mount", "block") (default "block")
            """
    ) { call in
        let flags = call.flags
        let clusterOnly = [
            "group", "scope", "sharing", "availability", "type", "secret", "limit-bytes", "required-bytes",
            "topology-required", "topology-preferred",
        ]
        if let flag = clusterOnly.first(where: { flags.has($0) }) {
            throw ExitError(1, "--\(flag): cluster volumes are not supported")
        }
        if flags.has("name"), !call.words.isEmpty {
            throw ExitError(
                1, "conflicting options: cannot specify a volume-name through both --name and as a positional arg")
        }
        let body = JSON.fields([
            "Name": (call.words.first ?? flags.string("name")).map { .string($0) },
            "Driver": .string(flags.string("driver") ?? "local"),
            "DriverOpts": .map(GoText.dictionary(flags.list("opt"))),
            "Labels": .map(GoText.dictionary(flags.list("label"))),
        ])
        Console.line(try await call.client().json(.post("/volumes/create", [], body))["Name"].text)
    }

    static let volumeList = Verb(
        "volume ls", aliases: ["volume list"], arity: .none,
        help: """
            Usage:  apus volume ls [OPTIONS]

            List volumes

            Aliases:
              apus volume ls, apus volume list

            Options:
                  --cluster         Display only cluster volumes, and use cluster volume list formatting
              -f, --filter filter   Provide filter values (e.g. "dangling=true")
                  --format string   Format output using a custom template:
                                    'table':            Print output in table format with column headers
                                    (default)
                                    'table TEMPLATE':   Print output in table format using the given Go
                                    template
                                    'json':             Print in JSON format
                                    'TEMPLATE':         Print output using the given Go template.
              -q, --quiet           Only display volume names
            """
    ) { call in
        let flags = call.flags
        guard !flags.isSet("cluster") else { throw ExitError(1, "--cluster: cluster volumes are not supported") }
        let answer = try await call.client().json(.get("/volumes", Filters.query(flags.list("filter"))))
        let volumes = answer["Volumes"].elements.sorted { NaturalOrder.comesBefore($0["Name"].text, $1["Name"].text) }
        try VolumeRow.listing.show(
            volumes.map(VolumeRow.row), format: flags.string("format"), isQuiet: flags.isSet("quiet"))
    }

    static let volumeInspect = Verb(
        "volume inspect", arity: .atLeast(1),
        help: """
            Usage:  apus volume inspect [OPTIONS] VOLUME [VOLUME...]

            Display detailed information on one or more volumes

            Options:
              -f, --format string   Format output using a custom template:
                                    'json':             Print in JSON format
                                    'TEMPLATE':         Print output using the given Go template.
            """
    ) { call in
        let client = try await call.client()
        try await Inspection(format: call.flags.string("format")).show(call.words) { name in
            try await client.bytes(.get(VolumePath.of(name)))
        }
    }

    static let volumeRemove = Verb(
        "volume rm", aliases: ["volume remove"], arity: .atLeast(1),
        help: """
            Usage:  apus volume rm [OPTIONS] VOLUME [VOLUME...]

            Remove one or more volumes. You cannot remove a volume that is in use by a container.

            Aliases:
              apus volume rm, apus volume remove

            Options:
              -f, --force   Force the removal of one or more volumes
            """
    ) { call in
        let client = try await call.client()
        let query = call.flags.isSet("force") ? [("force", "1")] : []
        try await Batch.run(call.words) { name in
            try await client.send(.delete(VolumePath.of(name), query))
            return name
        }
    }

    static let volumePrune = Verb(
        "volume prune", arity: .none,
        help: """
            Usage:  apus volume prune [OPTIONS]

            Remove unused local volumes

            Options:
              -a, --all             Remove all unused volumes, not just anonymous ones
                  --filter filter   Provide filter values (e.g. "label=<label>")
              -f, --force           Do not prompt for confirmation
            """
    ) { call in
        let isAll = call.flags.isSet("all")
        let kind = isAll ? "all local volumes" : "anonymous local volumes"
        guard try await Prune.mayGoOn(call, "WARNING! This will remove \(kind) not used by at least one container.")
        else {
            return
        }
        let answer = try await Prune.ask(call, "/volumes/prune", isAll ? ["all=true"] : [])
        Prune.report("Deleted Volumes:", answer["VolumesDeleted"].strings)
        Prune.reclaimed(answer)
    }
}

enum VolumeRow {
    static let listing = Listing(
        table: "table {{.Driver}}\t{{.Name}}", quiet: "{{.Name}}",
        headers: [
            "Name": "VOLUME NAME", "Driver": "DRIVER", "Scope": "SCOPE", "Mountpoint": "MOUNTPOINT",
            "Labels": "LABELS", "Links": "LINKS", "Size": "SIZE", "Group": "GROUP", "Availability": "AVAILABILITY",
            "Status": "STATUS",
        ])

    static func row(_ volume: JSON) -> Row {
        let usage = volume["UsageData"]
        let size = usage["Size"].integer ?? -1
        let links = usage["RefCount"].integer
        return Row(
            [
                "Name": volume["Name"], "Driver": volume["Driver"], "Scope": volume["Scope"],
                "Mountpoint": volume["Mountpoint"], "Labels": .string(LabelText.joined(volume["Labels"])),
                "Links": .string(links.map { "\($0)" } ?? "N/A"),
                "Size": .string(usage.isNull || size < 0 ? "N/A" : Units.size(size)), "Group": "N/A",
                "Availability": "N/A", "Status": "N/A",
            ], methods: ["Label": LabelText.method(volume["Labels"])])
    }
}
