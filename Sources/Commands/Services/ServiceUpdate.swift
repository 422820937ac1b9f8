import DockerClient

extension Verb {
    static let serviceUpdate = Verb(
        "service update", arity: .exactly(1),
        help: """
            Usage:  apus service update [OPTIONS] SERVICE

            Update a service

            Options:
                  --args command                       Service command args
                  --cap-add list                       Add Linux capabilities
                  --cap-drop list                      Drop Linux capabilities
                  --config-add config                  Add or update a config file on a service
                  --config-rm list                     Remove a configuration file
                  --constraint-add list                Add or update a placement constraint
                  --constraint-rm list                 Remove a constraint
                  --container-label-add list           Add or update a container label
                  --container-label-rm list            Remove a container label by its key
                  --credential-spec credential-spec    Credential spec for managed service account
                                                       (Windows only)
              -d, --detach                             Exit immediately instead of waiting for the
                                                       service to converge
                  --dns-add list                       Add or update a custom DNS server
                  --dns-option-add list                Add or update a DNS option
                  --dns-option-rm list                 Remove a DNS option
                  --dns-rm list                        Remove a custom DNS server
                  --dns-search-add list                Add or update a custom DNS search domain
                  --dns-search-rm list                 Remove a DNS search domain
                  --endpoint-mode string               Endpoint mode (vip or dnsrr)
                  --entrypoint command                 Overwrite the default ENTRYPOINT of the image
                  --env-add list                       Add or update an environment variable
                  --env-rm list                        Remove an environment variable
                  --force                              Force update even if no changes require it
                  --generic-resource-add list          Add a Generic resource
                  --generic-resource-rm list           Remove a Generic resource
                  --group-add list                     Add an additional supplementary user group to the
                                                       container
                  --group-rm list                      Remove a previously added supplementary user group
                                                       from the container
                  --health-cmd string                  Command to run to check health
                  --health-interval duration           Time between running the check (ms|s|m|h)
                  --health-retries int                 Consecutive failures needed to report unhealthy
                  --health-start-interval duration     Time between running the check during the start
                                                       period (ms|s|m|h)
                  --health-start-period duration       Start period for the container to initialize
                                                       before counting retries towards unstable (ms|s|m|h)
                  --health-timeout duration            Maximum time to allow one check to run (ms|s|m|h)
                  --host-add list                      Add a custom host-to-IP mapping ("host:ip")
                  --host-rm list                       Remove a custom host-to-IP mapping ("host:ip")
                  --hostname string                    Container hostname
                  --image string                       Service image tag
                  --init                               Use an init inside each service container to
                                                       forward signals and reap processes
                  --isolation string                   Service container isolation mode
                  --label-add list                     Add or update a service label
                  --label-rm list                      Remove a label by its key
                  --limit-cpu decimal                  Limit CPUs
                  --limit-memory bytes                 Limit Memory
                  --limit-pids int                     Limit maximum number of processes (default 0 =
                                                       unlimited)
                  --log-driver string                  Logging driver for service
                  --log-opt list                       Logging driver options
                  --max-concurrent uint                Number of job tasks to run concurrently (default
                                                       equal to --replicas)
                  --mount-add mount                    Add or update a mount on a service
                  --mount-rm list                      Remove a mount by its target path
                  --network-add network                Add a network
                  --network-rm list                    Remove a network
                  --no-healthcheck                     Disable any container-specified HEALTHCHECK
                  --no-resolve-image                   Do not query the registry to resolve image digest
                                                       and supported platforms
                  --oom-score-adj int                  Tune host's OOM preferences (-1000 to 1000)
                  --placement-pref-add pref            Add a placement preference
                  --placement-pref-rm pref             Remove a placement preference
                  --publish-add port                   Add or update a published port
                  --publish-rm port                    Remove a published port by its target port
              -q, --quiet                              Suppress progress output
                  --read-only                          Mount the container's root filesystem as read only
                  --replicas uint                      Number of tasks
                  --replicas-max-per-node uint         Maximum number of tasks per node (default 0 =
                                                       unlimited)
                  --reserve-cpu decimal                Reserve CPUs
                  --reserve-memory bytes               Reserve Memory
                  --restart-condition string           Restart when condition is met ("none",
                                                       "on-failure", "any")
                  --restart-delay duration             Delay between restart attempts (ns|us|ms|s|m|h)
                  --restart-max-attempts uint          Maximum number of restarts before giving up
                  --restart-window duration            Window used to evaluate the restart policy
                                                       (ns|us|ms|s|m|h)
                  --rollback                           Rollback to previous specification
                  --rollback-delay duration            Delay between task rollbacks (ns|us|ms|s|m|h)
                  --rollback-failure-action string     Action on rollback failure ("pause", "continue")
                  --rollback-max-failure-ratio float   Failure rate to tolerate during a rollback
                  --rollback-monitor duration          Duration after each task rollback to monitor for
                                                       failure (ns|us|ms|s|m|h)
                  --rollback-order string              Rollback order ("start-first", "stop-first")
                  --rollback-parallelism uint          Maximum number of tasks rolled back simultaneously
                                                       (0 to roll back all at once)
                  --secret-add secret                  Add or update a secret on a service
                  --secret-rm list                     Remove a secret
                  --stop-grace-period duration         Time to wait before force killing a container
                                                       (ns|us|ms|s|m|h)
                  --stop-signal string                 Signal to stop the container
                  --sysctl-add list                    Add or update a Sysctl option
                  --sysctl-rm list                     Remove a Sysctl option
              -t, --tty                                Allocate a pseudo-TTY
                  --ulimit-add ulimit                  Add or update a ulimit option (default [])
                  --ulimit-rm list                     Remove a ulimit option
                  --update-delay duration              Delay between updates (ns|us|ms|s|m|h)
                  --update-failure-action string       Action on update failure ("pause", "continue",
                                                       "rollback")
                  --update-max-failure-ratio float     Failure rate to tolerate during an update
                  --update-monitor duration            Duration after each task update to monitor for
                                                       failure (ns|us|ms|s|m|h)
                  --update-order string                Update order ("start-first", "stop-first")
                  --update-parallelism uint            Maximum number of tasks updated simultaneously (0
                                                       to update all at once)
              -u, --user string                        Username or UID (format: <name|uid>[:<group|gid>])
                  --with-registry-auth                 Send registry authentication details to swarm agents
              -w, --workdir string                     Working directory inside the container
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let name = call.words[0]
        let service = try await client.json(.get(ServicePath.of(name)))
        var query = [("version", "\(service["Version"]["Index"].unsigned)")]
        var spec = service["Spec"]
        if flags.isSet("rollback") {
            guard
                flags.values.keys.allSatisfy({
                    ["rollback", "detach", "quiet", "no-resolve-image", "with-registry-auth"].contains($0)
                })
            else { throw ExitError(1, "other flags may not be combined with --rollback") }
            query.append(("rollback", "previous"))
        } else {
            try await ServiceChange(call, client).apply(to: &spec)
            if flags.has("image") {
                try await ServiceImage.resolve(&spec, client, queriesRegistry: !flags.isSet("no-resolve-image"))
            }
        }
        query.append(("registryAuthFrom", "spec"))
        let answer = try await client.json(
            Request(
                "POST", ServicePath.of(service["ID"].text, "/update"), query: query, headers: [Session.anonymous],
                body: .json(spec)))
        for warning in answer["Warnings"].strings { Console.error(warning) }
        Console.line(name)
        if !flags.isSet("detach") {
            try await ServiceWait(client, name, isQuiet: flags.isSet("quiet")).run()
        }
    }

    static let serviceRollback = Verb(
        "service rollback", arity: .exactly(1),
        help: """
            Usage:  apus service rollback [OPTIONS] SERVICE

            Revert changes to a service's configuration

            Options:
              -d, --detach   Exit immediately instead of waiting for the service to converge
              -q, --quiet    Suppress progress output
            """
    ) { call in
        let client = try await call.client()
        let name = call.words[0]
        let service = try await client.json(.get(ServicePath.of(name)))
        let query = [("version", "\(service["Version"]["Index"].unsigned)"), ("rollback", "previous")]
        let answer = try await client.json(
            .post(ServicePath.of(service["ID"].text, "/update"), query, service["Spec"]))
        for warning in answer["Warnings"].strings { Console.error(warning) }
        Console.line(name)
        if !call.flags.isSet("detach") {
            try await ServiceWait(client, name, isQuiet: call.flags.isSet("quiet")).run()
        }
    }

    static let serviceScale = Verb(
        "service scale", arity: .atLeast(1),
        help: """
            Usage:  apus service scale SERVICE=REPLICAS [SERVICE=REPLICAS...]

            Scale one or multiple replicated services

            Options:
              -d, --detach   Exit immediately instead of waiting for the service to converge
            """
    ) { call in
        var wanted: [(name: String, text: String)] = []
        for word in call.words {
            let (name, text) = GoText.pair(word)
            guard let text, !name.isEmpty else {
                throw ExitError(
                    1,
                    "invalid scale specifier '\(word)'.\nSee 'apus service scale --help'.\n\n"
                        + "Usage:  apus service scale SERVICE=REPLICAS [SERVICE=REPLICAS...]\n\n"
                        + "Scale one or multiple replicated services")
            }
            wanted.append((name, text))
        }
        let client = try await call.client()
        var failures: [String] = []
        var changed: [String] = []
        for (name, text) in wanted {
            do {
                let count: UInt64
                do { count = try Numbers.parseUnsigned(text, bits: 64) } catch {
                    throw ExitError(1, "invalid replicas value \(text): \(error)")
                }
                try await ServiceChange.scale(client, name, count)
                changed.append(name)
            } catch {
                failures.append("\(name): \((error as? ExitError)?.message ?? "\(error)")")
            }
        }
        if !call.flags.isSet("detach") {
            for name in changed {
                do { try await ServiceWait(client, name, isQuiet: false).run() } catch {
                    failures.append("\(name): \((error as? ExitError)?.message ?? "\(error)")")
                }
            }
        }
        guard failures.isEmpty else { throw ExitError(1, failures.joined(separator: "\n")) }
    }
}

extension ServiceChange {
    static func scale(_ client: DockerClient, _ name: String, _ count: UInt64) async throws {
        let service = try await client.json(.get(ServicePath.of(name)))
        var spec = service["Spec"]
        if !spec["Mode"]["Replicated"].isNull {
            spec["Mode"]["Replicated"]["Replicas"] = JSON(count)
        } else if !spec["Mode"]["ReplicatedJob"].isNull {
            spec["Mode"]["ReplicatedJob"]["TotalCompletions"] = JSON(count)
        } else {
            throw ExitError(1, "scale can only be used with replicated or replicated-job mode")
        }
        let query = [("version", "\(service["Version"]["Index"].unsigned)")]
        let answer = try await client.json(.post(ServicePath.of(service["ID"].text, "/update"), query, spec))
        for warning in answer["Warnings"].strings { Console.error(warning) }
        Console.line("\(name) scaled to \(count)")
    }
}
