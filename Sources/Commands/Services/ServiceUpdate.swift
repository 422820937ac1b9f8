import DockerClient
import Model
import Templates

extension Command {
    static let serviceUpdate = Command(
        "service update", arity: .exactly(1),
        help: """
            Usage:  apus service update [OPTIONS] SERVICE

            Update a service

            Options:
                  --args command                       Arguments in place of the present ones
                  --cap-add list                       Capabilities beyond the usual ones
                  --cap-drop list                      Capabilities to go without
                  --config-add config                  Config that tasks are to see
                  --config-rm list                     Config that tasks see no longer
                  --constraint-add list                One more condition on nodes
                  --constraint-rm list                 Condition to drop
                  --container-label-add list           Label to set on the containers
                  --container-label-rm list            Label to take off the containers, by its key
                  --credential-spec credential-spec    Managed service account (Windows)
              -d, --detach                             Do not wait until the tasks run
                  --dns-add list                       One more name server
                  --dns-option-add list                One more option of resolv.conf
                  --dns-option-rm list                 Option of resolv.conf to drop
                  --dns-rm list                        Name server to drop
                  --dns-search-add list                One more domain to search
                  --dns-search-rm list                 Domain to search no longer
                  --endpoint-mode string               How the service's name resolves (vip or dnsrr)
                  --entrypoint command                 Program in place of the image's
                  --env-add list                       Variable to set
                  --env-rm list                        Variable to take away
                  --force                              New tasks, though nothing has changed
                  --generic-resource-add list          One more resource of an own kind
                  --generic-resource-rm list           Resource of an own kind to drop
                  --group-add list                     Further group to add
                  --group-rm list                      Further group to drop
                  --health-cmd string                  Command that tells whether the container is well
                  --health-interval duration           From one check to the next (ms|s|m|h)
                  --health-retries int                 Failures in a row until it counts as ill
                  --health-start-interval duration     From one check to the next while it starts (ms|s|m|h)
                  --health-start-period duration       How long failures do not count after the start (ms|s|m|h)
                  --health-timeout duration            How long a check may take (ms|s|m|h)
                  --host-add list                      Line of /etc/hosts to add (name:address)
                  --host-rm list                       Line of /etc/hosts to drop (name:address)
                  --hostname string                    Host name within the container
                  --image string                       Image of the next tasks
                  --init                               A small init passes signals on and reaps children
                  --isolation string                   Kind of isolation (Windows)
                  --label-add list                     Label to set
                  --label-rm list                      Label to take off, by its key
                  --limit-cpu decimal                  Processors at most
                  --limit-memory bytes                 Memory at most
                  --limit-pids int                     Processes at most; 0 for any number (default 0 = unlimited)
                  --log-driver string                  Where output is kept
                  --log-opt list                       Option of the log driver
                  --max-concurrent uint                Tasks of a job at once (as many as --replicas unless given)
                                                       (default equal to --replicas)
                  --mount-add mount                    Mount to add or to replace
                  --mount-rm list                      Mount to drop, by its place
                  --network-add network                Network to join
                  --network-rm list                    Network to leave
                  --no-healthcheck                     Without the image's health check
                  --no-resolve-image                   Take the image's name as it is: ask no registry
                  --oom-score-adj int                  How readily it is killed for want of memory, -1000 to 1000
                  --placement-pref-add pref            One more thing to spread tasks over
                  --placement-pref-rm pref             Thing to spread tasks over no longer
                  --publish-add port                   Port to publish
                  --publish-rm port                    Port to publish no longer, by the target's number
              -q, --quiet                              No progress
                  --read-only                          The root cannot be written
                  --replicas uint                      How many tasks
                  --replicas-max-per-node uint         Tasks on one node at most; 0 for any number (default 0 =
                                                       unlimited)
                  --reserve-cpu decimal                Processors that a node must have free
                  --reserve-memory bytes               Memory that a node must have free
                  --restart-condition string           After which ends a task is followed by another ("none",
                                                       "on-failure", "any")
                  --restart-delay duration             How long to wait before (ns|us|ms|s|m|h)
                  --restart-max-attempts uint          How often at most
                  --restart-window duration            Within what time attempts are counted (ns|us|ms|s|m|h)
                  --rollback                           Back to the specification before
                  --rollback-delay duration            Pause between tasks of a rollback (ns|us|ms|s|m|h)
                  --rollback-failure-action string     What failures of a rollback lead to ("pause", "continue")
                  --rollback-max-failure-ratio float   Share of failures that a rollback bears
                  --rollback-monitor duration          How long a task of a rollback is watched (ns|us|ms|s|m|h)
                  --rollback-order string              Which task goes first in a rollback ("start-first",
                                                       "stop-first")
                  --rollback-parallelism uint          Tasks of a rollback at once; 0 for all
                  --secret-add secret                  Secret that tasks are to see
                  --secret-rm list                     Secret that tasks see no longer
                  --stop-grace-period duration         From the signal to SIGKILL (ns|us|ms|s|m|h)
                  --stop-signal string                 Signal that asks it to end
                  --sysctl-add list                    Kernel parameter to add
                  --sysctl-rm list                     Kernel parameter to drop
              -t, --tty                                With a terminal
                  --ulimit-add ulimit                  Limit of resources to add (default [])
                  --ulimit-rm list                     Limit of resources to drop
                  --update-delay duration              Pause between tasks of an update (ns|us|ms|s|m|h)
                  --update-failure-action string       What failures of an update lead to ("pause", "continue",
                                                       "rollback")
                  --update-max-failure-ratio float     Share of failures that an update bears
                  --update-monitor duration            How long a new task is watched (ns|us|ms|s|m|h)
                  --update-order string                Which task goes first ("start-first", "stop-first")
                  --update-parallelism uint            Tasks of an update at once; 0 for all
              -u, --user string                        Who runs the process (<name|uid>[:<group|gid>])
                  --with-registry-auth                 Hand the registry's credentials to the nodes
              -w, --workdir string                     Directory to begin in
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let name = call.arguments[0]
        let service = try await client.json(.get(ServicePath.of(name)))
        var query = [("version", "\(service["Version"]["Index"].unsigned)")]
        var spec = try EditedObject<ServiceSpec>(service["Spec"])
        if flags.isSet("rollback") {
            guard
                flags.values.keys.allSatisfy({
                    ["rollback", "detach", "quiet", "no-resolve-image", "with-registry-auth"].contains($0)
                })
            else { throw ExitError(1, "other flags may not be combined with --rollback") }
            query.append(("rollback", "previous"))
        } else {
            try await ServiceChange(call, client).apply(to: &spec.value)
            if flags.has("image") {
                let credentials = try await call.session.credentials(
                    ofServiceIn: spec.value, handedOver: flags.isSet("with-registry-auth"))
                try await ServiceImage.resolve(
                    &spec.value, client, queriesRegistry: !flags.isSet("no-resolve-image"), credentials: credentials)
            }
        }
        if !flags.isSet("with-registry-auth") { query.append(("registryAuthFrom", "spec")) }
        let credentials = try await call.session.credentials(
            ofServiceIn: spec.value, handedOver: flags.isSet("with-registry-auth"))
        let answer = try await client.json(
            Request(
                "POST", ServicePath.of(service["ID"].text, "/update"), query: query, headers: [credentials],
                body: .json(try spec.json())))
        for warning in answer["Warnings"].strings { Console.error(warning) }
        Console.line(name)
        if !flags.isSet("detach") {
            try await ServiceWait(client, name, isQuiet: flags.isSet("quiet")).run()
        }
    }

    static let serviceRollback = Command(
        "service rollback", arity: .exactly(1),
        help: """
            Usage:  apus service rollback [OPTIONS] SERVICE

            Revert changes to a service's configuration

            Options:
              -d, --detach   Do not wait until the tasks run
              -q, --quiet    No progress
            """
    ) { call in
        let client = try await call.client()
        let name = call.arguments[0]
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

    static let serviceScale = Command(
        "service scale", arity: .atLeast(1),
        help: """
            Usage:  apus service scale SERVICE=REPLICAS [SERVICE=REPLICAS...]

            Scale one or multiple replicated services

            Options:
              -d, --detach   Do not wait until the tasks run
            """
    ) { call in
        var requested: [(name: String, text: String)] = []
        for argument in call.arguments {
            let (name, text) = GoText.pair(argument)
            guard let text, !name.isEmpty else {
                throw ExitError(
                    1,
                    "invalid scale specifier '\(argument)'.\nSee 'apus service scale --help'.\n\n"
                        + "Usage:  apus service scale SERVICE=REPLICAS [SERVICE=REPLICAS...]\n\n"
                        + "Scale one or multiple replicated services")
            }
            requested.append((name, text))
        }
        let client = try await call.client()
        var failures: [String] = []
        var changed: [String] = []
        for (name, text) in requested {
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
    static func scale(_ client: DaemonClient, _ name: String, _ count: UInt64) async throws {
        let service = try await client.json(.get(ServicePath.of(name)))
        var spec = try EditedObject<ServiceSpec>(service["Spec"])
        guard spec.value.mode.scale(to: count) else {
            throw ExitError(1, "scale can only be used with replicated or replicated-job mode")
        }
        let query = [("version", "\(service["Version"]["Index"].unsigned)")]
        let answer = try await client.json(.post(ServicePath.of(service["ID"].text, "/update"), query, try spec.json()))
        for warning in answer["Warnings"].strings { Console.error(warning) }
        Console.line("\(name) scaled to \(count)")
    }
}
