import LinuxSystem
import OCI

/// The mounts of a container in the order they are made (moby, `oci/defaults.go` and `daemon/oci_linux.go`).
struct RuntimeMountPlan {
    let specification: ContainerSpecification
    /// The kernel can make a mount read-only with all below it.
    let hasRecursiveReadOnly: Bool

    func mounts() throws -> [RuntimeMount] {
        let own = try ordered(specification.mounts).map(mount)
        let taken = Set(own.map(\.destination))
        var standard = try standardMounts().filter { mount in
            if taken.contains(mount.destination) { return false }
            return !(taken.contains("/dev") && mount.destination.hasPrefix("/dev/"))
        }
        if specification.readOnlyRoot {
            let writable: Set<String> = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"]
            for index in standard.indices where !writable.contains(standard[index].destination) {
                if standard[index].options?.contains("ro") == false { standard[index].options?.append("ro") }
            }
        }
        return standard + own + (specification.initProgram.map { [initMount($0)] } ?? [])
    }

    private func standardMounts() throws -> [RuntimeMount] {
        let readOnly = specification.privileged ? [] : ["ro"]
        let safe = ["nosuid", "noexec", "nodev"]
        var mounts = [
            RuntimeMount(destination: "/proc", type: "proc", source: "proc", options: safe),
            RuntimeMount(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            RuntimeMount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            sysfs(safe + readOnly),
            RuntimeMount(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: readOnly + safe),
        ]
        if specification.namespaces.ipc == .host {
            // A host need not have it mounted; then the container has none either.
            if Files.exists("/dev/mqueue") {
                mounts.append(
                    RuntimeMount(destination: "/dev/mqueue", type: "bind", source: "/dev/mqueue", options: ["rbind"]))
            }
        } else {
            mounts.append(RuntimeMount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: safe))
        }
        switch specification.sharedMemory {
        case .own(let bytes):
            guard bytes >= 0 else {
                throw RuntimeError(.invalidSpecification, "SHM size can not be less than 0")
            }
            let size = bytes == 0 ? SharedMemory.standardBytes : bytes
            mounts.append(
                RuntimeMount(
                    destination: "/dev/shm", type: "tmpfs", source: "shm",
                    options: safe + ["mode=1777", "size=\(size)"]))
        case .bind(let source):
            mounts.append(
                RuntimeMount(destination: "/dev/shm", type: "bind", source: source, options: ["rbind", "rprivate"]))
        }
        return mounts
    }

    /// sysfs shows the network namespace of the one who mounts it and cannot be mounted anew in the host's.
    private func sysfs(_ options: [String]) -> RuntimeMount {
        if specification.namespaces.network == .host {
            return RuntimeMount(destination: "/sys", type: "bind", source: "/sys", options: ["rbind"] + options)
        }
        return RuntimeMount(destination: "/sys", type: "sysfs", source: "sysfs", options: options)
    }

    private func initMount(_ program: String) -> RuntimeMount {
        RuntimeMount(
            destination: SpecificationBuilder.initPath, type: "bind", source: program,
            options: ["bind", "ro", "rprivate"])
    }

    /// Outer directories before those in them; else as given.
    private func ordered(_ mounts: [ContainerMount]) -> [ContainerMount] {
        func depth(_ path: String) -> Int { path.split(separator: "/").count }
        return mounts.enumerated()
            .sorted { (depth($0.element.destination), $0.offset) < (depth($1.element.destination), $1.offset) }
            .map(\.element)
    }

    private func mount(_ requested: ContainerMount) throws -> RuntimeMount {
        guard requested.destination.hasPrefix("/"), requested.destination != "/" else {
            throw RuntimeError(
                .invalidSpecification, "invalid mount path: '\(requested.destination)' mount path must be absolute")
        }
        switch requested.kind {
        case .bind(let source):
            var options = [requested.recursive ? "rbind" : "bind"]
            options.append(requested.readOnly ? try readOnlyOption(requested, of: source) : "rw")
            options.append(requested.propagation.isEmpty ? "rprivate" : requested.propagation)
            return RuntimeMount(destination: requested.destination, type: "bind", source: source, options: options)
        case .tmpfs(let options):
            let merged = Self.merged(["noexec", "nosuid", "nodev"] + options + (requested.readOnly ? ["ro"] : []))
            return RuntimeMount(destination: requested.destination, type: "tmpfs", source: "tmpfs", options: merged)
        }
    }

    /// `rro` for all that is mounted below it, too. Nothing is below a file, for which crun 1.8 does not take it.
    private func readOnlyOption(_ requested: ContainerMount, of source: String) throws -> String {
        if requested.reach == .topOnly || (Files.exists(source) && !Files.isDirectory(source)) { return "ro" }
        if hasRecursiveReadOnly { return "rro" }
        guard requested.reach == .everything else {
            throw RuntimeError(
                .invalidSpecification,
                "mount \(requested.destination) cannot be read-only with all below it: rro is not supported by this kernel"
            )
        }
        return "ro"
    }

    /// Options where a later one replaces its opposite, or the same key (docker's `mount.MergeTmpfsOptions`).
    static func merged(_ options: [String]) -> [String] {
        let opposites = [
            "noexec": "exec", "nosuid": "suid", "nodev": "dev", "ro": "rw", "nodiratime": "diratime",
            "noatime": "atime", "norelatime": "relatime",
        ]
        func subject(_ option: String) -> String {
            if let equals = option.firstIndex(of: "=") { return String(option[..<equals]) }
            return opposites[option] ?? option
        }
        var result: [String] = []
        for option in options where !option.isEmpty {
            result.removeAll { subject($0) == subject(option) }
            result.append(option)
        }
        return result
    }
}
