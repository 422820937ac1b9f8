package import DockerClient

extension Verb {
    static let serviceCreate = Verb(
        "service create", arity: .atLeast(1), stopsAtWord: true,
        help: """
            Usage:  apus service create [OPTIONS] IMAGE [COMMAND] [ARG...]

            Create a new service

            Options:
                  --cap-add list                       Add Linux capabilities
                  --cap-drop list                      Drop Linux capabilities
                  --config config                      Specify configurations to expose to the service
                  --constraint list                    Placement constraints
                  --container-label list               Container labels
                  --credential-spec credential-spec    Credential spec for managed service account
                                                       (Windows only)
              -d, --detach                             Exit immediately instead of waiting for the
                                                       service to converge
                  --dns list                           Set custom DNS servers
                  --dns-option list                    Set DNS options
                  --dns-search list                    Set custom DNS search domains
                  --endpoint-mode string               Endpoint mode (vip or dnsrr) (default "vip")
                  --entrypoint command                 Overwrite the default ENTRYPOINT of the image
              -e, --env list                           Set environment variables
                  --env-file list                      Read in a file of environment variables
                  --generic-resource list              User defined resources
                  --group list                         Set one or more supplementary user groups for the
                                                       container
                  --health-cmd string                  Command to run to check health
                  --health-interval duration           Time between running the check (ms|s|m|h)
                  --health-retries int                 Consecutive failures needed to report unhealthy
                  --health-start-interval duration     Time between running the check during the start
                                                       period (ms|s|m|h)
                  --health-start-period duration       Start period for the container to initialize
                                                       before counting retries towards unstable (ms|s|m|h)
                  --health-timeout duration            Maximum time to allow one check to run (ms|s|m|h)
                  --host list                          Set one or more custom host-to-IP mappings (host:ip)
                  --hostname string                    Container hostname
                  --init                               Use an init inside each service container to
                                                       forward signals and reap processes
                  --isolation string                   Service container isolation mode
              -l, --label list                         Service labels
                  --limit-cpu decimal                  Limit CPUs
                  --limit-memory bytes                 Limit Memory
                  --limit-pids int                     Limit maximum number of processes (default 0 =
                                                       unlimited)
                  --log-driver string                  Logging driver for service
                  --log-opt list                       Logging driver options
                  --max-concurrent uint                Number of job tasks to run concurrently (default
                                                       equal to --replicas)
                  --mode string                        Service mode ("replicated", "global",
                                                       "replicated-job", "global-job") (default "replicated")
                  --mount mount                        Attach a filesystem mount to the service
                  --name string                        Service name
                  --network network                    Network attachments
                  --no-healthcheck                     Disable any container-specified HEALTHCHECK
                  --no-resolve-image                   Do not query the registry to resolve image digest
                                                       and supported platforms
                  --oom-score-adj int                  Tune host's OOM preferences (-1000 to 1000)
                  --placement-pref pref                Add a placement preference
              -p, --publish port                       Publish a port as a node port
              -q, --quiet                              Suppress progress output
                  --read-only                          Mount the container's root filesystem as read only
                  --replicas uint                      Number of tasks
                  --replicas-max-per-node uint         Maximum number of tasks per node (default 0 =
                                                       unlimited)
                  --reserve-cpu decimal                Reserve CPUs
                  --reserve-memory bytes               Reserve Memory
                  --restart-condition string           Restart when condition is met ("none",
                                                       "on-failure", "any") (default "any")
                  --restart-delay duration             Delay between restart attempts (ns|us|ms|s|m|h)
                                                       (default 5s)
                  --restart-max-attempts uint          Maximum number of restarts before giving up
                  --restart-window duration            Window used to evaluate the restart policy
                                                       (ns|us|ms|s|m|h)
                  --rollback-delay duration            Delay between task rollbacks (ns|us|ms|s|m|h)
                                                       (default 0s)
                  --rollback-failure-action string     Action on rollback failure ("pause", "continue")
                                                       (default "pause")
                  --rollback-max-failure-ratio float   Failure rate to tolerate during a rollback (default 0)
                  --rollback-monitor duration          Duration after each task rollback to monitor for
                                                       failure (ns|us|ms|s|m|h) (default 5s)
                  --rollback-order string              Rollback order ("start-first", "stop-first")
                                                       (default "stop-first")
                  --rollback-parallelism uint          Maximum number of tasks rolled back simultaneously
                                                       (0 to roll back all at once) (default 1)
                  --secret secret                      Specify secrets to expose to the service
                  --stop-grace-period duration         Time to wait before force killing a container
                                                       (ns|us|ms|s|m|h) (default 10s)
                  --stop-signal string                 Signal to stop the container
                  --sysctl list                        Sysctl options
              -t, --tty                                Allocate a pseudo-TTY
                  --ulimit ulimit                      Ulimit options (default [])
                  --update-delay duration              Delay between updates (ns|us|ms|s|m|h) (default 0s)
                  --update-failure-action string       Action on update failure ("pause", "continue",
                                                       "rollback") (default "pause")
                  --update-max-failure-ratio float     Failure rate to tolerate during an update (default 0)
                  --update-monitor duration            Duration after each task update to monitor for
                                                       failure (ns|us|ms|s|m|h) (default 5s)
                  --update-order string                Update order ("start-first", "stop-first")
                                                       (default "stop-first")
                  --update-parallelism uint            Maximum number of tasks updated simultaneously (0
                                                       to update all at once) (default 1)
              -u, --user string                        Username or UID (format: <name|uid>[:<group|gid>])
                  --with-registry-auth                 Send registry authentication details to swarm agents
              -w, --workdir string                     Working directory inside the container
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
        try await ServiceImage.resolve(&spec, client, queriesRegistry: !flags.isSet("no-resolve-image"))
        let answer = try await client.json(
            Request("POST", "/services/create", headers: [Session.anonymous], body: .json(spec)))
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
