package import OCI

/// Turns a ``ContainerSpecification`` into what runc reads, with Docker's defaults.
package struct SpecificationBuilder: Sendable {
    /// Where the init program is seen in the container.
    package static let initPath = "/sbin/docker-init"
    private static let standardPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// What there is to write, and what is to be told.
    package struct Result: Sendable {
        package var specification: RuntimeSpecification
        /// What was asked for and cannot be had, in words for the user.
        package var warnings: [String]
    }

    package let host: HostFacts

    package init(host: HostFacts) { self.host = host }

    /// Reads the devices' numbers from the host; everything else is computed.
    ///
    /// - Throws: ``RuntimeError`` with `.invalidSpecification` and Docker's words.
    package func build(_ requested: ContainerSpecification) throws -> Result {
        guard !requested.arguments.isEmpty else {
            throw RuntimeError(.invalidSpecification, "No command specified")
        }
        guard requested.workingDirectory.hasPrefix("/") else {
            throw RuntimeError(
                .invalidSpecification,
                "the working directory '\(requested.workingDirectory)' is invalid, it needs to be an absolute path")
        }
        var warnings: [String] = []
        let capabilities = try LinuxCapabilities.resolve(
            requested.capabilities, privileged: requested.privileged, bounding: host.capabilities)
        var result = RuntimeSpecification()
        result.root = RuntimeRoot(path: requested.rootDirectory, readonly: requested.readOnlyRoot ? true : nil)
        result.hostname = requested.namespaces.uts == .host || requested.hostname.isEmpty ? nil : requested.hostname
        result.mounts = try RuntimeMountPlan(specification: requested, hasRecursiveReadOnly: host.hasRecursiveReadOnly)
            .mounts()
        result.process = try process(requested, capabilities, &warnings)
        result.linux = try linux(requested, capabilities, &warnings)
        return Result(specification: result, warnings: warnings)
    }

    private func process(_ requested: ContainerSpecification, _ capabilities: [String], _ warnings: inout [String])
        throws
        -> RuntimeProcess
    {
        var process = RuntimeProcess()
        process.terminal = requested.terminal ? true : nil
        process.user = Self.user(requested.user)
        process.args = (requested.initProgram == nil ? [] : [Self.initPath, "--"]) + requested.arguments
        process.env = Self.environment(
            requested.environment, hostname: requested.hostname, terminal: requested.terminal)
        process.cwd = requested.workingDirectory.isEmpty ? "/" : requested.workingDirectory
        process.capabilities = Self.capabilities(capabilities, for: requested.user)
        let limits = try Self.limits(requested.limits, host: host, warnings: &warnings)
        process.rlimits = limits.isEmpty ? nil : limits
        process.noNewPrivileges = requested.noNewPrivileges ? true : nil
        process.oomScoreAdj = Self.outOfMemoryScore(requested.outOfMemoryScore, host: host, warnings: &warnings)
        return process
    }

    private func linux(_ requested: ContainerSpecification, _ capabilities: [String], _ warnings: inout [String]) throws
        -> RuntimeLinux
    {
        var linux = RuntimeLinux()
        linux.cgroupsPath = requested.cgroup
        linux.namespaces = Self.namespaces(requested.namespaces)
        linux.sysctl = try sysctls(requested)
        var resources = Self.resources(requested.resources, host: host, warnings: &warnings)
        if requested.privileged {
            resources.devices = [RuntimeDeviceRule(allow: true, access: "rwm")]
            linux.devices = try Devices.all()
        } else {
            var nodes: [RuntimeDevice] = []
            var rules = Devices.standardRules
            for device in requested.devices {
                let found = try Devices.nodes(of: device)
                nodes += found
                rules += found.map {
                    RuntimeDeviceRule(
                        allow: true, type: $0.type, major: $0.major, minor: $0.minor, access: device.access)
                }
            }
            rules += try requested.deviceRules.map(Devices.rule)
            resources.devices = rules
            linux.devices = nodes.isEmpty ? nil : nodes
            linux.maskedPaths = requested.maskedPaths ?? Self.maskedPaths
            linux.readonlyPaths = requested.readOnlyPaths ?? Self.readOnlyPaths
        }
        linux.resources = resources
        linux.seccomp = try seccomp(requested, capabilities)
        return linux
    }

    private func seccomp(_ requested: ContainerSpecification, _ capabilities: [String]) throws -> RuntimeSeccomp? {
        if requested.privileged { return nil }
        let machine = SeccompProfile.Machine.current(release: host.kernelRelease)
        switch requested.seccomp {
        case .unconfined: return nil
        case .standard: return host.seccomp.specialised(for: capabilities, on: machine, subordinates: false)
        case .standardWithSubordinateArchitectures:
            return host.seccomp.specialised(for: capabilities, on: machine, subordinates: true)
        case .profile(let bytes):
            return try SeccompProfile(json: bytes).specialised(for: capabilities, on: machine, subordinates: true)
        }
    }

    private func sysctls(_ requested: ContainerSpecification) throws -> [String: String]? {
        var sysctls = requested.sysctls
        for name in sysctls.keys {
            if name.hasPrefix("net."), requested.namespaces.network == .host {
                throw RuntimeError(.invalidSpecification, "sysctl '\(name)' not allowed in host network namespace")
            }
            if name.hasPrefix("kernel."), requested.namespaces.ipc == .host {
                throw RuntimeError(.invalidSpecification, "sysctl '\(name)' not allowed in host ipc namespace")
            }
        }
        // Docker's own additions: any port and ping for everybody, where the namespace is the container's.
        if requested.namespaces.network != .host, !requested.privileged {
            if sysctls["net.ipv4.ip_unprivileged_port_start"] == nil {
                sysctls["net.ipv4.ip_unprivileged_port_start"] = "0"
            }
            if sysctls["net.ipv4.ping_group_range"] == nil { sysctls["net.ipv4.ping_group_range"] = "0 2147483647" }
        }
        if !requested.domainname.isEmpty, requested.namespaces.uts == .own, sysctls["kernel.domainname"] == nil {
            sysctls["kernel.domainname"] = requested.domainname
        }
        return sysctls.isEmpty ? nil : sysctls
    }

    /// moby, `oci/defaults.go`.
    package static let maskedPaths = [
        "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ]
    package static let readOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

    private static func namespaces(_ requested: ContainerNamespaces) -> [RuntimeNamespace] {
        var result = [RuntimeNamespace(.mount)]
        let shared: [(RuntimeNamespace.Kind, ContainerNamespaces.Sharing)] = [
            (.network, requested.network), (.uts, requested.uts), (.pid, requested.pid), (.ipc, requested.ipc),
            (.cgroup, requested.cgroup),
        ]
        for (kind, sharing) in shared {
            switch sharing {
            case .own: result.append(RuntimeNamespace(kind))
            case .path(let path): result.append(RuntimeNamespace(kind, path: path))
            case .host: break
            }
        }
        return result
    }

    static func user(_ user: ContainerUser) -> RuntimeUser {
        RuntimeUser(
            uid: user.uid, gid: user.gid, additionalGids: user.additionalGroups.isEmpty ? nil : user.additionalGroups)
    }

    /// A process that is not root's starts without effective ones, as execve(2) would leave it.
    static func capabilities(_ names: [String], for user: ContainerUser) -> RuntimeCapabilities {
        if user.uid == 0 { return RuntimeCapabilities(names) }
        var sets = RuntimeCapabilities()
        sets.bounding = names
        return sets
    }

    /// Docker's `CreateDaemonEnvironment`, overlaid with the container's own: a later value replaces an earlier one in
    /// its place, a name without `=` removes it.
    static func environment(_ own: [String], hostname: String, terminal: Bool) -> [String] {
        var base = [standardPath]
        if !hostname.isEmpty { base.append("HOSTNAME=\(hostname)") }
        if terminal { base.append("TERM=xterm") }
        return overlaid(base, with: own)
    }

    /// `HOME` where the container's own environment has none, as runc sets it.
    package static func withHome(_ home: String?, _ environment: [String]) -> [String] {
        guard let home, !environment.contains(where: { $0.hasPrefix("HOME=") && $0 != "HOME=" }) else {
            return environment
        }
        return overlaid(environment, with: ["HOME=\(home)"])
    }

    static func overlaid(_ base: [String], with own: [String]) -> [String] {
        func name(_ entry: String) -> Substring { entry.prefix { $0 != "=" } }
        var result = base
        for entry in own {
            if !entry.contains("=") {
                result.removeAll { name($0) == entry }
            } else if let index = result.firstIndex(where: { name($0) == name(entry) }) {
                result[index] = entry
            } else {
                result.append(entry)
            }
        }
        return result
    }
}
