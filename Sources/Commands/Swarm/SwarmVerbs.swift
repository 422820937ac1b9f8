import DockerClient

extension Verbs {
    static let swarm: [Verb] = [.swarmInit, .swarmJoin, .swarmJoinToken, .swarmLeave, .swarmUpdate]
}

extension Verb {
    static let swarmInit = Verb(
        "swarm init", arity: .none,
        help: """
            Usage:  apus swarm init [OPTIONS]

            Initialize a swarm

            Options:
                  --advertise-addr string                  Advertised address (format:
                                                           "<ip|interface>[:port]")
                  --autolock                               Enable manager autolocking (requiring an
                                                           unlock key to start a stopped manager)
                  --availability string                    Availability of the node ("active", "pause",
                                                           "drain") (default "active")
                  --cert-expiry duration                   Validity period for node certificates
                                                           (ns|us|ms|s|m|h) (default 2160h0m0s)
                  --data-path-addr string                  Address or interface to use for data path
                                                           traffic (format: "<ip|interface>")
                  --data-path-port uint32                  Port number to use for data path traffic (1024
                                                           - 49151). If no value is set or is set to 0,
                                                           the default port (4789) is used.
                  --default-addr-pool ipNetSlice           default address pool in CIDR format (default [])
                  --default-addr-pool-mask-length uint32   default address pool subnet mask length
                                                           (default 24)
                  --dispatcher-heartbeat duration          Dispatcher heartbeat period (ns|us|ms|s|m|h)
                                                           (default 5s)
                  --external-ca external-ca                Specifications of one or more certificate
                                                           signing endpoints
                  --force-new-cluster                      Force create a new cluster from current state
                  --listen-addr node-addr                  Listen address (format:
                                                           "<ip|interface>[:port]") (default 0.0.0.0:2377)
                  --max-snapshots uint                     Number of additional Raft snapshots to retain
                  --snapshot-interval uint                 Number of log entries between Raft snapshots
                                                           (default 10000)
                  --task-history-limit int                 Task history retention limit (default 5)
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let pools = flags.list("default-addr-pool").flatMap { GoText.commaSeparated($0) }
        for pool in pools where !AddressText.isNetwork(pool) {
            throw UsageError(
                "invalid argument \(GoText.quoted(pool)) for \"--default-addr-pool\" flag: invalid string being converted "
                    + "to CIDR: \(pool)")
        }
        let body = JSON.fields([
            "ListenAddr": .string(flags.string("listen-addr") ?? "0.0.0.0:2377"),
            "AdvertiseAddr": .string(flags.string("advertise-addr") ?? ""),
            "DataPathAddr": .string(flags.string("data-path-addr") ?? ""),
            "DataPathPort": flags.integer("data-path-port").map { JSON($0) } ?? 0,
            "ForceNewCluster": .bool(flags.isSet("force-new-cluster")),
            "Spec": try SwarmChange.spec(flags, over: .object([])),
            "AutoLockManagers": .bool(flags.isSet("autolock")),
            "Availability": .string(flags.string("availability") ?? "active"),
            "DefaultAddrPool": pools.isEmpty ? nil : .strings(pools),
            "SubnetSize": flags.integer("default-addr-pool-mask-length").map { JSON($0) } ?? 24,
        ])
        let id = try await client.json(.post("/swarm/init", [], body)).text
        Console.line("Swarm initialized: current node (\(id)) is now a manager.\n")
        try await JoinCommand.show(client, node: id, role: "worker")
        Console.line(
            "To add a manager to this swarm, run 'apus swarm join-token manager' and follow the instructions.")
        if flags.isSet("autolock") {
            let key = try await client.json(.get("/swarm/unlockkey"))["UnlockKey"].text
            Console.line("\nTo unlock a swarm manager after it restarts, keep this key: \(key)")
        }
    }

    static let swarmJoin = Verb(
        "swarm join", arity: .exactly(1),
        help: """
            Usage:  apus swarm join [OPTIONS] HOST:PORT

            Join a swarm as a node and/or manager

            Options:
                  --advertise-addr string   Advertised address (format: "<ip|interface>[:port]")
                  --availability string     Availability of the node ("active", "pause", "drain")
                                            (default "active")
                  --data-path-addr string   Address or interface to use for data path traffic (format:
                                            "<ip|interface>")
                  --listen-addr node-addr   Listen address (format: "<ip|interface>[:port]") (default
                                            0.0.0.0:2377)
                  --token string            Token for entry into the swarm
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let body = JSON.fields([
            "ListenAddr": .string(flags.string("listen-addr") ?? "0.0.0.0:2377"),
            "AdvertiseAddr": .string(flags.string("advertise-addr") ?? ""),
            "DataPathAddr": .string(flags.string("data-path-addr") ?? ""), "RemoteAddrs": [.string(call.words[0])],
            "JoinToken": .string(flags.string("token") ?? ""),
            "Availability": .string(flags.string("availability") ?? "active"),
        ])
        try await client.send(.post("/swarm/join", [], body))
        let info = try await client.json(.get("/info"))
        let role = info["Swarm"]["ControlAvailable"].isTrue ? "manager" : "worker"
        Console.line("This node joined a swarm as a \(role).")
    }

    static let swarmJoinToken = Verb(
        "swarm join-token", arity: .exactly(1),
        help: """
            Usage:  apus swarm join-token [OPTIONS] (worker|manager)

            Manage join tokens

            Options:
              -q, --quiet    Only display token
                  --rotate   Rotate join token
            """
    ) { call in
        let flags = call.flags
        let role = call.words[0]
        guard role == "worker" || role == "manager" else { throw ExitError(1, "unknown role \(role)") }
        let client = try await call.client()
        let isQuiet = flags.isSet("quiet")
        if flags.isSet("rotate") {
            let swarm = try await client.json(.get("/swarm"))
            let title = role == "worker" ? "rotateWorkerToken" : "rotateManagerToken"
            try await client.send(
                .post(
                    "/swarm/update", [("version", "\(swarm["Version"]["Index"].unsigned)"), (title, "true")],
                    swarm["Spec"]))
            if !isQuiet { Console.line("Successfully rotated \(role) join token.\n") }
        }
        if isQuiet {
            let tokens = try await client.json(.get("/swarm"))["JoinTokens"]
            return Console.line(tokens[role == "worker" ? "Worker" : "Manager"].text)
        }
        let node = try await client.json(.get("/info"))["Swarm"]["NodeID"].text
        try await JoinCommand.show(client, node: node, role: role)
    }

    static let swarmLeave = Verb(
        "swarm leave", arity: .none,
        help: """
            Usage:  apus swarm leave [OPTIONS]

            Leave the swarm

            Options:
              -f, --force   Force this node to leave the swarm, ignoring warnings
            """
    ) { call in
        let query = call.flags.isSet("force") ? [("force", "1")] : []
        try await call.client().send(.post("/swarm/leave", query))
        Console.line("Node left the swarm.")
    }

    static let swarmUpdate = Verb(
        "swarm update", arity: .none,
        help: """
            Usage:  apus swarm update [OPTIONS]

            Update the swarm

            Options:
                  --autolock                        Change manager autolocking setting (true|false)
                  --cert-expiry duration            Validity period for node certificates
                                                    (ns|us|ms|s|m|h) (default 2160h0m0s)
                  --dispatcher-heartbeat duration   Dispatcher heartbeat period (ns|us|ms|s|m|h) (default 5s)
                  --external-ca external-ca         Specifications of one or more certificate signing
                                                    endpoints
                  --max-snapshots uint              Number of additional Raft snapshots to retain
                  --snapshot-interval uint          Number of log entries between Raft snapshots (default
                                                    10000)
                  --task-history-limit int          Task history retention limit (default 5)
            """
    ) { call in
        let flags = call.flags
        guard !flags.values.isEmpty else { return Console.line(call.help) }
        let client = try await call.client()
        let swarm = try await client.json(.get("/swarm"))
        var spec = try SwarmChange.spec(flags, over: swarm["Spec"])
        if flags.has("autolock") { spec["EncryptionConfig"]["AutoLockManagers"] = .bool(flags.isSet("autolock")) }
        try await client.send(.post("/swarm/update", [("version", "\(swarm["Version"]["Index"].unsigned)")], spec))
        Console.line("Swarm updated.")
    }
}

enum JoinCommand {
    static func show(_ client: DockerClient, node: String, role: String) async throws {
        let address = try await client.json(.get(NodePath.of(node)))["ManagerStatus"]["Addr"].text
        let tokens = try await client.json(.get("/swarm"))["JoinTokens"]
        let token = tokens[role == "worker" ? "Worker" : "Manager"].text
        Console.line("To add a \(role) to this swarm, run the following command:\n")
        Console.line("    apus swarm join --token \(token) \(address)\n")
    }
}

enum SwarmChange {
    /// A swarm's specification with what the flags say.
    static func spec(_ flags: ParsedFlags, over known: JSON) throws -> JSON {
        let parts = ServiceParts(flags: flags)
        var spec = known
        func set(_ group: String, _ member: String, _ value: JSON?) { if let value { spec[group][member] = value } }
        set("Orchestration", "TaskHistoryRetentionLimit", parts.number("task-history-limit"))
        set("Dispatcher", "HeartbeatPeriod", try parts.duration("dispatcher-heartbeat"))
        set("CAConfig", "NodeCertExpiry", try parts.duration("cert-expiry"))
        set("Raft", "SnapshotInterval", try parts.unsigned("snapshot-interval"))
        set("Raft", "KeepOldSnapshots", try parts.unsigned("max-snapshots"))
        guard !flags.has("external-ca") else { throw ExitError(1, "--external-ca is not supported") }
        return spec
    }
}
