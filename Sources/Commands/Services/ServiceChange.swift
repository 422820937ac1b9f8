package import DockerClient
import DockerTypes
package import Model
import Templates

/// What the flags of `service update` change in a specification.
package struct ServiceChange {
    let call: Invocation
    /// Knows the ids of networks, secrets and configs; without it their flags are passed over.
    let client: DaemonClient?
    let parts: ServiceParts
    private var flags: ParsedFlags { call.flags }

    package init(_ call: Invocation, _ client: DaemonClient?) {
        self.call = call
        self.client = client
        parts = ServiceParts(flags: call.flags)
    }

    /// - Throws: `ExitError` for what the service cannot have, `DockerError` for names that the engine does not know.
    package func apply(to spec: inout ServiceSpec) async throws {
        var task = spec.taskTemplate
        var container = task.containerSpec ?? ContainerSpec()
        try change(&container)
        try changeLists(of: &container)
        if let client { try await changeReferences(&spec, &task, &container, client) }
        task.containerSpec = container
        try changeResources(of: &task)
        try changePlacement(of: &task)
        if let restart = try parts.restartPolicy(over: task.restartPolicy) { task.restartPolicy = restart }
        if let driver = parts.logDriver(over: task.logDriver) { task.logDriver = driver }
        if flags.isSet("force") { task.forceUpdate += 1 }
        spec.taskTemplate = task
        try changeMode(of: &spec.mode)
        try changeEndpoint(of: &spec)
        if let update = try parts.updateConfiguration("update", over: spec.updateConfig) { spec.updateConfig = update }
        if let rollback = try parts.updateConfiguration("rollback", over: spec.rollbackConfig) {
            spec.rollbackConfig = rollback
        }
        if let labels = dictionary(spec.labels, "label") { spec.labels = labels }
    }

    // MARK: Single values

    private func change(_ container: inout ContainerSpec) throws {
        guard !flags.has("credential-spec") else { throw ExitError(1, "--credential-spec is for Windows only") }
        if let image = flags.string("image") { container.image = image }
        if let command = try flags.arguments("entrypoint") { container.command = command }
        if let arguments = try flags.arguments("args") { container.args = arguments }
        if let directory = flags.string("workdir") { container.dir = directory }
        if let user = flags.string("user") { container.user = user }
        if let hostname = flags.string("hostname") { container.hostname = hostname }
        if let signal = flags.string("stop-signal") { container.stopSignal = signal }
        if let isSet = flags.isSetOrNil("tty") { container.terminal = isSet }
        if let isSet = flags.isSetOrNil("read-only") { container.readOnly = isSet }
        if let isSet = flags.isSetOrNil("init") { container.`init` = isSet }
        if let period = try flags.duration("stop-grace-period") { container.stopGracePeriod = period }
        if let isolation = flags.string("isolation") { container.isolation = isolation }
        if let check = try parts.health(over: container.healthcheck) { container.healthcheck = check }
        if let score = flags.number("oom-score-adj") { container.oomScoreAdj = score }
        if let labels = dictionary(container.labels ?? [:], "container-label") { container.labels = labels.nilIfEmpty }
        if let controls = dictionary(container.sysctls ?? [:], "sysctl") { container.sysctls = controls.nilIfEmpty }
        if flags.hasAny(["cap-add", "cap-drop"]) {
            var capabilities = CapabilityFlags(
                adding: container.capabilityAdd ?? [], dropping: container.capabilityDrop ?? [])
            capabilities.change(adding: flags.list("cap-add"), dropping: flags.list("cap-drop"))
            container.capabilityAdd = capabilities.added.nilIfEmpty
            container.capabilityDrop = capabilities.dropped.nilIfEmpty
        }
    }

    private func changeResources(of task: inout TaskSpec) throws {
        var limits = task.resources?.limits ?? NodeResources()
        var reservations = task.resources?.reservations ?? NodeResources()
        if let count = try flags.cpus("limit-cpu") { limits.nanoCPUs = count }
        if let count = try flags.byteCount("limit-memory") { limits.memoryBytes = count }
        if let count = flags.integer("limit-pids") { limits.pids = count }
        if let count = try flags.cpus("reserve-cpu") { reservations.nanoCPUs = count }
        if let count = try flags.byteCount("reserve-memory") { reservations.memoryBytes = count }
        if flags.hasAny(["generic-resource-add", "generic-resource-rm"]) {
            let added = try flags.list("generic-resource-add").map { try ServiceParts.genericResource($0) }
            reservations.genericResources = merged(
                reservations.genericResources, added, flags.list("generic-resource-rm")
            ) { $0.discreteResourceSpec?.kind ?? "" }
        }
        guard limits != NodeResources() || reservations != NodeResources() || task.resources != nil else { return }
        var resources = task.resources ?? ResourceRequirements()
        if limits != (resources.limits ?? NodeResources()) { resources.limits = limits }
        if reservations != (resources.reservations ?? NodeResources()) { resources.reservations = reservations }
        task.resources = resources
    }

    private func changeMode(of mode: inout ServiceMode) throws {
        if let replicas = try flags.unsigned("replicas") {
            guard mode.scale(to: replicas) else {
                throw ExitError(1, "replicas can only be used with replicated or replicated-job mode")
            }
        }
        if let concurrent = try flags.unsigned("max-concurrent") {
            guard mode.replicatedJob != nil else {
                throw ExitError(1, "max-concurrent can only be used with replicated-job mode")
            }
            mode.replicatedJob?.maxConcurrent = concurrent
        }
    }

    // MARK: Lists

    /// `key=value` items with those of `NAME-rm` removed and those of `NAME-add` added; `nil` without flags for it.
    private func dictionary(_ known: [String: String], _ name: String) -> [String: String]? {
        guard flags.hasAny(["\(name)-add", "\(name)-rm"]) else { return nil }
        var result = known
        for key in flags.list("\(name)-rm") { result[key] = nil }
        for item in flags.list("\(name)-add") {
            let (key, value) = GoText.pair(item)
            result[key] = value ?? ""
        }
        return result
    }

    /// Texts with some removed and some added; `key` tells which are the same. `nil` for none.
    private func changed(_ known: [String]?, add: [String], remove: [String], key: (String) -> String = { $0 })
        -> [String]?
    {
        let gone = Set(remove)
        let new = Set(add.map(key))
        let kept = (known ?? []).filter { !gone.contains($0) && !gone.contains(key($0)) && !new.contains(key($0)) }
        var result: [String] = []
        for item in kept + add where !result.contains(item) { result.append(item) }
        return result.nilIfEmpty
    }

    /// The same with the flags `NAME-add` and `NAME-rm`, in order; what was there without them.
    private func changed(_ known: [String]?, _ name: String) -> [String]? {
        guard flags.hasAny(["\(name)-add", "\(name)-rm"]) else { return known }
        return changed(known, add: flags.list("\(name)-add"), remove: flags.list("\(name)-rm"))?.sorted()
    }

    private func merged<Item>(_ known: [Item]?, _ added: [Item], _ removed: [String], key: (Item) -> String) -> [Item]?
    {
        let new = Set(added.map(key))
        return ((known ?? []).filter { !removed.contains(key($0)) && !new.contains(key($0)) } + added).nilIfEmpty
    }

    private func changeLists(of container: inout ContainerSpec) throws {
        if flags.hasAny(["env-add", "env-rm"]) {
            let added = flags.list("env-add").map { item in
                item.contains("=") ? item : call.session.environment[item].map { "\(item)=\($0)" } ?? item
            }
            container.env = changed(container.env, add: added, remove: flags.list("env-rm")) { GoText.pair($0).key }
        }
        container.groups = changed(container.groups, "group")
        if flags.hasAny(["host-add", "host-rm"]) {
            let kept = try flags.list("host-rm").reduce(container.hosts ?? []) { try without($1, $0) }
            container.hosts = changed(
                kept, add: try flags.list("host-add").map { try HostEntry.serviceLine($0) }, remove: [])
        }
        var names = container.dnsConfig ?? NameServiceConfiguration()
        names.nameservers = changed(names.nameservers, "dns")
        names.search = changed(names.search, "dns-search")
        names.options = changed(names.options, "dns-option")
        if names != (container.dnsConfig ?? NameServiceConfiguration()) { container.dnsConfig = names }
        if flags.hasAny(["mount-add", "mount-rm"]) {
            let added = try flags.list("mount-add").map { try MountOption.parse($0) }
            container.mounts = merged(container.mounts, added, flags.list("mount-rm")) { $0.target }?.sorted {
                ($0.source, $0.target) < ($1.source, $1.target)
            }
        }
        if flags.hasAny(["ulimit-add", "ulimit-rm"]) {
            let added = try flags.list("ulimit-add").map { try UserLimitOption.parse($0) }
            container.ulimits = merged(container.ulimits, added, flags.list("ulimit-rm")) { $0.name }?.sorted {
                $0.name < $1.name
            }
        }
    }

    /// Lines of `/etc/hosts` without a name, or without it at the one address that is given; a line goes with its last name.
    private func without(_ text: String, _ lines: [String]) throws(ValueError) -> [String] {
        var address: Substring?
        var name = text[...]
        if text.contains(":") || text.contains("=") {
            let words = try HostEntry.serviceLine(text).split(separator: " ", maxSplits: 1)
            (address, name) = (words.first, words.last ?? name)
        }
        return lines.compactMap { line -> String? in
            let words = line.split(separator: " ")
            guard let first = words.first, address == nil || address == first, words.dropFirst().contains(name) else {
                return line
            }
            let others = words.dropFirst().filter { $0 != name }
            return others.isEmpty ? nil : ([first] + others).joined(separator: " ")
        }
    }

    private func changePlacement(of task: inout TaskSpec) throws {
        var placement = task.placement ?? Placement()
        placement.constraints = changed(placement.constraints, "constraint")
        if flags.hasAny(["placement-pref-add", "placement-pref-rm"]) {
            let removed = try flags.list("placement-pref-rm").map { try PlacementOption.preference($0) }
            let added = try flags.list("placement-pref-add").map { try PlacementOption.preference($0) }
            let kept = (placement.preferences ?? []).filter { !removed.contains($0) }
            placement.preferences = (kept + added).nilIfEmpty
        }
        if let most = try flags.unsigned("replicas-max-per-node") { placement.maxReplicas = most }
        if placement != (task.placement ?? Placement()) { task.placement = placement }
    }

    private func changeEndpoint(of spec: inout ServiceSpec) throws {
        var endpoint = spec.endpointSpec ?? EndpointSpec()
        if let mode = flags.string("endpoint-mode") { endpoint.mode = EndpointMode(rawValue: mode) }
        if flags.hasAny(["publish-add", "publish-rm"]) {
            let removed = try flags.list("publish-rm").flatMap { try ServicePort.parseTarget($0) }
            let added = try flags.list("publish-add").flatMap { try ServicePort.parse($0) }
            func transport(_ port: PortConfig) -> String { port.protocol.flatMap { $0.isEmpty ? nil : $0 } ?? "tcp" }
            let kept = (endpoint.ports ?? []).filter { port in
                let mode = port.isOnMesh ? "ingress" : port.publishMode
                return !added.contains(port)
                    && !removed.contains { gone in
                        gone.port == port.targetPort && gone.transport == transport(port) && gone.mode == mode
                    }
            }
            // One that says nothing of where it is published would be published where it was.
            let former = endpoint.ports ?? []
            let open = added.map { port in
                guard !port.saysMore, former.contains(where: { $0.targetPort == port.targetPort && $0.saysMore }) else {
                    return port
                }
                var port = port
                port.publishedOn = []
                return port
            }
            endpoint.ports =
                (kept + open).sorted {
                    ($0.targetPort, transport($0), $0.publishedPort ?? 0)
                        < ($1.targetPort, transport($1), $1.publishedPort ?? 0)
                }.nilIfEmpty
        }
        if endpoint != (spec.endpointSpec ?? EndpointSpec()) { spec.endpointSpec = endpoint }
    }

    // MARK: What has ids

    private func changeReferences(
        _ spec: inout ServiceSpec, _ task: inout TaskSpec, _ container: inout ContainerSpec, _ client: DaemonClient
    ) async throws {
        if flags.hasAny(["network-add", "network-rm"]) {
            // Older services keep their networks beside the template.
            let inTemplate = task.networks ?? []
            var networks = inTemplate.isEmpty ? spec.networks ?? [] : inTemplate
            spec.networks = nil
            for name in flags.list("network-rm") {
                let id = try await ServiceParts.networkID(name, client)
                networks.removeAll { $0.target == id || $0.target == name }
            }
            for text in flags.list("network-add") {
                let option = try NetworkOption.parse(text)
                let id = try await ServiceParts.networkID(option.name, client)
                guard !networks.contains(where: { $0.target == id }) else {
                    throw ExitError(1, "service is already attached to network \(option.name)")
                }
                networks.append(try option.attachment(id: id))
            }
            task.networks = networks.sorted { $0.target < $1.target }.nilIfEmpty
        }
        if flags.hasAny(["secret-add", "secret-rm"]) {
            var added: [JSONValue] = []
            for text in flags.list("secret-add") { added.append(try await ServiceFiles.secret(text, client)) }
            container.secrets = files(container.secrets, added, without: flags.list("secret-rm"), "SecretName")
        }
        if flags.hasAny(["config-add", "config-rm"]) {
            var added: [JSONValue] = []
            for text in flags.list("config-add") { added.append(try await ServiceFiles.config(text, client)) }
            container.configs = files(container.configs, added, without: flags.list("config-rm"), "ConfigName")
        }
    }

    /// What is added takes the place of a file of the same name.
    private func files(_ known: [JSONValue]?, _ added: [JSONValue], without names: [String], _ title: String)
        -> [JSONValue]?
    {
        func file(_ reference: JSONValue) -> JSONValue? { reference["File"]?["Name"] }
        let kept = (known ?? []).filter { reference in
            !names.contains { reference[title] == .string($0) } && !added.contains { file($0) == file(reference) }
        }
        return (kept + added).nilIfEmpty
    }
}

extension ServiceMode {
    /// How many tasks run, or are to end well.
    /// - Returns: Whether it is a mode that has a number.
    mutating func scale(to count: UInt64) -> Bool {
        if replicated != nil {
            replicated?.replicas = count
        } else if replicatedJob != nil {
            replicatedJob?.totalCompletions = count
        } else {
            return false
        }
        return true
    }
}

extension Collection {
    /// For lists that the API leaves out when they are empty.
    fileprivate var nilIfEmpty: Self? { isEmpty ? nil : self }
}
