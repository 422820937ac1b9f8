import DockerClient
import Model
import Templates

enum VolumeCommands {
    static let all: [Command] = [.volumeCreate, .volumeInspect, .volumeList, .volumePrune, .volumeRemove]
}

enum VolumePath {
    static func of(_ name: String) -> String { "/volumes/\(Request.part(name))" }
}

extension Command {
    static let volumeCreate = Command(
        "volume create", arity: .atMost(1), hidden: "      --name string   The same as the argument",
        help: """
            Usage:  apus volume create [OPTIONS] [VOLUME]

            Create a volume

            Options:
                  --availability string       Whether the cluster volume is used ("active", "pause", "drain") (default
                                              "active")
              -d, --driver string             Who keeps the volume (default "local")
                  --group string              Group of the cluster volume
                  --label list                Label of the volume
                  --limit-bytes bytes         Smallest size of the cluster volume
              -o, --opt map                   Option for the driver (default map[])
                  --required-bytes bytes      Largest size of the cluster volume
                  --scope string              How many nodes use the cluster volume ("single", "multi") (default
                                              "single")
                  --secret map                Secret of the cluster volume (default map[])
                  --sharing string            Who may use the cluster volume at once ("none", "readonly", "onewriter",
                                              "all") (default "none")
                  --topology-preferred list   Where the cluster volume had best be
                  --topology-required list    Where the cluster volume must be
                  --type string               How the cluster volume is used ("mount", "block") (default "block")
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
        if flags.has("name"), !call.arguments.isEmpty {
            throw ExitError(
                1, "conflicting options: cannot specify a volume-name through both --name and as a positional arg")
        }
        var request = VolumeRequest()
        request.name = call.arguments.first ?? flags.string("name") ?? ""
        request.driver = flags.string("driver") ?? "local"
        request.driverOpts = flags.dictionary("opt") ?? [:]
        request.labels = flags.dictionary("label") ?? [:]
        Console.line(try await call.client().json(.post("/volumes/create", sending: request))["Name"].text)
    }

    static let volumeList = Command(
        "volume ls", aliases: ["volume list"], arity: .none,
        help: """
            Usage:  apus volume ls [OPTIONS]

            List volumes

            Aliases:
              apus volume ls, apus volume list

            Options:
                  --cluster         Cluster volumes alone
              -f, --filter filter   Only those that fit (e.g. "dangling=true")
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
              -q, --quiet           Names alone
            """
    ) { call in
        let flags = call.flags
        guard !flags.isSet("cluster") else { throw ExitError(1, "--cluster: cluster volumes are not supported") }
        let answer = try await call.client().json(.get("/volumes", FilterArguments.query(flags.list("filter"))))
        let volumes = answer["Volumes"].elements.sorted { NaturalOrder.comesBefore($0["Name"].text, $1["Name"].text) }
        try VolumeRow.listing.show(
            volumes.map(VolumeRow.row), format: flags.string("format"), isQuiet: flags.isSet("quiet"))
    }

    static let volumeInspect = Command(
        "volume inspect", arity: .atLeast(1),
        help: """
            Usage:  apus volume inspect [OPTIONS] VOLUME [VOLUME...]

            Display detailed information on one or more volumes

            Options:
              -f, --format string   'json', or a Go 'TEMPLATE'
            """
    ) { call in
        let client = try await call.client()
        try await Inspection(format: call.flags.string("format")).show(call.arguments) { name in
            try await client.bytes(.get(VolumePath.of(name)))
        }
    }

    static let volumeRemove = Command(
        "volume rm", aliases: ["volume remove"], arity: .atLeast(1),
        help: """
            Usage:  apus volume rm [OPTIONS] VOLUME [VOLUME...]

            Remove one or more volumes. You cannot remove a volume that is in use by a container.

            Aliases:
              apus volume rm, apus volume remove

            Options:
              -f, --force   A missing volume is no error
            """
    ) { call in
        let client = try await call.client()
        let query = call.flags.isSet("force") ? [("force", "1")] : []
        try await Batch.run(call.arguments) { name in
            try await client.send(.delete(VolumePath.of(name), query))
            return name
        }
    }

    static let volumePrune = Command(
        "volume prune", arity: .none,
        help: """
            Usage:  apus volume prune [OPTIONS]

            Remove unused local volumes

            Options:
              -a, --all             Also volumes with a name
                  --filter filter   Only those that fit (e.g. "label=<label>")
              -f, --force           Ask nothing
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
        ],
        raw: [
            "name: {{.Name}}", "driver: {{.Driver}}",
        ], typeName: "*formatter.volumeContext")

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
