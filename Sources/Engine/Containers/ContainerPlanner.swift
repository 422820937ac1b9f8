import Addressing
import ContainerRuntime
import EngineInterface
import Faults
import LogDrivers
import Model

/// Checks a create request and fills in the image's defaults. Pure: no lookup, no clock but what it is given.
struct ContainerPlanner {
    var image: ImageDefaults
    var cpuCount: Int
    /// 1 or 2: Docker gives containers a cgroup namespace of their own with version 2 only.
    var cgroupVersion = 2
    /// What this node has, the one for containers that ask for none first.
    var runtimes = [RuntimeName.runc]
    /// The node's own name, which containers on its network have.
    var nodeName = ""

    /// - Throws: ``ContainerOptionError``, ``LimitError``; what Apus does not do is refused, never ignored.
    func plan(_ request: ContainerCreateRequest, id: String, name: String, at timestamp: Timestamp) throws
        -> ContainerRecord
    {
        let configuration = merge(request.configuration, id: id, host: request.hostConfig)
        var host = request.hostConfig
        try UnsupportedFeatures.check(configuration, host)
        try NamespaceSharing.check(request.configuration, request.hostConfig)
        try Self.checkLimits(&host, cpuCount: cpuCount)
        try LimitRules.checkNew(host)
        if let limit = host.pidsLimit, limit <= 0 { host.pidsLimit = nil }
        if let signal = configuration.stopSignal, !signal.isEmpty { _ = try SignalName.parse(signal) }
        try checkLogging(&host)
        try Self.checkRestartPolicy(host)
        try HealthPlan.check(configuration.healthcheck)
        for variable in request.configuration.env where variable.isEmpty || variable.hasPrefix("=") {
            throw ContainerOptionError.invalidEnvironment(variable)
        }
        if !configuration.workingDir.isEmpty, !configuration.workingDir.hasPrefix("/") {
            throw ContainerOptionError.relativeWorkingDirectory(configuration.workingDir)
        }
        let commandLine = (configuration.entrypoint?.elements ?? []) + (configuration.cmd?.elements ?? [])
        guard !commandLine.isEmpty else { throw ContainerOptionError.noCommand }
        if host.shmSize == 0 { host.shmSize = 64 << 20 }
        if host.consoleSize == nil { host.consoleSize = [0, 0] }
        if !host.privileged {
            if host.maskedPaths == nil { host.maskedPaths = SpecificationBuilder.maskedPaths }
            if host.readonlyPaths == nil { host.readonlyPaths = SpecificationBuilder.readOnlyPaths }
        }
        if host.ipcMode.isEmpty { host.ipcMode = "private" }
        if host.cgroupnsMode.isEmpty { host.cgroupnsMode = cgroupVersion == 2 && !host.privileged ? "private" : "host" }
        guard let first = runtimes.first, runtimes.contains(try Self.runtime(host.runtime, default: first)) else {
            throw Self.unknownRuntime(host.runtime)
        }
        host.runtime = try Self.runtime(host.runtime, default: first).rawValue
        var kept = configuration
        kept.joinPorts()
        host.joinPorts()
        var record = ContainerRecord(
            id: id, name: name, created: timestamp, imageID: image.id, configuration: kept, hostConfig: host,
            commandLine: commandLine)
        record.endpoints = try endpoints(request, host)
        return record
    }

    /// What the user is told beside of a request that is accepted and not done to the letter. Source of rule and words: moby, `daemon/daemon_unix.go`,
    /// `verifyPlatformContainerSettings`.
    static func warnings(of host: HostConfiguration) -> [String] {
        guard host.networkMode == LocalNetwork.hostName, !(host.portBindings ?? [:]).isEmpty else { return [] }
        return ["Published ports are discarded when using host network mode"]
    }

    static func runtime(_ name: String, default first: RuntimeName) throws -> RuntimeName {
        if name.isEmpty { return first }
        guard let known = RuntimeName(rawValue: name) else { throw unknownRuntime(name) }
        return known
    }

    private static func unknownRuntime(_ name: String) -> ContainerOptionError {
        ContainerOptionError.unknownRuntime(name)
    }

    private func merge(_ asked: ContainerConfiguration, id: String, host: HostConfiguration) -> ContainerConfiguration {
        let base = image.configuration
        var merged = asked
        if merged.user.isEmpty { merged.user = base.user }
        if merged.workingDir.isEmpty { merged.workingDir = base.workingDir }
        if merged.entrypoint == nil || merged.entrypoint?.elements.isEmpty == true {
            // An entry point given as [""] means none at all, and keeps the image's command out as well.
            if merged.cmd == nil || merged.cmd?.elements.isEmpty == true { merged.cmd = base.cmd }
            // An empty list means none as well: so Compose says `entrypoint: []`. Source: moby, `daemon.merge`.
            if merged.entrypoint == nil { merged.entrypoint = base.entrypoint }
        } else if merged.entrypoint?.elements == [""] {
            merged.entrypoint = nil
        }
        let names = Set(asked.env.map { $0.prefix { $0 != "=" } })
        merged.env =
            base.env.filter { !names.contains($0.prefix { $0 != "=" }) } + asked.env
        if let labels = base.labels {
            merged.labels = labels.merging(asked.labels ?? [:]) { _, new in new }
        } else if merged.labels == nil {
            merged.labels = [:]
        }
        if let ports = base.exposedPorts {
            merged.exposedPorts = ports.merging(asked.exposedPorts ?? [:]) { _, new in new }
        }
        if let bindings = host.portBindings, !bindings.isEmpty {
            let published = Dictionary(bindings.keys.map { ($0, Empty()) }) { first, _ in first }
            merged.exposedPorts = (merged.exposedPorts ?? [:]).merging(published) { old, _ in old }
        }
        if let volumes = base.volumes {
            merged.volumes = volumes.merging(asked.volumes ?? [:]) { _, new in new }
        }
        if (merged.stopSignal ?? "").isEmpty { merged.stopSignal = base.stopSignal ?? merged.stopSignal }
        merged.healthcheck = HealthPlan.merge(asked.healthcheck, over: base.healthcheck)
        if merged.hostname.isEmpty, host.networkMode == "host" {
            merged.hostname = nodeName
        } else if merged.hostname.isEmpty, host.utsMode != "host" {
            merged.hostname = String(id.prefix(12))
        }
        return merged
    }

    static func checkLimits(_ host: inout HostConfiguration, cpuCount: Int) throws {
        try LimitRules.check(host)
        // What is more than any machine has stays the most that there is.
        if host.memory != 0, host.memorySwap == 0 { host.memorySwap = min(host.memory, .max / 2) * 2 }
        if host.nanoCpus != 0 {
            if host.nanoCpus < 10_000_000 || host.nanoCpus > Int64(clamping: cpuCount) * 1_000_000_000 {
                throw LimitError.processorsOutOfRange(cpuCount)
            }
            if host.cpuQuota != 0 || host.cpuPeriod != 0 {
                throw LimitError.processorsAndPeriod
            }
        }
    }

    private func checkLogging(_ host: inout HostConfiguration) throws {
        var logging = host.logConfig
        if logging.type.isEmpty { logging.type = "json-file" }
        switch logging.type {
        case "json-file", "local", "none": break
        case let name where DriverTable.names.contains(name):
            // Made once more for the container itself; here it says what is wrong with its options.
            _ = try DriverTable.make(name, logging.config, host: LogHost(name: "", processID: 0))
        case "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "etwlogs", "gcplogs", "logentries":
            throw UnsupportedError.feature("log driver \(logging.type)")
        default:
            throw LogDriverError.unknownDriver(logging.type)
        }
        _ = try LogOptions(logging)
        host.logConfig = logging
    }

    static func checkRestartPolicy(_ host: HostConfiguration) throws {
        let policy = host.restartPolicy
        switch policy.name {
        case "", "no", "always", "unless-stopped":
            if policy.maximumRetryCount != 0, policy.name != "" {
                throw ContainerOptionError.countOfOtherRestartPolicy
            }
        case "on-failure":
            if policy.maximumRetryCount < 0 {
                throw ContainerOptionError.negativeRestartCount
            }
        default:
            throw ContainerOptionError.unknownRestartPolicy(policy.name)
        }
        if host.autoRemove, !["", "no"].contains(policy.name) {
            throw ContainerOptionError.restartOfTemporary
        }
    }

    private func endpoints(_ request: ContainerCreateRequest, _ host: HostConfiguration) throws -> [EndpointRecord] {
        let mode = host.networkMode.isEmpty || host.networkMode == "default" ? "bridge" : host.networkMode
        let requestedSettings = request.networkingConfig?.endpointsConfig ?? [:]
        if mode == "host" || mode == "none" || mode.hasPrefix("container:")
            || request.configuration.networkDisabled == true
        {
            return []
        }
        var names = [mode]
        names += requestedSettings.keys.filter { $0 != mode && !($0 == "default" && mode == "bridge") }.sorted()
        return try names.map { name in
            var requested = requestedSettings[name] ?? (name == "bridge" ? requestedSettings["default"] ?? nil : nil)
            if name == mode, let address = request.configuration.macAddress, !address.isEmpty {
                let own = requested?.macAddress ?? ""
                guard own.isEmpty || own == address else { throw EndpointOptionError.conflictingMAC }
                requested = requested ?? EndpointSettings()
                requested?.macAddress = address
            }
            if name == mode, mode != "bridge", let links = host.links, !links.isEmpty, (requested?.links ?? []).isEmpty
            {
                requested = requested ?? EndpointSettings()
                requested?.links = links
            }
            try EndpointOptions.check(requested)
            return EndpointRecord(networkID: "", networkName: name, requested: requested)
        }
    }
}

/// What a request may ask for and Apus does not do yet: refused by name, so that nobody believes it is in force.
enum UnsupportedFeatures {
    static func check(_ configuration: ContainerConfiguration, _ host: HostConfiguration) throws {
        func refuse(_ what: String, if isAsked: Bool) throws {
            if isAsked { throw UnsupportedError.feature(what) }
        }
        for text in host.links ?? [] { _ = try LinkText(text) }
        try refuse("--gpus", if: !(host.deviceRequests ?? []).isEmpty)
        try refuse("--userns=\(host.usernsMode)", if: !["", "host"].contains(host.usernsMode))
        try refuse("--storage-opt", if: !(host.storageOpt ?? [:]).isEmpty)
        try refuse("--cgroup-parent", if: !host.cgroupParent.isEmpty)
        try refuse("--isolation=\(host.isolation)", if: !["", "default"].contains(host.isolation))
        // One that others may share is the container's own: whoever would share it is refused.
        try refuse("--ipc=\(host.ipcMode)", if: host.ipcMode.hasPrefix("container:") || host.ipcMode == "none")
        try refuse("--annotation", if: !(host.annotations ?? [:]).isEmpty)
        try checkResources(host)
        _ = try SecurityOptions(host.securityOpt ?? [])
        try LinuxCapabilities.check(
            CapabilityChange(add: host.capAdd?.elements ?? [], drop: host.capDrop?.elements ?? []))
        for mount in host.mounts ?? [] where !["bind", "volume", "tmpfs"].contains(mount.type) {
            throw MountError.invalid(type: mount.type, reason: .unknownType(mount.type))
        }
        for (key, _) in host.portBindings ?? [:] where PortKey(key) == nil {
            throw ContainerOptionError.invalidPort(key)
        }
        for (key, bindings) in host.portBindings ?? [:] { try checkAddresses(of: bindings ?? [], key) }
    }

    /// Nothing can be led away from `::1`: the kernel sends no packet from or to it over any other link.
    private static func checkAddresses(of bindings: [PortBinding], _ port: String) throws {
        for binding in bindings where !binding.hostIp.isEmpty {
            guard let address = IPAddress(binding.hostIp) else {
                throw ContainerOptionError.invalidHostAddress(binding.hostIp)
            }
            if address.family == .v6, address.isLoopback {
                throw UnsupportedError.feature("publishing \(port) at the IPv6 address \(binding.hostIp)")
            }
        }
    }
}

extension UnsupportedFeatures {
    /// Limits that an update may change as well.
    static func checkResources(_ host: HostConfiguration) throws {
        let devices = [
            ("--blkio-weight-device", host.blkioWeightDevice), ("--device-read-bps", host.blkioDeviceReadBps),
            ("--device-read-iops", host.blkioDeviceReadIOps), ("--device-write-bps", host.blkioDeviceWriteBps),
            ("--device-write-iops", host.blkioDeviceWriteIOps),
        ]
        for (name, value) in devices where !(value ?? []).isEmpty {
            throw UnsupportedError.feature(name)
        }
        if host.cpuRealtimePeriod != 0 || host.cpuRealtimeRuntime != 0 {
            throw UnsupportedError.features("--cpu-rt-period and --cpu-rt-runtime")
        }
    }
}

/// `80/tcp`; the protocol is tcp when left out.
struct PortKey: Hashable {
    let port: UInt16
    let transport: TransportProtocol

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let port = UInt16(parts[0]), port > 0 else { return nil }
        guard let transport = TransportProtocol(rawValue: parts.count == 2 ? parts[1].lowercased() : "tcp") else {
            return nil
        }
        self.port = port
        self.transport = transport
    }

    /// The first of a row.
    init(_ row: PortRow) {
        port = row.ports.lowerBound
        transport = row.transport
    }

    var description: String { "\(port)/\(transport)" }
}
