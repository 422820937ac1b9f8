import ContainerRuntime
import Model

/// What a container's record asks for, as the runtime understands it. Pure.
struct SpecificationMapping {
    let record: ContainerRecord
    /// The mounted root on the host.
    let root: String
    /// Where hosts, hostname and resolv.conf are.
    let files: String
    /// The network namespace's file; `nil` on the host's network.
    let sandbox: String?
    let user: ContainerUser
    /// The namespace file of the container whose processes are seen.
    var processNamespace: String?
    /// Of the containers that it is linked to; its own variables win.
    var linkVariables: [String] = []
    /// What is mounted instead of a mount's source, by its place in the container.
    var sources: [String: String] = [:]
    /// The program on the host for `--init`; `nil` for containers without it.
    var initProgram: String?

    func specification() throws -> ContainerSpecification {
        let configuration = record.configuration
        let host = record.hostConfig
        var spec = ContainerSpecification(id: record.id, rootDirectory: root, arguments: record.commandLine)
        spec.environment = linkVariables + configuration.env
        spec.workingDirectory = configuration.workingDir.isEmpty ? "/" : configuration.workingDir
        spec.user = user
        spec.hostname = host.utsMode == "host" ? "" : configuration.hostname
        spec.domainname = configuration.domainname
        spec.terminal = configuration.tty
        spec.openInput = configuration.openStdin
        spec.inputOnce = configuration.stdinOnce
        spec.readOnlyRoot = host.readonlyRootfs
        spec.privileged = host.privileged
        spec.capabilities = CapabilityChange(add: host.capAdd?.elements ?? [], drop: host.capDrop?.elements ?? [])
        let security = try SecurityOptions(host.securityOpt ?? [])
        spec.noNewPrivileges = security.noNewPrivileges
        spec.seccomp = security.seccomp
        spec.initProgram = initProgram
        spec.namespaces = namespaces(host)
        spec.mounts = mounts()
        spec.sharedMemory = host.ipcMode == "host" ? .bind("/dev/shm") : .own(bytes: host.shmSize)
        spec.devices = (host.devices ?? []).map {
            ContainerDevice(
                pathOnHost: $0.pathOnHost, path: $0.pathInContainer.isEmpty ? $0.pathOnHost : $0.pathInContainer,
                access: $0.cgroupPermissions.isEmpty ? "rwm" : $0.cgroupPermissions)
        }
        spec.deviceRules = host.deviceCgroupRules ?? []
        spec.resources = Self.resources(host)
        spec.limits = (host.ulimits ?? []).map { ProcessLimit(name: $0.name, soft: $0.soft, hard: $0.hard) }
        spec.outOfMemoryScore = host.oomScoreAdj
        spec.sysctls = host.sysctls ?? [:]
        spec.maskedPaths = host.maskedPaths
        spec.readOnlyPaths = host.readonlyPaths
        return spec
    }

    private func namespaces(_ host: HostConfiguration) -> ContainerNamespaces {
        var namespaces = ContainerNamespaces()
        namespaces.network = sandbox.map { .path($0) } ?? .host
        if host.pidMode == "host" { namespaces.pid = .host }
        if let processNamespace { namespaces.pid = .path(processNamespace) }
        namespaces.cgroup = host.cgroupnsMode == "private" ? .own : .host
        if host.ipcMode == "host" { namespaces.ipc = .host }
        if host.utsMode == "host" || sandbox == nil { namespaces.uts = host.utsMode == "host" ? .host : .own }
        return namespaces
    }

    private func mounts() -> [ContainerMount] {
        var mounts = record.mounts.map { point -> ContainerMount in
            if point.type == "tmpfs" {
                let options = point.mode.split(separator: ",").map(String.init)
                return ContainerMount(.tmpfs(options: options), at: point.destination, readOnly: !point.rw)
            }
            let details = record.details(of: point)
            let reach: ContainerMount.Reach =
                details.leavesSubmountsWritable
                ? .topOnly : details.isWhollyReadOnly ? .everythingOrNothing : .everything
            return ContainerMount(
                .bind(source: sources[point.destination] ?? point.source), at: point.destination, readOnly: !point.rw,
                reach: reach,
                propagation: point.propagation.isEmpty ? "rprivate" : point.propagation, recursive: !details.isShallow)
        }
        for (name, target) in [
            ("resolv.conf", "/etc/resolv.conf"), ("hostname", "/etc/hostname"), ("hosts", "/etc/hosts"),
        ]
        where !record.mounts.contains(where: { $0.destination == target }) {
            mounts.append(ContainerMount(.bind(source: "\(files)/\(name)"), at: target))
        }
        return mounts
    }

    static func resources(_ host: HostConfiguration) -> ContainerResources {
        var resources = ContainerResources()
        func some<Number: BinaryInteger>(_ number: Number) -> Number? { number == 0 ? nil : number }
        resources.memory = some(host.memory)
        resources.memoryReservation = some(host.memoryReservation)
        resources.memorySwap = some(host.memorySwap)
        resources.memorySwappiness = host.memorySwappiness
        resources.disableOutOfMemoryKiller = host.oomKillDisable ?? false
        resources.cpuShares = some(host.cpuShares)
        resources.cpuPeriod = some(host.cpuPeriod)
        resources.cpuQuota = some(host.cpuQuota)
        resources.nanoCPUs = some(host.nanoCpus)
        resources.cpus = host.cpusetCpus.isEmpty ? nil : host.cpusetCpus
        resources.memoryNodes = host.cpusetMems.isEmpty ? nil : host.cpusetMems
        resources.processes = host.pidsLimit
        resources.blockIOWeight = some(host.blkioWeight)
        return resources
    }
}
