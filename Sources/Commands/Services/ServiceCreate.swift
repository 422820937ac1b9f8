import DockerClient
package import Model
import Templates

extension Command {
    static let serviceCreate = Command(
        "service create", arity: .atLeast(1), stopsAtArgument: true,
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
        var secrets: [JSONValue] = []
        for text in flags.list("secret") { secrets.append(try await ServiceFiles.secret(text, client)) }
        if !secrets.isEmpty { spec.taskTemplate.containerSpec?.secrets = secrets }
        var configs: [JSONValue] = []
        for text in flags.list("config") { configs.append(try await ServiceFiles.config(text, client)) }
        if !configs.isEmpty { spec.taskTemplate.containerSpec?.configs = configs }
        var networks: [NetworkAttachmentConfig] = []
        for text in flags.list("network") {
            let option = try NetworkOption.parse(text)
            networks.append(try option.attachment(id: await ServiceParts.networkID(option.name, client)))
        }
        if !networks.isEmpty { spec.taskTemplate.networks = networks.sorted { $0.target < $1.target } }
        let credentials = try await call.session.credentials(
            ofServiceIn: spec, handedOver: flags.isSet("with-registry-auth"))
        try await ServiceImage.resolve(
            &spec, client, queriesRegistry: !flags.isSet("no-resolve-image"), credentials: credentials)
        let answer = try await client.json(
            Request("POST", "/services/create", headers: [credentials], body: .json(try JSON(encoding: spec))))
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

    /// - Throws: `ExitError` for flags that contradict each other.
    package func specification() throws -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = flags.string("name") ?? ""
        spec.labels = flags.dictionary("label") ?? [:]
        spec.taskTemplate = try task()
        spec.mode = try mode()
        spec.updateConfig = try parts.updateConfiguration("update", over: nil)
        spec.rollbackConfig = try parts.updateConfiguration("rollback", over: nil)
        var endpoint = EndpointSpec()
        endpoint.mode = EndpointMode(rawValue: flags.string("endpoint-mode") ?? "vip")
        endpoint.ports = try flags.texts("publish")?.flatMap { try ServicePort.parse($0) }
        spec.endpointSpec = endpoint
        return spec
    }

    private func task() throws -> TaskSpec {
        var limits = NodeResources()
        limits.nanoCPUs = try flags.cpus("limit-cpu") ?? 0
        limits.memoryBytes = try flags.byteCount("limit-memory") ?? 0
        limits.pids = flags.integer("limit-pids") ?? 0
        var reservations = NodeResources()
        reservations.nanoCPUs = try flags.cpus("reserve-cpu") ?? 0
        reservations.memoryBytes = try flags.byteCount("reserve-memory") ?? 0
        reservations.genericResources = try flags.texts("generic-resource")?.map {
            try ServiceParts.genericResource($0)
        }
        var resources = ResourceRequirements()
        resources.limits = limits
        resources.reservations = reservations
        var placement = Placement()
        placement.constraints = flags.texts("constraint")
        placement.preferences = try flags.texts("placement-pref")?.map { try PlacementOption.preference($0) }
        placement.maxReplicas = try flags.unsigned("replicas-max-per-node")
        var task = TaskSpec()
        task.containerSpec = try container()
        task.resources = resources
        task.restartPolicy = try parts.restartPolicy(over: nil)
        task.placement = placement
        task.logDriver = parts.logDriver(over: nil)
        return task
    }

    private func container() throws -> ContainerSpec {
        guard !flags.has("credential-spec") else { throw ExitError(1, "--credential-spec is for Windows only") }
        let environment = try SettingFiles.environment(call, files: "env-file", flags: "env")
        let command = Array(call.arguments.dropFirst())
        let capabilities = CapabilityFlags(adding: flags.list("cap-add"), dropping: flags.list("cap-drop"))
        var container = ContainerSpec()
        container.image = call.arguments[0]
        container.labels = flags.dictionary("container-label")
        container.command = try flags.arguments("entrypoint")
        container.args = command.isEmpty ? nil : command
        container.hostname = flags.string("hostname")
        container.env = environment.isEmpty ? nil : environment
        container.dir = flags.string("workdir")
        container.user = flags.string("user")
        container.groups = flags.texts("group")
        container.stopSignal = flags.string("stop-signal")
        container.terminal = flags.isSetOrNil("tty")
        container.readOnly = flags.isSetOrNil("read-only")
        container.mounts = try flags.texts("mount")?.map { try MountOption.parse($0) }
        container.stopGracePeriod = try flags.duration("stop-grace-period")
        container.healthcheck = try parts.health(over: nil)
        container.hosts = try flags.texts("host")?.map { try HostEntry.serviceLine($0) }
        var names = NameServiceConfiguration()
        names.nameservers = flags.texts("dns")
        names.search = flags.texts("dns-search")
        names.options = flags.texts("dns-option")
        container.dnsConfig = names
        container.isolation = flags.string("isolation")
        // Said also when it is not, or the engine would do as it is set.
        container.`init` = flags.isSet("init")
        container.sysctls = flags.dictionary("sysctl")
        container.capabilityAdd = capabilities.added.isEmpty ? nil : capabilities.added
        container.capabilityDrop = capabilities.dropped.isEmpty ? nil : capabilities.dropped
        container.ulimits = try flags.texts("ulimit")?.map { try UserLimitOption.parse($0) }.sorted {
            $0.name < $1.name
        }
        container.oomScoreAdj = flags.number("oom-score-adj")
        return container
    }

    private func mode() throws -> ServiceMode {
        let replicas = try flags.unsigned("replicas")
        let name = flags.string("mode") ?? "replicated"
        guard name == "replicated" || name == "replicated-job" || replicas == nil else {
            throw ExitError(1, "replicas can only be used with replicated or replicated-job mode")
        }
        guard name == "replicated" || name == "replicated-job" || !flags.has("replicas-max-per-node") else {
            throw ExitError(1, "replicas-max-per-node can only be used with replicated or replicated-job mode")
        }
        guard name == "replicated-job" || !flags.has("max-concurrent") else {
            throw ExitError(1, "max-concurrent can only be used with replicated-job mode")
        }
        var mode = ServiceMode()
        switch name {
        case "global": mode.global = Empty()
        case "replicated": mode.replicated = ServiceMode.Replicated(replicas: replicas)
        case "replicated-job":
            let concurrent = try flags.unsigned("max-concurrent") ?? replicas
            mode.replicatedJob = ServiceMode.ReplicatedJob(maxConcurrent: concurrent, totalCompletions: replicas)
        case "global-job": mode.globalJob = Empty()
        default: throw ExitError(1, "Unknown mode: \(name), only replicated and global supported")
        }
        return mode
    }
}
