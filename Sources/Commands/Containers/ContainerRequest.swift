package import DockerClient

/// The body of `POST /containers/create` from the flags of `run` and `create`.
package struct ContainerRequest {
    let call: Invocation
    private var flags: ParsedFlags { call.flags }

    package init(_ call: Invocation) { self.call = call }

    /// - Parameter image: The first word; the others are the command.
    package func body() throws -> JSON {
        var body = try configuration()
        body["HostConfig"] = try hostConfiguration()
        body["NetworkingConfig"] = ["EndpointsConfig": .object(try endpoints())]
        return body
    }

    private func text(_ name: String) -> JSON? {
        flags.string(name).flatMap { $0.isEmpty ? nil : .string($0) }
    }

    private func texts(_ name: String) -> JSON? { optionalTexts(flags.list(name)) }

    private func optionalTexts(_ list: [String]) -> JSON? { list.isEmpty ? nil : .strings(list) }

    private func number(_ name: String) -> JSON? { flags.integer(name).map { JSON($0) } }

    private func bytes(_ name: String) throws -> JSON? {
        try flags.string(name).map { JSON(try ByteCount.parse($0, allowsUnlimited: name == "memory-swap")) }
    }

    private func isSet(_ name: String) -> JSON? { flags.isSet(name) ? true : nil }

    // MARK: What runs

    private func configuration() throws -> JSON {
        let environment = try SettingFiles.environment(call, files: "env-file", flags: "env")
        let labels = try SettingFiles.labels(call, files: "label-file", flags: "label")
        let ports = try publishedPorts()
        let attached = attachments()
        let isInteractive = flags.isSet("interactive")
        let command = Array(call.words.dropFirst())
        return .fields([
            "Hostname": text("hostname"), "Domainname": text("domainname"), "User": text("user"),
            "AttachStdin": .bool(attached.input), "AttachStdout": .bool(attached.output),
            "AttachStderr": .bool(attached.error), "Tty": .bool(flags.isSet("tty")),
            "OpenStdin": .bool(isInteractive), "StdinOnce": .bool(isInteractive && attached.input),
            "Env": environment.isEmpty ? nil : .strings(environment),
            "Cmd": command.isEmpty ? nil : .strings(command),
            "Image": .string(call.words[0]), "WorkingDir": text("workdir"),
            "Entrypoint": flags.string("entrypoint").map { .strings([$0]) },
            "Labels": labels.isEmpty ? nil : .map(labels),
            "ExposedPorts": try exposed(ports), "Volumes": anonymousVolumes(), "Healthcheck": try health(),
            "StopSignal": text("stop-signal"), "StopTimeout": number("stop-timeout"),
        ])
    }

    /// Which streams the client is to see: those of `--attach`, else all but standard input unless it is open.
    package func attachments() -> (input: Bool, output: Bool, error: Bool) {
        let isDetached = flags.declared.contains("detach") && flags.isSet("detach")
        if isDetached { return (false, false, false) }
        let chosen = flags.list("attach").map { $0.lowercased() }
        if chosen.isEmpty { return (flags.isSet("interactive"), true, true) }
        return (chosen.contains("stdin"), chosen.contains("stdout"), chosen.contains("stderr"))
    }

    private func health() throws -> JSON? {
        let names = ["health-interval", "health-timeout", "health-start-period", "health-start-interval"]
        let hasOptions = flags.has("health-cmd") || flags.has("health-retries") || names.contains { flags.has($0) }
        if flags.isSet("no-healthcheck") {
            guard !hasOptions else { throw ExitError(1, "--no-healthcheck conflicts with --health-* options") }
            return ["Test": ["NONE"]]
        }
        guard hasOptions else { return nil }
        func duration(_ name: String) throws -> JSON? { try flags.string(name).map { JSON(try GoDuration.parse($0)) } }
        if let retries = flags.integer("health-retries"), retries < 0 {
            throw ExitError(1, "--health-retries cannot be negative")
        }
        return .fields([
            "Test": flags.string("health-cmd").map { ["CMD-SHELL", .string($0)] },
            "Interval": try duration("health-interval"), "Timeout": try duration("health-timeout"),
            "StartPeriod": try duration("health-start-period"),
            "StartInterval": try duration("health-start-interval"), "Retries": number("health-retries"),
        ])
    }

    // MARK: Ports and volumes

    private func publishedPorts() throws -> [(port: String, binding: JSON)] {
        try flags.list("publish").flatMap { text -> [(port: String, binding: JSON)] in
            guard text.contains("=") else { return try PortMapping.parse(text).bindings }
            return try ServicePort.parse(text).map { port in
                let host = port["PublishedPort"].integer.map(String.init) ?? ""
                return (
                    "\(port["TargetPort"].integer ?? 0)/\(port["Protocol"].text)",
                    ["HostIp": "", "HostPort": .string(host)]
                )
            }
        }
    }

    private func exposed(_ published: [(port: String, binding: JSON)]) throws -> JSON? {
        var ports = published.map(\.port)
        for item in flags.list("expose") {
            guard !item.contains(":") else { throw ExitError(1, "invalid port format for --expose: \(item)") }
            let (span, transport) = try PortMapping.transport(item)
            guard let range = PortMapping.range(String(span)) else {
                throw ExitError(
                    1,
                    "invalid range format for --expose: \(item), error: "
                        + "strconv.ParseUint: parsing \(GoText.quoted(String(span))): invalid syntax")
            }
            ports += range.map { "\($0)/\(transport)" }
        }
        guard !ports.isEmpty else { return nil }
        var set = JSON.object([])
        for port in ports { set[port] = .object([]) }
        return set
    }

    private func bindings() throws -> JSON? {
        var bindings: [(String, [JSON])] = []
        for (port, binding) in try publishedPorts() {
            if let index = bindings.firstIndex(where: { $0.0 == port }) {
                bindings[index].1.append(binding)
            } else {
                bindings.append((port, [binding]))
            }
        }
        return bindings.isEmpty ? nil : .object(bindings.map { JSON.Member($0.0, .array($0.1)) })
    }

    private func anonymousVolumes() -> JSON? {
        let paths = flags.list("volume").filter { !$0.contains(":") }
        return paths.isEmpty ? nil : .object(paths.map { JSON.Member($0, .object([])) })
    }

    private func binds() -> JSON? {
        let binds = flags.list("volume").filter { $0.contains(":") }.map { bind -> String in
            guard bind.hasPrefix("."), let colon = bind.firstIndex(of: ":") else { return bind }
            return LocalPath.absolute(String(bind[..<colon])) + bind[colon...]
        }
        return binds.isEmpty ? nil : .strings(binds)
    }

    // MARK: How it is set into its host

    private func hostConfiguration() throws -> JSON {
        let isRemoved = flags.declared.contains("rm") && flags.isSet("rm")
        let restart = try RestartOption.parse(flags.string("restart") ?? "no")
        if isRemoved, restart["Name"].text != "no" {
            throw ExitError(1, "conflicting options: cannot specify both --restart and --rm")
        }
        var host = JSON.fields([
            "Binds": binds(), "ContainerIDFile": text("cidfile"), "LogConfig": try logs(),
            "NetworkMode": .string(try networks().first?.name ?? "default"), "PortBindings": try bindings(),
            "RestartPolicy": restart, "AutoRemove": .bool(isRemoved), "VolumeDriver": text("volume-driver"),
            "VolumesFrom": texts("volumes-from"), "Annotations": map("annotation"),
            "CapAdd": texts("cap-add"), "CapDrop": texts("cap-drop"), "CgroupnsMode": try mode("cgroupns"),
            "Dns": texts("dns"), "DnsOptions": optionalTexts(flags.list("dns-option") + flags.list("dns-opt")),
            "DnsSearch": texts("dns-search"),
            "ExtraHosts": try hosts(), "GroupAdd": texts("group-add"), "IpcMode": text("ipc"),
            "Links": texts("link"), "OomScoreAdj": number("oom-score-adj"), "PidMode": try mode("pid"),
            "Privileged": isSet("privileged"), "PublishAllPorts": isSet("publish-all"),
            "ReadonlyRootfs": isSet("read-only"), "StorageOpt": try storage(), "Tmpfs": temporary(),
            "UTSMode": try mode("uts"), "UsernsMode": try mode("userns"), "ShmSize": try bytes("shm-size"),
            "Sysctls": map("sysctl"), "Runtime": text("runtime"), "Isolation": text("isolation"),
        ])
        for member in try resources().members { host[member.name] = member.value }
        for member in try security().members { host[member.name] = member.value }
        if flags.has("init") { host["Init"] = .bool(flags.isSet("init")) }
        let mounts = try flags.list("mount").map { try MountOption.parse($0) }
        if !mounts.isEmpty { host["Mounts"] = .array(mounts) }
        if flags.isSet("tty"), let size = Terminal.size() {
            host["ConsoleSize"] = [JSON(size.rows), JSON(size.columns)]
        }
        return host
    }

    private func resources() throws -> JSON {
        let limits = try flags.list("ulimit").map { try UserLimitOption.parse($0) }
        return .fields([
            "CpuShares": number("cpu-shares"), "Memory": try bytes("memory"),
            "NanoCpus": try flags.string("cpus").map { JSON(try CPUCount.nanoseconds($0)) },
            "CgroupParent": text("cgroup-parent"), "BlkioWeight": number("blkio-weight"),
            "BlkioWeightDevice": try weights(), "BlkioDeviceReadBps": try rates("device-read-bps", inBytes: true),
            "BlkioDeviceWriteBps": try rates("device-write-bps", inBytes: true),
            "BlkioDeviceReadIOps": try rates("device-read-iops", inBytes: false),
            "BlkioDeviceWriteIOps": try rates("device-write-iops", inBytes: false),
            "CpuPeriod": number("cpu-period"), "CpuQuota": number("cpu-quota"),
            "CpuRealtimePeriod": number("cpu-rt-period"), "CpuRealtimeRuntime": number("cpu-rt-runtime"),
            "CpusetCpus": text("cpuset-cpus"), "CpusetMems": text("cpuset-mems"),
            "CpuCount": number("cpu-count"), "CpuPercent": number("cpu-percent"),
            "IOMaximumIOps": number("io-maxiops"), "IOMaximumBandwidth": try bytes("io-maxbandwidth"),
            "Devices": try devices(), "DeviceCgroupRules": texts("device-cgroup-rule"), "DeviceRequests": try gpus(),
            "KernelMemory": try bytes("kernel-memory"), "MemoryReservation": try bytes("memory-reservation"),
            "MemorySwap": try bytes("memory-swap"),
            "MemorySwappiness": flags.integer("memory-swappiness") == -1 ? nil : number("memory-swappiness"),
            "OomKillDisable": isSet("oom-kill-disable"), "PidsLimit": number("pids-limit"),
            "Ulimits": limits.isEmpty ? nil : .array(limits),
        ])
    }

    private func map(_ name: String) -> JSON? {
        let items = flags.list(name)
        return items.isEmpty ? nil : .map(GoText.dictionary(items))
    }

    private func hosts() throws -> JSON? {
        let entries = try flags.list("add-host").map { try HostEntry.parse($0, flag: "add-host") }
        return entries.isEmpty ? nil : .strings(entries)
    }

    private func temporary() -> JSON? {
        let items = flags.list("tmpfs")
        guard !items.isEmpty else { return nil }
        return .object(
            items.map { item in
                let parts = item.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                return JSON.Member(parts[0], .string(parts.count > 1 ? parts[1] : ""))
            })
    }

    private func storage() throws -> JSON? {
        guard flags.list("storage-opt").allSatisfy({ $0.contains("=") }) else {
            throw ExitError(1, "invalid storage option")
        }
        return map("storage-opt")
    }

    private func logs() throws -> JSON? {
        let options = flags.list("log-opt")
        let driver = flags.string("log-driver") ?? ""
        if driver == "none", !options.isEmpty { throw ExitError(1, "invalid logging opts for driver \(driver)") }
        guard !driver.isEmpty || !options.isEmpty else { return nil }
        return ["Type": .string(driver), "Config": .map(GoText.dictionary(options))]
    }

    /// `host`, `container:x` and the like; what may be said differs.
    private func mode(_ name: String) throws -> JSON? {
        guard let value = flags.string(name), !value.isEmpty else { return nil }
        let isValid: Bool =
            switch name {
            case "pid": value == "host" || (value.hasPrefix("container:") && value.count > "container:".count)
            case "cgroupns": value == "host" || value == "private"
            default: value == "host"
            }
        let shown = ["pid": "PID", "userns": "USER", "uts": "UTS", "cgroupns": "CGROUP"][name] ?? name
        guard isValid else { throw ExitError(1, "--\(name): invalid \(shown) mode") }
        return .string(value)
    }
}
