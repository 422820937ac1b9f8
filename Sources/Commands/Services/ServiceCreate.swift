package import DockerClient

extension Command {
    static let serviceCreate = Command(
        "service create", arity: .atLeast(1), stopsAtWord: true,
        help: """
            Usage:  apus service create [OPTIONS] IMAGE [COMMAND] [ARG...]

            Create a new service

            Options:
                  --cap-add list                       Capabilities beyond the usual ones
                  --cap-drop list                      Capabilities to go without
                  --config config                      Config that tasks see
                  --constraint list                    Nodes to choose from
                  --container-label list               Label of each task's container
                  --credential-spec credential-spec    Managed service account (Windows)
              -d, --detach                             Do not wait until the tasks run
                  --dns list                           Name server in place of the node's
                  --dns-option list                    Option of resolv.conf
                  --dns-search list                    Domain to search
                  --endpoint-mode string               How the service's name resolves (vip or dnsrr) (default "vip")
                  --entrypoint command                 Program in place of the image's
              -e, --env list                           Variable for the process
                  --env-file list                      File of variables, one a line
                  --generic-resource list              Resource of the user's own kind
                  --group list                         Further group of the process
                  --health-cmd string                  Command that tells whether the container is well
                  --health-interval duration           From one check to the next (ms|s|m|h)
                  --health-retries int                 Failures in a row until it counts as ill
                  --health-start-interval duration     From one check to the next while it starts (ms|s|m|h)
                  --health-start-period duration       How long failures do not count after the start (ms|s|m|h)
                  --health-timeout duration            How long a check may take (ms|s|m|h)
                  --host list                          Line of /etc/hosts (name:address)
                  --hostname string                    Host name within the container
                  --init                               A small init passes signals on and reaps children
                  --isolation string                   Kind of isolation (Windows)
              -l, --label list                         Label of the service
                  --limit-cpu decimal                  Processors at most
                  --limit-memory bytes                 Memory at most
                  --limit-pids int                     Processes at most; 0 for any number (default 0 = unlimited)
                  --log-driver string                  Where output is kept
                  --log-opt list                       Option of the log driver
                  --max-concurrent uint                Tasks of a job at once (as many as --replicas unless given)
                                                       (default equal to --replicas)
                  --mode string                        Kind of service ("replicated", "global", "replicated-job",
                                                       "global-job") (default "replicated")
                  --mount mount                        Volume, directory or tmpfs to show
                  --name string                        What the service is called
                  --network network                    Network to join
                  --no-healthcheck                     Without the image's health check
                  --no-resolve-image                   Take the image's name as it is: ask no registry
                  --oom-score-adj int                  How readily it is killed for want of memory, -1000 to 1000
                  --placement-pref pref                What to spread tasks over
              -p, --publish port                       Port to open
              -q, --quiet                              No progress
                  --read-only                          The root cannot be written
                  --replicas uint                      How many tasks
                  --replicas-max-per-node uint         Tasks on one node at most; 0 for any number (default 0 =
                                                       unlimited)
                  --reserve-cpu decimal                Processors that a node must have free
                  --reserve-memory bytes               Memory that a node must have free
                  --restart-condition string           After which ends a task is followed by another ("none",
                                                       "on-failure", "any") (default "any")
                  --restart-delay duration             How long to wait before (ns|us|ms|s|m|h) (default 5s)
                  --restart-max-attempts uint          How often at most
                  --restart-window duration            Within what time attempts are counted (ns|us|ms|s|m|h)
                  --rollback-delay duration            Pause between tasks of a rollback (ns|us|ms|s|m|h) (default 0s)
                  --rollback-failure-action string     What failures of a rollback lead to ("pause", "continue")
                                                       (default "pause")
                  --rollback-max-failure-ratio float   Share of failures that a rollback bears (default 0)
                  --rollback-monitor duration          How long a task of a rollback is watched (ns|us|ms|s|m|h)
                                                       (default 5s)
                  --rollback-order string              Which task goes first in a rollback ("start-first",
                                                       "stop-first") (default "stop-first")
                  --rollback-parallelism uint          Tasks of a rollback at once; 0 for all (default 1)
                  --secret secret                      Secret that tasks see
                  --stop-grace-period duration         From the signal to SIGKILL (ns|us|ms|s|m|h) (default 10s)
                  --stop-signal string                 Signal that asks it to end
                  --sysctl list                        Kernel parameter to set
              -t, --tty                                With a terminal
                  --ulimit ulimit                      Limit of resources (default [])
                  --update-delay duration              Pause between tasks of an update (ns|us|ms|s|m|h) (default 0s)
                  --update-failure-action string       What failures of an update lead to ("pause", "continue",
                                                       "rollback") (default "pause")
                  --update-max-failure-ratio float     Share of failures that an update bears (default 0)
                  --update-monitor duration            How long a new task is watched (ns|us|ms|s|m|h) (default 5s)
                  --update-order string                Which task goes first ("start-first", "stop-first") (default
                                                       "stop-first")
                  --update-parallelism uint            Tasks of an update at once; 0 for all (default 1)
              -u, --user string                        Who runs the process (<name|uid>[:<group|gid>])
                  --with-registry-auth                 Hand the registry's credentials to the nodes
              -w, --workdir string                     Directory to begin in
            """
    ) { call in
        let flags = call.flags
        var spec = try ServiceRequest(call).specification()
        let client = try await call.client()
        for (member, flag, kind) in [("Secrets", "secret", "secret"), ("Configs", "config", "config")] {
            var references: [JSON] = []
            for text in flags.list(flag) {
                references.append(try await ServiceParts.fileReference(text, kind: kind, client))
            }
            if !references.isEmpty { spec["TaskTemplate"]["ContainerSpec"][member] = .array(references) }
        }
        var networks: [JSON] = []
        for text in flags.list("network") {
            let option = try NetworkOption.parse(text)
            networks.append(option.attachment(id: try await ServiceParts.networkID(option.name, client)))
        }
        if !networks.isEmpty {
            spec["TaskTemplate"]["Networks"] = .array(networks.sorted { $0["Target"].text < $1["Target"].text })
        }
        let credentials = try await call.session.credentials(
            ofServiceIn: spec, handedOver: flags.isSet("with-registry-auth"))
        try await ServiceImage.resolve(
            &spec, client, queriesRegistry: !flags.isSet("no-resolve-image"), credentials: credentials)
        let answer = try await client.json(
            Request("POST", "/services/create", headers: [credentials], body: .json(spec)))
        for warning in answer["Warnings"].strings { Console.error(warning) }
        let id = answer["ID"].text
        Console.line(id)
        if !flags.isSet("detach") { try await ServiceWait(client, id, isQuiet: flags.isSet("quiet")).run() }
    }
}

/// The specification of a service from the flags of `service create`; networks, secrets and configurations, whose ids are
/// the engine's to tell, are added later.
package struct ServiceRequest {
    let call: Invocation
    let parts: ServiceParts
    private var flags: ParsedFlags { call.flags }

    package init(_ call: Invocation) {
        self.call = call
        parts = ServiceParts(flags: call.flags)
    }

    package func specification() throws -> JSON {
        let ports = try flags.list("publish").flatMap { try ServicePort.parse($0) }
        return .fields([
            "Name": .string(flags.string("name") ?? ""), "Labels": .map(GoText.dictionary(flags.list("label"))),
            "TaskTemplate": try task(), "Mode": try mode(),
            "UpdateConfig": try parts.updateConfiguration("update", over: .null),
            "RollbackConfig": try parts.updateConfiguration("rollback", over: .null),
            "EndpointSpec": .fields([
                "Mode": .string(flags.string("endpoint-mode") ?? "vip"), "Ports": ports.isEmpty ? nil : .array(ports),
            ]),
        ])
    }

    private func task() throws -> JSON {
        let preferences = try flags.list("placement-pref").map { try ServiceParts.preference($0) }
        let generic = try flags.list("generic-resource").map { try ServiceParts.genericResource($0) }
        return .fields([
            "ContainerSpec": try container(),
            "Resources": .fields([
                "Limits": .fields([
                    "NanoCPUs": try parts.cpus("limit-cpu"), "MemoryBytes": try parts.bytes("limit-memory"),
                    "Pids": parts.number("limit-pids"),
                ]),
                "Reservations": .fields([
                    "NanoCPUs": try parts.cpus("reserve-cpu"), "MemoryBytes": try parts.bytes("reserve-memory"),
                    "GenericResources": generic.isEmpty ? nil : .array(generic),
                ]),
            ]),
            "RestartPolicy": try parts.restartPolicy(over: .null),
            "Placement": .fields([
                "Constraints": parts.texts("constraint"),
                "Preferences": preferences.isEmpty ? nil : .array(preferences),
                "MaxReplicas": try parts.unsigned("replicas-max-per-node"),
            ]),
            "ForceUpdate": 0, "LogDriver": try parts.logDriver(),
        ])
    }

    private func container() throws -> JSON {
        let environment = try SettingFiles.environment(call, files: "env-file", flags: "env")
        let mounts = try flags.list("mount").map { try MountOption.parse($0) }
        let limits = try flags.list("ulimit").map { try UserLimitOption.parse($0) }
        let hosts = try flags.list("host").map { try HostEntry.serviceLine($0) }
        let command = Array(call.words.dropFirst())
        let added = ServiceParts.capabilities(flags.list("cap-add"))
        let dropped = ServiceParts.capabilities(flags.list("cap-drop"))
        guard !flags.has("credential-spec") else { throw ExitError(1, "--credential-spec is for Windows only") }
        let grace = try parts.duration("stop-grace-period")
        return .fields([
            "Image": .string(call.words[0]), "Labels": parts.map("container-label"),
            "Command": try parts.words("entrypoint"), "Args": command.isEmpty ? nil : .strings(command),
            "Hostname": parts.text("hostname"), "Env": environment.isEmpty ? nil : .strings(environment),
            "Dir": parts.text("workdir"), "User": parts.text("user"), "Groups": parts.texts("group"),
            "Privileges": nil, "StopSignal": parts.text("stop-signal"), "TTY": parts.isSet("tty"),
            "ReadOnly": parts.isSet("read-only"), "Mounts": mounts.isEmpty ? nil : .array(mounts),
            "StopGracePeriod": grace, "Healthcheck": try parts.health(over: .null),
            "Hosts": hosts.isEmpty ? nil : .strings(hosts),
            "DNSConfig": .fields([
                "Nameservers": parts.texts("dns"), "Search": parts.texts("dns-search"),
                "Options": parts.texts("dns-option"),
            ]),
            "Isolation": parts.text("isolation"), "Init": parts.isSet("init"), "Sysctls": parts.map("sysctl"),
            "CapabilityAdd": added.isEmpty ? nil : .strings(added.filter { !dropped.contains($0) }),
            "CapabilityDrop": dropped.isEmpty ? nil : .strings(dropped),
            "Ulimits": limits.isEmpty ? nil : .array(limits), "OomScoreAdj": parts.number("oom-score-adj"),
        ])
    }

    private func mode() throws -> JSON {
        let replicas = try parts.unsigned("replicas")
        let mode = flags.string("mode") ?? "replicated"
        guard mode == "replicated" || mode == "replicated-job" || replicas == nil else {
            throw ExitError(1, "replicas can only be used with replicated or replicated-job mode")
        }
        guard mode == "replicated" || mode == "replicated-job" || !flags.has("replicas-max-per-node") else {
            throw ExitError(1, "replicas-max-per-node can only be used with replicated or replicated-job mode")
        }
        guard mode == "replicated-job" || !flags.has("max-concurrent") else {
            throw ExitError(1, "max-concurrent can only be used with replicated-job mode")
        }
        switch mode {
        case "global": return ["Global": .object([])]
        case "replicated": return ["Replicated": .fields(["Replicas": replicas])]
        case "replicated-job":
            let concurrent = try parts.unsigned("max-concurrent") ?? replicas
            return ["ReplicatedJob": .fields(["MaxConcurrent": concurrent, "TotalCompletions": replicas])]
        case "global-job": return ["GlobalJob": .object([])]
        default: throw ExitError(1, "Unknown mode: \(mode), only replicated and global supported")
        }
    }
}
