package import DockerClient

/// What the flags of `service update` change in a specification.
package struct ServiceChange {
    let call: Invocation
    let client: DockerClient?
    let parts: ServiceParts
    private var flags: ParsedFlags { call.flags }

    package init(_ call: Invocation, _ client: DockerClient?) {
        self.call = call
        self.client = client
        parts = ServiceParts(flags: call.flags)
    }

    package func apply(to spec: inout JSON) async throws {
        try container(&spec)
        try lists(&spec)
        try placement(&spec)
        try endpoint(&spec)
        if let client { try await references(&spec, client) }
        for (prefix, member) in [("update", "UpdateConfig"), ("rollback", "RollbackConfig")] {
            if let changed = try parts.updateConfiguration(prefix, over: spec[member]) { spec[member] = changed }
        }
        if let restart = try parts.restartPolicy(over: spec["TaskTemplate"]["RestartPolicy"]) {
            spec["TaskTemplate"]["RestartPolicy"] = restart
        }
        if let driver = try parts.logDriver() { spec["TaskTemplate"]["LogDriver"] = driver }
        if flags.isSet("force") {
            spec["TaskTemplate"]["ForceUpdate"] = JSON(spec["TaskTemplate"]["ForceUpdate"].unsigned + 1)
        }
        let labels = dictionary(spec["Labels"], add: "label-add", remove: "label-rm")
        if let labels { spec["Labels"] = .map(labels) }
    }

    // MARK: Single values

    private func container(_ spec: inout JSON) throws {
        var container = spec["TaskTemplate"]["ContainerSpec"]
        guard !flags.has("credential-spec") else { throw ExitError(1, "--credential-spec is for Windows only") }
        parts.apply(
            [
                ("Image", parts.text("image")), ("Command", try parts.words("entrypoint")),
                ("Args", try parts.words("args")), ("Dir", parts.text("workdir")), ("User", parts.text("user")),
                ("Hostname", parts.text("hostname")), ("StopSignal", parts.text("stop-signal")),
                ("TTY", parts.isSet("tty")), ("ReadOnly", parts.isSet("read-only")), ("Init", parts.isSet("init")),
                ("StopGracePeriod", try parts.duration("stop-grace-period")), ("Isolation", parts.text("isolation")),
                ("Healthcheck", try parts.health(over: container["Healthcheck"])),
                ("OomScoreAdj", parts.number("oom-score-adj")),
            ], to: &container)
        if let labels = dictionary(container["Labels"], add: "container-label-add", remove: "container-label-rm") {
            container["Labels"] = labels.isEmpty ? .null : .map(labels)
        }
        if let controls = dictionary(container["Sysctls"], add: "sysctl-add", remove: "sysctl-rm") {
            container["Sysctls"] = controls.isEmpty ? .null : .map(controls)
        }
        capabilities(&container)
        spec["TaskTemplate"]["ContainerSpec"] = container
        var limits = spec["TaskTemplate"]["Resources"]["Limits"]
        var reservations = spec["TaskTemplate"]["Resources"]["Reservations"]
        parts.apply(
            [
                ("NanoCPUs", try parts.cpus("limit-cpu")), ("MemoryBytes", try parts.bytes("limit-memory")),
                ("Pids", parts.number("limit-pids")),
            ], to: &limits)
        parts.apply(
            [("NanoCPUs", try parts.cpus("reserve-cpu")), ("MemoryBytes", try parts.bytes("reserve-memory"))],
            to: &reservations)
        if parts.hasAny(["generic-resource-add", "generic-resource-rm"]) {
            let removed = Set(flags.list("generic-resource-rm"))
            let added = try flags.list("generic-resource-add").map { try ServiceParts.genericResource($0) }
            func kind(_ resource: JSON) -> String { resource["DiscreteResourceSpec"]["Kind"].text }
            let kept = reservations["GenericResources"].elements.filter { known in
                !removed.contains(kind(known)) && !added.contains { kind($0) == kind(known) }
            }
            reservations["GenericResources"] = kept.isEmpty && added.isEmpty ? .null : .array(kept + added)
        }
        if !limits.isNull { spec["TaskTemplate"]["Resources"]["Limits"] = limits }
        if !reservations.isNull { spec["TaskTemplate"]["Resources"]["Reservations"] = reservations }
    }

    /// What is added is no longer dropped, and the other way round.
    private func capabilities(_ container: inout JSON) {
        guard parts.hasAny(["cap-add", "cap-drop"]) else { return }
        let newlyAdded = ServiceParts.capabilities(flags.list("cap-add"))
        let newlyDropped = ServiceParts.capabilities(flags.list("cap-drop"))
        let added = container["CapabilityAdd"].strings.filter { !newlyDropped.contains($0) } + newlyAdded
        let dropped = container["CapabilityDrop"].strings.filter { !newlyAdded.contains($0) } + newlyDropped
        let both = (ServiceParts.capabilities(added), ServiceParts.capabilities(dropped))
        container["CapabilityAdd"] = both.0.isEmpty ? .null : .strings(both.0)
        container["CapabilityDrop"] = both.1.isEmpty ? .null : .strings(both.1)
    }

    // MARK: Lists

    /// `key=value` items with some removed and some added; `nil` without flags for it.
    private func dictionary(_ known: JSON, add: String, remove: String) -> [String: String]? {
        guard parts.hasAny([add, remove]) else { return nil }
        var result = known.dictionary
        for key in flags.list(remove) { result[key] = nil }
        for item in flags.list(add) {
            let (key, value) = GoText.pair(item)
            result[key] = value ?? ""
        }
        return result
    }

    /// Texts with some removed and some added; `key` tells which are the same.
    private func changed(_ known: [String], add: [String], remove: [String], key: (String) -> String = { $0 })
        -> [String]
    {
        let gone = Set(remove)
        let new = Set(add.map(key))
        let kept = known.filter { !gone.contains($0) && !gone.contains(key($0)) && !new.contains(key($0)) }
        var result: [String] = []
        for item in kept + add where !result.contains(item) { result.append(item) }
        return result
    }

    private func lists(_ spec: inout JSON) throws {
        var container = spec["TaskTemplate"]["ContainerSpec"]
        func set(_ member: String, _ list: [String]) { container[member] = list.isEmpty ? .null : .strings(list) }
        if parts.hasAny(["env-add", "env-rm"]) {
            let added = flags.list("env-add").map { item in
                item.contains("=") ? item : call.session.environment[item].map { "\(item)=\($0)" } ?? item
            }
            set(
                "Env",
                changed(container["Env"].strings, add: added, remove: flags.list("env-rm")) { GoText.pair($0).key })
        }
        if parts.hasAny(["group-add", "group-rm"]) {
            set(
                "Groups",
                changed(container["Groups"].strings, add: flags.list("group-add"), remove: flags.list("group-rm"))
                    .sorted())
        }
        if parts.hasAny(["host-add", "host-rm"]) {
            let removed = try flags.list("host-rm").map { item in
                item.contains(":") ? try HostEntry.serviceLine(item) : item
            }
            let kept = container["Hosts"].strings.filter { line in
                !removed.contains(line)
                    && !removed.contains { line.split(separator: " ").dropFirst().contains($0[...]) }
            }
            let added = try flags.list("host-add").map { try HostEntry.serviceLine($0) }
            set("Hosts", changed(kept, add: added, remove: []))
        }
        for (member, flag) in [("Nameservers", "dns"), ("Search", "dns-search"), ("Options", "dns-option")]
        where parts.hasAny(["\(flag)-add", "\(flag)-rm"]) {
            let list = changed(
                container["DNSConfig"][member].strings, add: flags.list("\(flag)-add"), remove: flags.list("\(flag)-rm")
            )
            container["DNSConfig"][member] = list.isEmpty ? .null : .strings(list.sorted())
        }
        if parts.hasAny(["mount-add", "mount-rm"]) {
            let added = try flags.list("mount-add").map { try MountOption.parse($0) }
            let mounts = merged(container["Mounts"].elements, added, flags.list("mount-rm")) { $0["Target"].text }
            container["Mounts"] = mounts.isEmpty ? .null : .array(mounts)
        }
        if parts.hasAny(["ulimit-add", "ulimit-rm"]) {
            let added = try flags.list("ulimit-add").map { try UserLimitOption.parse($0) }
            let limits = merged(container["Ulimits"].elements, added, flags.list("ulimit-rm")) { $0["Name"].text }
            container["Ulimits"] = limits.isEmpty ? .null : .array(limits.sorted { $0["Name"].text < $1["Name"].text })
        }
        spec["TaskTemplate"]["ContainerSpec"] = container
    }

    private func merged(_ known: [JSON], _ added: [JSON], _ removed: [String], key: (JSON) -> String) -> [JSON] {
        let new = Set(added.map(key))
        return known.filter { !removed.contains(key($0)) && !new.contains(key($0)) } + added
    }

    private func placement(_ spec: inout JSON) throws {
        var placement = spec["TaskTemplate"]["Placement"]
        if parts.hasAny(["constraint-add", "constraint-rm"]) {
            let list = changed(
                placement["Constraints"].strings, add: flags.list("constraint-add"),
                remove: flags.list("constraint-rm"))
            placement["Constraints"] = list.isEmpty ? .null : .strings(list.sorted())
        }
        if parts.hasAny(["placement-pref-add", "placement-pref-rm"]) {
            let removed = try flags.list("placement-pref-rm").map { try ServiceParts.preference($0) }
            let added = try flags.list("placement-pref-add").map { try ServiceParts.preference($0) }
            let list = placement["Preferences"].elements.filter { !removed.contains($0) } + added
            placement["Preferences"] = list.isEmpty ? .null : .array(list)
        }
        if let most = try parts.unsigned("replicas-max-per-node") { placement["MaxReplicas"] = most }
        if !placement.isNull { spec["TaskTemplate"]["Placement"] = placement }
        if let replicas = try parts.unsigned("replicas") {
            if !spec["Mode"]["Replicated"].isNull {
                spec["Mode"]["Replicated"]["Replicas"] = replicas
            } else if !spec["Mode"]["ReplicatedJob"].isNull {
                spec["Mode"]["ReplicatedJob"]["TotalCompletions"] = replicas
            } else {
                throw ExitError(1, "replicas can only be used with replicated or replicated-job mode")
            }
        }
        if let concurrent = try parts.unsigned("max-concurrent") {
            guard !spec["Mode"]["ReplicatedJob"].isNull else {
                throw ExitError(1, "max-concurrent can only be used with replicated-job mode")
            }
            spec["Mode"]["ReplicatedJob"]["MaxConcurrent"] = concurrent
        }
    }

    private func endpoint(_ spec: inout JSON) throws {
        if let mode = parts.text("endpoint-mode") { spec["EndpointSpec"]["Mode"] = mode }
        guard parts.hasAny(["publish-add", "publish-rm"]) else { return }
        let removed = try flags.list("publish-rm").flatMap { try ServicePort.parseTarget($0) }
        let added = try flags.list("publish-add").flatMap { try ServicePort.parse($0) }
        func transport(_ port: JSON) -> String { port["Protocol"].text.isEmpty ? "tcp" : port["Protocol"].text }
        let kept = spec["EndpointSpec"]["Ports"].elements.filter { port in
            let target = Int(port["TargetPort"].unsigned)
            return !removed.contains { $0.port == target && $0.transport == transport(port) }
                && !added.contains { $0 == port }
        }
        let ports = (kept + added).sorted {
            ($0["TargetPort"].unsigned, transport($0), $0["PublishedPort"].unsigned)
                < ($1["TargetPort"].unsigned, transport($1), $1["PublishedPort"].unsigned)
        }
        spec["EndpointSpec"]["Ports"] = ports.isEmpty ? .null : .array(ports)
    }

    // MARK: What has ids

    private func references(_ spec: inout JSON, _ client: DockerClient) async throws {
        if parts.hasAny(["network-add", "network-rm"]) {
            // Older services keep their networks beside the template.
            let inTemplate = spec["TaskTemplate"]["Networks"].elements
            var networks = inTemplate.isEmpty ? spec["Networks"].elements : inTemplate
            spec["Networks"] = .null
            for name in flags.list("network-rm") {
                let id = try await ServiceParts.networkID(name, client)
                networks.removeAll { $0["Target"].text == id || $0["Target"].text == name }
            }
            for text in flags.list("network-add") {
                let option = try NetworkOption.parse(text)
                let id = try await ServiceParts.networkID(option.name, client)
                guard !networks.contains(where: { $0["Target"].text == id }) else {
                    throw ExitError(1, "service is already attached to network \(option.name)")
                }
                networks.append(option.attachment(id: id))
            }
            networks.sort { $0["Target"].text < $1["Target"].text }
            spec["TaskTemplate"]["Networks"] = networks.isEmpty ? .null : .array(networks)
        }
        for (member, kind, title) in [("Secrets", "secret", "SecretName"), ("Configs", "config", "ConfigName")]
        where parts.hasAny(["\(kind)-add", "\(kind)-rm"]) {
            var list = spec["TaskTemplate"]["ContainerSpec"][member].elements
            list.removeAll { flags.list("\(kind)-rm").contains($0[title].text) }
            for text in flags.list("\(kind)-add") {
                let reference = try await ServiceParts.fileReference(text, kind: kind, client)
                list.removeAll { $0["File"]["Name"] == reference["File"]["Name"] }
                list.append(reference)
            }
            spec["TaskTemplate"]["ContainerSpec"][member] = list.isEmpty ? .null : .array(list)
        }
    }
}
