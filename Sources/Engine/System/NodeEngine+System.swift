import Addressing
import ContainerRuntime
import Synchronization
import CLinux
package import EngineInterface
import Faults
import Glibc
import LinuxSystem
package import Model

/// What the node says of itself.
extension NodeEngine: SystemBackend {
    package func systemInfo() async throws -> SystemInfo {
        var info = SystemInfo()
        let records = containers.all
        info.id = try await identity()
        info.containers = records.count
        info.containersRunning = records.count { $0.state.status == "running" || $0.state.status == "restarting" }
        info.containersPaused = records.count { $0.state.status == "paused" }
        info.containersStopped = records.count - info.containersRunning - info.containersPaused
        info.images = await imageCount()
        let machine = try await Machine.read()
        info.driverStatus = [["Backing Filesystem", machine.fileSystem], ["Supports d_type", "true"]]
        info.nFd = machine.openDescriptors
        info.systemTime = .now
        info.cgroupVersion = machine.cgroupVersion
        info.nEventsListener = events.followerCount
        info.kernelVersion = machine.kernel
        info.operatingSystem = machine.distribution
        info.systemVersion = machine.distributionVersion
        info.architecture = machine.architecture
        info.nCPU = machine.processors
        info.memTotal = machine.memory
        info.dockerRootDir = configuration.rootDirectory
        info.name = machine.hostname
        info.serverVersion = configuration.version
        for runtime in runtimeVersions.map(\.name.rawValue) {
            info.runtimes[runtime] = SystemInfo.Runtime(path: runtime)
        }
        info.defaultRuntime = defaultRuntime.rawValue
        info.initBinary = Self.installedInit.map { String($0.split(separator: "/").last ?? "") } ?? ""
        // Where the kernel has none, containers that ask for no other profile cannot be started.
        info.securityOptions = machine.hasSeccomp ? ["name=seccomp,profile=default"] : []
        info.registryConfig.mirrors = configuration.registryMirrors
        info.registryConfig.indexConfigs["docker.io"] = SystemInfo.Index(
            name: "docker.io", mirrors: configuration.registryMirrors, secure: true, official: true)
        for registry in configuration.insecureRegistries {
            info.registryConfig.indexConfigs[registry] = SystemInfo.Index(
                name: registry, mirrors: [], secure: false, official: false)
        }
        if let describe = swarmInfo.withLock({ $0 }) { info.swarm = await describe() }
        return info
    }

    /// The daemon's own id: made once, kept for good.
    private func identity() async throws -> String {
        let path = "\(paths.root)/engine-id"
        return try await onThread {
            if let text = try Files.text(path), !text.isEmpty { return text }
            let id = RandomID.docker()
            try Files.writeAtomically(id, to: path, mode: 0o644)
            return id
        }
    }

    package func events(since: Timestamp?, until: Timestamp?, _ filters: Filters) async throws -> AsyncStream<
        EngineEvent
    > {
        let filter = try EventFilter(filters)
        return events.follow(since: since, until: until, matching: filter.matches)
    }

    package func componentVersions() async -> [(name: String, version: String)] {
        runtimeVersions.map { ($0.name.rawValue, $0.version) }
    }

    /// Who makes the containers of those who do not say.
    var defaultRuntime: RuntimeName { runtimeVersions.first?.name ?? .runc }

    package func describeNode() async throws -> NodeDescription {
        let machine = try await Machine.read()
        var description = NodeDescription()
        description.hostname = machine.hostname
        description.platform = NodeDescription.Platform(architecture: machine.architecture, system: "linux")
        description.resources.nanoCPUs = Int64(clamping: machine.processors) * 1_000_000_000
        description.resources.memoryBytes = machine.memory
        description.engine.engineVersion = configuration.version
        description.engine.plugins =
            SystemInfo.Plugins().log.map { NodeDescription.Plugin(type: "Log", name: $0) }
            + SystemInfo.Plugins().network.map { NodeDescription.Plugin(type: "Network", name: $0) }
            + SystemInfo.Plugins().volume.map { NodeDescription.Plugin(type: "Volume", name: $0) }
        // As many as a manager takes.
        description.routedSubnets = Array(
            Set(try await routedSubnets() + networks.subnets).map(\.description).sorted().prefix(1024))
        return description
    }
}

/// The machine as its files and calls describe it.
struct Machine: Sendable {
    var hostname = ""
    var kernel = ""
    var architecture = ""
    var processors = 0
    var memory: Int64 = 0
    var distribution = "Linux"
    var distributionVersion = ""
    var cgroupVersion = "1"
    var fileSystem = "extfs"
    var openDescriptors = 0
    var hasSeccomp = false

    static func read() async throws -> Machine {
        try await onThread {
            var machine = Machine()
            var names = utsname()
            uname(&names)
            machine.kernel = text(names.release)
            machine.architecture = text(names.machine)
            machine.hostname = text(names.nodename)
            machine.processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
            for line in (try Files.text("/proc/meminfo") ?? "").split(separator: "\n") where line.hasPrefix("MemTotal:")
            {
                machine.memory = (line.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0) * 1024
            }
            for line in (try Files.text("/etc/os-release") ?? "").split(separator: "\n") {
                let pair = line.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != "\"" } }
                guard pair.count == 2 else { continue }
                if pair[0] == "PRETTY_NAME" { machine.distribution = pair[1] }
                if pair[0] == "VERSION_ID" { machine.distributionVersion = pair[1] }
            }
            machine.cgroupVersion = Files.exists("/sys/fs/cgroup/cgroup.controllers") ? "2" : "1"
            machine.hasSeccomp = Files.exists("/proc/sys/kernel/seccomp")
            machine.openDescriptors = try Files.list("/proc/self/fd").count
            return machine
        }
    }

    /// A field of `utsname(2)`: bytes up to the first zero.
    private static func text<Field>(_ field: Field) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
