import Glibc
import LinuxSystem
import OCI

/// Device nodes and the cgroup's rules for them.
enum Devices {
    /// Docker's default rules: nothing but null, zero, full, random, urandom, tty, console and what the terminal needs.
    static let standardRules = [
        RuntimeDeviceRule(allow: false, access: "rwm"),
        RuntimeDeviceRule(allow: true, type: "c", major: 1, minor: 5, access: "rwm"),
        RuntimeDeviceRule(allow: true, type: "c", major: 1, minor: 3, access: "rwm"),
        RuntimeDeviceRule(allow: true, type: "c", major: 1, minor: 9, access: "rwm"),
        RuntimeDeviceRule(allow: true, type: "c", major: 1, minor: 8, access: "rwm"),
        RuntimeDeviceRule(allow: true, type: "c", major: 5, minor: 0, access: "rwm"),
        RuntimeDeviceRule(allow: true, type: "c", major: 5, minor: 1, access: "rwm"),
        RuntimeDeviceRule(allow: false, type: "c", major: 10, minor: 229, access: "rwm"),
    ]

    /// Nodes that runc or a mount makes itself.
    private static let notCopied: Set<String> = [
        "/dev/console", "/dev/fd", "/dev/full", "/dev/mqueue", "/dev/null", "/dev/ptmx", "/dev/pts", "/dev/random",
        "/dev/shm", "/dev/stderr", "/dev/stdin", "/dev/stdout", "/dev/tty", "/dev/urandom", "/dev/zero",
    ]

    /// The node with its numbers. A directory stands for the devices in it.
    static func nodes(of device: ContainerDevice) throws -> [RuntimeDevice] {
        let missing = "error gathering device information while adding custom device \"\(device.pathOnHost)\": "
        var found = stat()
        guard stat(device.pathOnHost, &found) == 0 else {
            throw RuntimeError(.invalidSpecification, missing + "no such file or directory")
        }
        if found.st_mode & S_IFMT == S_IFDIR {
            return try below(device.pathOnHost).map { node in
                var node = node
                node.path = device.path + node.path.dropFirst(device.pathOnHost.count)
                return node
            }
        }
        guard let node = node(at: device.path, found) else {
            throw RuntimeError(.invalidSpecification, missing + "not a device node")
        }
        return [node]
    }

    /// Every device of the host's, for privileged containers.
    static func all() throws -> [RuntimeDevice] { try below("/dev").filter { !notCopied.contains($0.path) } }

    private static func below(_ directory: String) throws -> [RuntimeDevice] {
        var nodes: [RuntimeDevice] = []
        var directories = [directory]
        while let next = directories.popLast() {
            for name in try Files.list(next) {
                let path = "\(next)/\(name)"
                guard let found = try Files.status(path), !notCopied.contains(path) else { continue }
                if found.st_mode & S_IFMT == S_IFDIR { directories.append(path) }
                if let node = node(at: path, found) { nodes.append(node) }
            }
        }
        return nodes
    }

    private static func node(at path: String, _ found: stat) -> RuntimeDevice? {
        let type: String
        switch found.st_mode & S_IFMT {
        case S_IFCHR: type = "c"
        case S_IFBLK: type = "b"
        default: return nil
        }
        let (major, minor) = numbers(UInt64(clamping: found.st_rdev))
        return RuntimeDevice(
            path: path, type: type, major: major, minor: minor, fileMode: found.st_mode & 0o7777, uid: found.st_uid,
            gid: found.st_gid)
    }

    /// makedev(3) taken apart.
    static func numbers(_ device: UInt64) -> (major: Int64, minor: Int64) {
        (
            Int64(clamping: (device >> 8) & 0xfff | (device >> 32) & 0xffff_f000),
            Int64(clamping: device & 0xff | (device >> 12) & 0xffff_ff00)
        )
    }

    /// A rule as in `c 10:* rwm`.
    static func rule(_ text: String) throws -> RuntimeDeviceRule {
        let parts = text.split(separator: " ")
        let invalid = RuntimeError(.invalidSpecification, "invalid device cgroup rule format: '\(text)'")
        guard parts.count == 3, ["a", "b", "c"].contains(parts[0]), !parts[2].isEmpty,
            parts[2].allSatisfy({ "rwm".contains($0) })
        else { throw invalid }
        let numbers = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        guard numbers.count == 2 else { throw invalid }
        let values = try numbers.map { part -> Int64? in
            if part == "*" { return nil }
            guard let value = Int64(part), value >= 0 else { throw invalid }
            return value
        }
        guard values.count == 2 else { throw invalid }
        return RuntimeDeviceRule(
            allow: true, type: String(parts[0]), major: values[0], minor: values[1], access: String(parts[2]))
    }
}
