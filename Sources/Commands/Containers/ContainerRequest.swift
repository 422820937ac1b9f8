import DockerTypes
import LinuxSystem
package import Model
import Templates

/// The body of `POST /containers/create` from the flags of `run` and `create`.
package struct ContainerRequest {
    let call: Invocation
    private var flags: ParsedFlags { call.flags }

    package init(_ call: Invocation) { self.call = call }

    /// The first argument is the image; the others are the command.
    package func request() throws -> ContainerCreateRequest {
        let configuration = try configuration()
        var host = try hostConfiguration()
        try setResources(of: &host)
        try setSecurity(of: &host)
        var networking = NetworkingConfiguration()
        networking.endpointsConfig = try endpoints()
        return ContainerCreateRequest(configuration: configuration, hostConfig: host, networkingConfig: networking)
    }

    // MARK: What runs

    private func configuration() throws -> ContainerConfiguration {
        let environment = try SettingFiles.environment(call, files: "env-file", flags: "env")
        let labels = try SettingFiles.labels(call, files: "label-file", flags: "label")
        let attached = attachments()
        let isInteractive = flags.isSet("interactive")
        let command = Array(call.arguments.dropFirst())
        var configuration = ContainerConfiguration()
        configuration.hostname = flags.text("hostname") ?? ""
        configuration.domainname = flags.text("domainname") ?? ""
        configuration.user = flags.text("user") ?? ""
        configuration.attachStdin = attached.input
        configuration.attachStdout = attached.output
        configuration.attachStderr = attached.error
        configuration.tty = flags.isSet("tty")
        configuration.openStdin = isInteractive
        configuration.stdinOnce = isInteractive && attached.input
        configuration.env = environment
        configuration.cmd = command.isEmpty ? nil : StringList(command)
        configuration.image = call.arguments[0]
        configuration.workingDir = flags.text("workdir") ?? ""
        configuration.entrypoint = flags.string("entrypoint").map { StringList([$0]) }
        configuration.labels = labels.isEmpty ? nil : labels
        configuration.exposedPorts = try exposed(publishedPorts())
        configuration.volumes = anonymousVolumes()
        configuration.healthcheck = try health()
        configuration.stopSignal = flags.text("stop-signal")
        configuration.stopTimeout = flags.number("stop-timeout")
        return configuration
    }

    /// Which streams the client is to see: those of `--attach`, else all but standard input unless it is open.
    package func attachments() -> (input: Bool, output: Bool, error: Bool) {
        let isDetached = flags.declared.contains("detach") && flags.isSet("detach")
        if isDetached { return (false, false, false) }
        let chosen = flags.list("attach").map { $0.lowercased() }
        if chosen.isEmpty { return (flags.isSet("interactive"), true, true) }
        return (chosen.contains("stdin"), chosen.contains("stdout"), chosen.contains("stderr"))
    }

    private func health() throws -> HealthConfiguration? {
        let names = ["health-interval", "health-timeout", "health-start-period", "health-start-interval"]
        let hasOptions = flags.hasAny(names + ["health-cmd", "health-retries"])
        var check = HealthConfiguration()
        if flags.isSet("no-healthcheck") {
            guard !hasOptions else { throw ExitError(1, "--no-healthcheck conflicts with --health-* options") }
            check.test = ["NONE"]
            return check
        }
        guard hasOptions else { return nil }
        if let retries = flags.integer("health-retries"), retries < 0 {
            throw ExitError(1, "--health-retries cannot be negative")
        }
        if let command = flags.string("health-cmd") { check.test = ["CMD-SHELL", command] }
        check.interval = try flags.duration("health-interval")
        check.timeout = try flags.duration("health-timeout")
        check.startPeriod = try flags.duration("health-start-period")
        check.startInterval = try flags.duration("health-start-interval")
        check.retries = flags.number("health-retries")
        return check
    }

    // MARK: Ports and volumes

    private func publishedPorts() throws -> [(port: String, binding: PortBinding)] {
        try flags.list("publish").flatMap { text -> [(port: String, binding: PortBinding)] in
            guard text.contains("=") else { return try PortMapping.parse(text).bindings }
            return try ServicePort.parse(text).map { port in
                let host = port.publishedPort.map(String.init) ?? ""
                return ("\(port.targetPort)/\(port.protocol ?? "")", PortBinding(hostIp: "", hostPort: host))
            }
        }
    }

    private func exposed(_ published: [(port: String, binding: PortBinding)]) throws -> [String: Empty]? {
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
        return ports.isEmpty ? nil : Dictionary(ports.map { ($0, Empty()) }) { $1 }
    }

    private func bindings() throws -> [String: [PortBinding]?]? {
        let ports = try publishedPorts()
        return ports.isEmpty ? nil : Dictionary(grouping: ports, by: \.port).mapValues { $0.map(\.binding) }
    }

    private func anonymousVolumes() -> [String: Empty]? {
        let paths = flags.list("volume").filter { !$0.contains(":") }
        return paths.isEmpty ? nil : Dictionary(paths.map { ($0, Empty()) }) { $1 }
    }

    private func binds() -> [String]? {
        let binds = flags.list("volume").filter { $0.contains(":") }.map { bind -> String in
            guard bind.hasPrefix("."), let colon = bind.firstIndex(of: ":") else { return bind }
            return LocalPath.absolute(String(bind[..<colon])) + bind[colon...]
        }
        return binds.isEmpty ? nil : binds
    }

    // MARK: How it is set into its host

    private func hostConfiguration() throws -> HostConfiguration {
        var host = HostConfiguration()
        host.autoRemove = flags.declared.contains("rm") && flags.isSet("rm")
        host.restartPolicy = try RestartOption.parse(flags.string("restart") ?? "no")
        if host.autoRemove, host.restartPolicy.name != "no" {
            throw ExitError(1, "conflicting options: cannot specify both --restart and --rm")
        }
        host.binds = binds()
        host.containerIDFile = flags.text("cidfile") ?? ""
        host.logConfig = try logs()
        host.networkMode = try networks().first?.name ?? "default"
        host.portBindings = try bindings()
        host.volumeDriver = flags.text("volume-driver") ?? ""
        host.volumesFrom = flags.texts("volumes-from")
        host.annotations = flags.dictionary("annotation")
        host.capAdd = flags.texts("cap-add").map { StringList(CapabilityFlags.names($0)) }
        host.capDrop = flags.texts("cap-drop").map { StringList(CapabilityFlags.names($0)) }
        host.cgroupnsMode = try mode("cgroupns")
        host.nameServers = flags.texts("dns")
        let options = flags.list("dns-option") + flags.list("dns-opt")
        host.nameServerOptions = options.isEmpty ? nil : options
        host.nameSearch = flags.texts("dns-search")
        host.extraHosts = try flags.texts("add-host")?.map { try HostEntry.parse($0, flag: "add-host") }
        host.groupAdd = flags.texts("group-add")
        host.ipcMode = flags.text("ipc") ?? ""
        host.links = flags.texts("link")
        host.oomScoreAdj = flags.number("oom-score-adj") ?? 0
        host.pidMode = try mode("pid")
        host.privileged = flags.isSet("privileged")
        host.publishAllPorts = flags.isSet("publish-all")
        host.readonlyRootfs = flags.isSet("read-only")
        host.storageOpt = try storage()
        host.tmpfs = temporary()
        host.utsMode = try mode("uts")
        host.usernsMode = try mode("userns")
        host.shmSize = try flags.byteCount("shm-size") ?? 0
        host.sysctls = flags.dictionary("sysctl")
        host.runtime = flags.text("runtime") ?? ""
        host.isolation = flags.text("isolation") ?? ""
        host.`init` = flags.isSetOrNil("init")
        host.mounts = try flags.texts("mount")?.map { try MountOption.parse($0) }
        if flags.isSet("tty"), let size = Terminal.size() { host.consoleSize = [size.rows, size.columns] }
        return host
    }

    private func setResources(of host: inout HostConfiguration) throws {
        host.cpuShares = flags.integer("cpu-shares") ?? 0
        host.memory = try flags.byteCount("memory") ?? 0
        host.nanoCpus = try flags.cpus("cpus") ?? 0
        host.cgroupParent = flags.text("cgroup-parent") ?? ""
        host.blkioWeight = flags.integer("blkio-weight").map { UInt16(clamping: $0) } ?? 0
        host.blkioWeightDevice = try weights()
        host.blkioDeviceReadBps = try rates("device-read-bps", inBytes: true)
        host.blkioDeviceWriteBps = try rates("device-write-bps", inBytes: true)
        host.blkioDeviceReadIOps = try rates("device-read-iops", inBytes: false)
        host.blkioDeviceWriteIOps = try rates("device-write-iops", inBytes: false)
        host.cpuPeriod = flags.integer("cpu-period") ?? 0
        host.cpuQuota = flags.integer("cpu-quota") ?? 0
        host.cpuRealtimePeriod = flags.integer("cpu-rt-period") ?? 0
        host.cpuRealtimeRuntime = flags.integer("cpu-rt-runtime") ?? 0
        host.cpusetCpus = flags.text("cpuset-cpus") ?? ""
        host.cpusetMems = flags.text("cpuset-mems") ?? ""
        host.cpuCount = flags.integer("cpu-count") ?? 0
        host.cpuPercent = flags.integer("cpu-percent") ?? 0
        host.iOMaximumIOps = try flags.unsigned("io-maxiops") ?? 0
        host.iOMaximumBandwidth = UInt64(clamping: try flags.byteCount("io-maxbandwidth") ?? 0)
        host.devices = try devices()
        host.deviceCgroupRules = flags.texts("device-cgroup-rule")
        host.deviceRequests = try gpus()
        host.memoryReservation = try flags.byteCount("memory-reservation") ?? 0
        host.memorySwap = try flags.byteCount("memory-swap", allowsUnlimited: true) ?? 0
        host.memorySwappiness = flags.integer("memory-swappiness").flatMap { $0 == -1 ? nil : $0 }
        host.oomKillDisable = flags.isSet("oom-kill-disable") ? true : nil
        host.pidsLimit = flags.integer("pids-limit")
        host.ulimits = try flags.texts("ulimit")?.map { try UserLimitOption.parse($0) }.sorted { $0.name < $1.name }
    }

    private func temporary() -> [String: String]? {
        guard let items = flags.texts("tmpfs") else { return nil }
        return Dictionary(
            items.map { item in
                let parts = item.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                return (parts[0], parts.count > 1 ? parts[1] : "")
            }
        ) { $1 }
    }

    private func storage() throws -> [String: String]? {
        guard flags.list("storage-opt").allSatisfy({ $0.contains("=") }) else {
            throw ExitError(1, "invalid storage option")
        }
        return flags.dictionary("storage-opt")
    }

    private func logs() throws -> LogConfiguration {
        var logs = LogConfiguration()
        logs.type = flags.string("log-driver") ?? ""
        logs.config = flags.dictionary("log-opt") ?? [:]
        if logs.type == "none", !logs.config.isEmpty {
            throw ExitError(1, "invalid logging opts for driver \(logs.type)")
        }
        return logs
    }

    /// `host`, `container:x` and the like; what may be said differs.
    private func mode(_ name: String) throws -> String {
        guard let value = flags.text(name) else { return "" }
        let isValid: Bool =
            switch name {
            case "pid": value == "host" || (value.hasPrefix("container:") && value.count > "container:".count)
            case "cgroupns": value == "host" || value == "private"
            default: value == "host"
            }
        let shown = ["pid": "PID", "userns": "USER", "uts": "UTS", "cgroupns": "CGROUP"][name] ?? name
        guard isValid else { throw ExitError(1, "--\(name): invalid \(shown) mode") }
        return value
    }
}
