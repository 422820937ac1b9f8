import DockerClient
import Model
import Templates

enum SwarmCommands {
    static let all: [Command] = [.swarmInit, .swarmJoin, .swarmJoinToken, .swarmLeave, .swarmUpdate]
}

extension Command {
    static let swarmInit = Command(
        "swarm init", arity: .none,
        help: """
            Usage:  apus swarm init [OPTIONS]

            Initialize a swarm

            Options:
                  --advertise-addr string                  Where others reach this node ("<ip|interface>[:port]")
                  --autolock                               A manager's store needs a key at its start
                  --availability string                    Whether the node takes tasks ("active", "pause", "drain")
                                                           (default "active")
                  --cert-expiry duration                   How long a node's certificate holds (ns|us|ms|s|m|h)
                                                           (default 2160h0m0s)
                  --data-path-addr string                  Where overlays' packets go ("<ip|interface>")
                  --data-path-port uint32                  UDP port of overlays, 1024 to 49151; 0 for 4789
                  --default-addr-pool ipNetSlice           Pool in CIDR notation that overlays' subnets are cut from
                                                           (default [])
                  --default-addr-pool-mask-length uint32   Prefix length of such a subnet (default 24)
                  --dispatcher-heartbeat duration          How often nodes give a sign of life (ns|us|ms|s|m|h)
                                                           (default 5s)
                  --external-ca external-ca                Signer of certificates outside of the swarm
                  --force-new-cluster                      Make a swarm of this manager alone from what it knows
                  --ingress-pool string                    Subnet of the ingress network, 16 to 28 bits
                  --listen-addr node-addr                  Where a manager listens ("<ip|interface>[:port]") (default
                                                           0.0.0.0:2377)
                  --max-snapshots uint                     Kept and shown alone, as the store has its own rules
                  --publish-default string                 Where new services publish that do not say it ("ip=", "interface=",
                                                           "local", "affinity=source", with commas)
                  --snapshot-interval uint                 Kept and shown alone, too (default 10000)
                  --task-history-limit int                 Ended tasks to keep for each place (default 5)
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let pools = flags.list("default-addr-pool").flatMap { GoText.commaSeparated($0) }
        var request = SwarmInitRequest()
        request.listenAddr = flags.string("listen-addr") ?? "0.0.0.0:2377"
        request.advertiseAddr = flags.string("advertise-addr") ?? ""
        request.dataPathAddr = flags.string("data-path-addr") ?? ""
        request.dataPathPort = flags.number("data-path-port") ?? 0
        request.forceNewCluster = flags.isSet("force-new-cluster")
        request.autoLockManagers = flags.isSet("autolock")
        request.availability = flags.string("availability") ?? "active"
        request.ingressPool = flags.string("ingress-pool")
        request.defaultAddrPool = pools.isEmpty ? nil : pools
        request.subnetSize = flags.number("default-addr-pool-mask-length") ?? 24
        var spec = ClusterSpec()
        try SwarmChange.apply(flags, to: &spec)
        request.spec = spec
        let id = try await client.json(.post("/swarm/init", sending: request)).text
        Console.line("Swarm initialized: current node (\(id)) is now a manager.\n")
        try await JoinCommand.show(client, node: id, role: "worker")
        Console.line(
            "To add a manager to this swarm, run 'apus swarm join-token manager' and follow the instructions.")
        if flags.isSet("autolock") {
            let key = try await client.json(.get("/swarm/unlockkey"))["UnlockKey"].text
            Console.line("\nTo unlock a swarm manager after it restarts, keep this key: \(key)")
        }
    }

    static let swarmJoin = Command(
        "swarm join", arity: .exactly(1),
        help: """
            Usage:  apus swarm join [OPTIONS] HOST:PORT

            Join a swarm as a node and/or manager

            Options:
                  --advertise-addr string   Where others reach this node ("<ip|interface>[:port]")
                  --availability string     Whether the node takes tasks ("active", "pause", "drain") (default
                                            "active")
                  --data-path-addr string   Where overlays' packets go ("<ip|interface>")
                  --listen-addr node-addr   Where a manager listens ("<ip|interface>[:port]") (default 0.0.0.0:2377)
                  --token string            Secret that admits
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        var request = SwarmJoinRequest()
        request.listenAddr = flags.string("listen-addr") ?? "0.0.0.0:2377"
        request.advertiseAddr = flags.string("advertise-addr") ?? ""
        request.dataPathAddr = flags.string("data-path-addr") ?? ""
        request.remoteAddrs = [call.arguments[0]]
        request.joinToken = flags.string("token") ?? ""
        request.availability = flags.string("availability") ?? "active"
        try await client.send(.post("/swarm/join", sending: request))
        let info = try await client.json(.get("/info"))
        let role = info["Swarm"]["ControlAvailable"].isTrue ? "manager" : "worker"
        Console.line("This node joined a swarm as a \(role).")
    }

    static let swarmJoinToken = Command(
        "swarm join-token", arity: .exactly(1),
        help: """
            Usage:  apus swarm join-token [OPTIONS] (worker|manager)

            Manage join tokens

            Options:
              -q, --quiet    The token alone
                  --rotate   Make a new token; the one before is void
            """
    ) { call in
        let flags = call.flags
        let role = call.arguments[0]
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

    static let swarmLeave = Command(
        "swarm leave", arity: .none,
        help: """
            Usage:  apus swarm leave [OPTIONS]

            Leave the swarm

            Options:
              -f, --force   Whatever is lost by it
            """
    ) { call in
        let query = call.flags.isSet("force") ? [("force", "1")] : []
        try await call.client().send(.post("/swarm/leave", query))
        Console.line("Node left the swarm.")
    }

    static let swarmUpdate = Command(
        "swarm update", arity: .none,
        help: """
            Usage:  apus swarm update [OPTIONS]

            Update the swarm

            Options:
                  --autolock                        Whether a manager's store needs a key at its start (true|false)
                  --cert-expiry duration            How long a node's certificate holds (ns|us|ms|s|m|h) (default
                                                    2160h0m0s)
                  --dispatcher-heartbeat duration   How often nodes give a sign of life (ns|us|ms|s|m|h) (default 5s)
                  --external-ca external-ca         Signer of certificates outside of the swarm
                  --max-snapshots uint              Kept and shown alone, as the store has its own rules
                  --publish-default string          Where new services publish that do not say it ("ip=", "interface=", "local",
                                                    "affinity=source", with commas; "" for everywhere)
                  --snapshot-interval uint          Kept and shown alone, too (default 10000)
                  --task-history-limit int          Ended tasks to keep for each place (default 5)
            """
    ) { call in
        let flags = call.flags
        guard !flags.values.isEmpty else { return Console.line(call.help) }
        let client = try await call.client()
        let swarm = try await client.json(.get("/swarm"))
        var spec = try EditedObject<ClusterSpec>(swarm["Spec"])
        try SwarmChange.apply(flags, to: &spec.value)
        let version = [("version", "\(swarm["Version"]["Index"].unsigned)")]
        try await client.send(.post("/swarm/update", version, try spec.json()))
        Console.line("Swarm updated.")
    }
}

enum JoinCommand {
    static func show(_ client: DaemonClient, node: String, role: String) async throws {
        let address = try await client.json(.get(NodePath.of(node)))["ManagerStatus"]["Addr"].text
        let tokens = try await client.json(.get("/swarm"))["JoinTokens"]
        let token = tokens[role == "worker" ? "Worker" : "Manager"].text
        Console.line("To add a \(role) to this swarm, run the following command:\n")
        Console.line("    apus swarm join --token \(token) \(address)\n")
    }
}

enum SwarmChange {
    /// What the flags of `init` and `update` change in a swarm's specification.
    static func apply(_ flags: ParsedFlags, to spec: inout ClusterSpec) throws {
        guard !flags.has("external-ca") else { throw ExitError(1, "--external-ca is not supported") }
        if let places = flags.string("publish-default") { spec.labels[PublishingLabel.all] = places }
        if let limit = flags.integer("task-history-limit") {
            var orchestration = spec.orchestration ?? ClusterSpec.Orchestration()
            orchestration.taskHistoryRetentionLimit = limit
            spec.orchestration = orchestration
        }
        if let period = try flags.duration("dispatcher-heartbeat") {
            var dispatcher = spec.dispatcher ?? ClusterSpec.Dispatcher()
            dispatcher.heartbeatPeriod = period
            spec.dispatcher = dispatcher
        }
        if let expiry = try flags.duration("cert-expiry") {
            var certificates = spec.caConfig ?? ClusterSpec.CAConfiguration()
            certificates.nodeCertExpiry = expiry
            spec.caConfig = certificates
        }
        if flags.has("autolock") {
            var encryption = spec.encryptionConfig ?? ClusterSpec.Encryption()
            encryption.autoLockManagers = flags.isSet("autolock")
            spec.encryptionConfig = encryption
        }
        // The model keeps it as any JSON.
        var raft: [String: JSONValue] = [:]
        if case .object(let known)? = spec.raft { raft = known }
        for (flag, member) in [("snapshot-interval", "SnapshotInterval"), ("max-snapshots", "KeepOldSnapshots")] {
            if let number = try flags.unsigned(flag) { raft[member] = .number(Double(number)) }
        }
        if !raft.isEmpty { spec.raft = .object(raft) }
    }
}
