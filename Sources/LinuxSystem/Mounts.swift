import CLinux
import Glibc

/// mount(2) and its kin. Everything here blocks; unmounting an overlay waits for its file system's dirty pages.
package enum Mounts {
    /// Binds `source` on `target`, which must exist. A read-only bind is made in two steps, as the kernel wants it.
    package static func bind(_ source: String, to target: String, readOnly: Bool = false, recursive: Bool = false)
        throws(SystemError)
    {
        let flags = clinux_ms_bind | (recursive ? clinux_ms_rec : 0)
        try check(clinux_mount(source, target, nil, flags, nil), "bind \(source) to \(target)")
        guard readOnly else { return }
        do {
            try remountReadOnly(target, recursive: recursive)
        } catch {
            clinux_umount2(target, clinux_mnt_detach)
            throw error
        }
    }

    /// Makes an existing mount read-only, keeping its other flags (mount_setattr(2)).
    package static func remountReadOnly(_ target: String, recursive: Bool = false) throws(SystemError) {
        try check(clinux_mount_set_read_only(target, recursive ? 1 : 0), "make \(target) read-only")
    }

    /// Longest mount data the kernel copies, less room for the rest of the options.
    static let longestData = 4000

    /// Mounts an overlay. `lower` is topmost first, as overlayfs writes it; `upper` and `work` are `nil` for a
    /// read-only one. `volatile`: nothing is synced to disk, for file systems that are thrown away.
    package static func overlay(
        lower: [String], upper: String?, work: String?, at target: String, volatile: Bool = false
    ) throws(SystemError) {
        var rest = ""
        if let upper, let work { rest += ",upperdir=\(escaped(upper)),workdir=\(escaped(work))" }
        if volatile { rest += ",volatile" }
        let data = "lowerdir=" + lower.map(escaped).joined(separator: ":") + rest
        if data.utf8.count <= longestData {
            try check(clinux_mount("overlay", target, "overlay", 0, data), "mount overlay at \(target)")
            return
        }
        // Many layers: their descriptors name them in a few bytes each.
        var open: [CInt] = []
        defer { for descriptor in open { close(descriptor) } }
        for path in lower { open.append(try Descriptor.naming(path).release()) }
        let short = "lowerdir=" + open.map { "/proc/thread-self/fd/\($0)" }.joined(separator: ":") + rest
        try check(clinux_mount("overlay", target, "overlay", 0, short), "mount overlay at \(target)")
    }

    /// `,`, `:` and `\` have a meaning in overlayfs' options.
    static func escaped(_ path: String) -> String {
        var result = ""
        for character in path {
            if character == "," || character == ":" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result
    }

    /// A tmpfs with its own options, as in `size=64m,mode=1777`.
    package static func tmpfs(at target: String, options: String = "") throws(SystemError) {
        try mount(type: "tmpfs", at: target, flags: clinux_ms_nosuid | clinux_ms_nodev, data: options)
    }

    /// Any file system of the kernel's own: `proc`, `sysfs`, `cgroup2`…
    package static func mount(type: String, at target: String, flags: UInt = 0, data: String = "") throws(SystemError) {
        try check(clinux_mount(type, target, type, flags, data), "mount \(type) at \(target)")
    }

    /// What becomes of mounts made below a mount elsewhere (mount_namespaces(7)).
    package enum Propagation: Sendable { case `private`, slave, shared }

    /// How mounts below `target` spread to and from copies of it (mount_namespaces(7)).
    package static func setPropagation(_ kind: Propagation, of target: String, recursive: Bool = true)
        throws(SystemError)
    {
        let flag =
            switch kind {
            case .private: clinux_ms_private
            case .slave: clinux_ms_slave
            case .shared: clinux_ms_shared
            }
        let flags = flag | (recursive ? clinux_ms_rec : 0)
        try check(clinux_mount("none", target, nil, flags, nil), "set propagation of \(target)")
    }

    /// Unmounts the topmost mount at `target`; not a mount point or missing is fine. `lazily`: also while it is in use.
    package static func unmount(_ target: String, lazily: Bool = false) throws(SystemError) {
        guard clinux_umount2(target, lazily ? clinux_mnt_detach : 0) != 0 else { return }
        let number = errno
        if number != ENOENT, number != EINVAL { throw SystemError(errno: number, attempting: "unmount \(target)") }
    }

    /// Whether a mount has its root at `path`, binds included; a symbolic link is not followed.
    package static func isMountPoint(_ path: String) -> Bool { clinux_is_mount_root(path) == 1 }

    /// All mounts of the calling thread's mount namespace, in mount order.
    package static func list() throws -> [MountEntry] {
        MountEntry.parse(try Files.text("/proc/thread-self/mountinfo") ?? "")
    }

    /// Unmounts everything at and below `directory`, deepest first.
    package static func unmountAll(below directory: String, lazily: Bool = false) throws {
        let prefix = directory.hasSuffix("/") ? directory : directory + "/"
        for entry in try list().reversed() where entry.target == directory || entry.target.hasPrefix(prefix) {
            try unmount(entry.target, lazily: lazily)
        }
    }
}

/// One line of /proc/PID/mountinfo (proc(5)).
package struct MountEntry: Sendable, Hashable {
    /// Of the mount; the number may be used again.
    package let id: Int
    /// The ``id`` of the mount below it (proc(5)).
    package let parent: Int
    /// `major:minor`.
    package let device: String
    /// The directory of the file system that is the mount's root.
    package let root: String
    /// Where it is mounted, in the root of the process whose list it is.
    package let target: String
    package let options: [String]
    /// Of the file system, as in `overlay`.
    package let type: String
    /// A device, or whatever the file system calls itself by.
    package let source: String
    package let superOptions: [String]

    /// Lines it cannot read are left out.
    package static func parse(_ text: String) -> [MountEntry] {
        text.split(separator: "\n").compactMap(parse(line:))
    }

    static func parse(line: Substring) -> MountEntry? {
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count >= 10, let dash = fields.firstIndex(of: "-"), dash >= 6,
            let id = Int(fields[0]), let parent = Int(fields[1])
        else { return nil }
        let rest = fields[dash...].dropFirst().map { $0 }
        guard rest.count >= 3 else { return nil }
        return MountEntry(
            id: id, parent: parent, device: String(fields[2]), root: unescaped(fields[3]), target: unescaped(fields[4]),
            options: fields[5].split(separator: ",").map(String.init), type: String(rest[0]),
            source: unescaped(rest[1]), superOptions: rest[2].split(separator: ",").map(String.init))
    }

    /// Undoes `\040` and the like.
    static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
