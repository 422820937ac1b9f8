import CLinux
import Glibc

/// The options of a mount as mount(8) takes them, `ro,nosuid,addr=192.0.2.1`: flags of mount(2), and the rest, which is for the file
/// system itself. Pure.
package struct MountOptions: Sendable, Equatable {
    /// Numbers of linux/mount.h.
    private enum Flag {
        static let readOnly: UInt = 1
        static let noSetUID: UInt = 1 << 1
        static let noDevices: UInt = 1 << 2
        static let noExecution: UInt = 1 << 3
        static let synchronous: UInt = 1 << 4
        static let remount: UInt = 1 << 5
        static let mandatoryLocks: UInt = 1 << 6
        static let synchronousDirectories: UInt = 1 << 7
        static let noAccessTimes: UInt = 1 << 10
        static let noDirectoryAccessTimes: UInt = 1 << 11
        static let bind: UInt = 1 << 12
        static let recursive: UInt = 1 << 14
        static let unbindable: UInt = 1 << 17
        static let `private`: UInt = 1 << 18
        static let slave: UInt = 1 << 19
        static let shared: UInt = 1 << 20
        static let relativeAccessTimes: UInt = 1 << 21
        static let strictAccessTimes: UInt = 1 << 24

        static let propagation = unbindable | `private` | slave | shared
    }

    private static let known: [Substring: (sets: Bool, flag: UInt)] = [
        "async": (false, Flag.synchronous), "atime": (false, Flag.noAccessTimes), "bind": (true, Flag.bind),
        "defaults": (true, 0), "dev": (false, Flag.noDevices), "diratime": (false, Flag.noDirectoryAccessTimes),
        "dirsync": (true, Flag.synchronousDirectories), "exec": (false, Flag.noExecution),
        "mand": (true, Flag.mandatoryLocks), "noatime": (true, Flag.noAccessTimes), "nodev": (true, Flag.noDevices),
        "nodiratime": (true, Flag.noDirectoryAccessTimes), "noexec": (true, Flag.noExecution),
        "nomand": (false, Flag.mandatoryLocks), "norelatime": (false, Flag.relativeAccessTimes),
        "nostrictatime": (false, Flag.strictAccessTimes), "nosuid": (true, Flag.noSetUID),
        "private": (true, Flag.private), "rbind": (true, Flag.bind | Flag.recursive),
        "relatime": (true, Flag.relativeAccessTimes), "remount": (true, Flag.remount), "ro": (true, Flag.readOnly),
        "rprivate": (true, Flag.private | Flag.recursive), "rshared": (true, Flag.shared | Flag.recursive),
        "rslave": (true, Flag.slave | Flag.recursive), "runbindable": (true, Flag.unbindable | Flag.recursive),
        "rw": (false, Flag.readOnly), "shared": (true, Flag.shared), "slave": (true, Flag.slave),
        "strictatime": (true, Flag.strictAccessTimes), "suid": (false, Flag.noSetUID),
        "sync": (true, Flag.synchronous), "unbindable": (true, Flag.unbindable),
    ]

    /// Bits of mount(2)'s `mountflags`.
    package private(set) var flags: UInt = 0
    /// What the file system is told.
    package private(set) var data: [String] = []

    package init(_ text: String) {
        for option in text.split(separator: ",") {
            guard let (sets, flag) = Self.known[option] else {
                data.append(String(option))
                continue
            }
            if sets { flags |= flag } else { flags &= ~flag }
        }
    }

    fileprivate var plain: UInt { flags & ~Flag.propagation }
    fileprivate var propagation: UInt {
        flags & Flag.propagation == 0 ? 0 : flags & (Flag.propagation | Flag.recursive)
    }
    /// A bind takes its flags in a second step.
    fileprivate var bindFlags: UInt? {
        let others = plain & ~(Flag.bind | Flag.recursive)
        return plain & Flag.bind != 0 && others != 0 ? plain | Flag.remount : nil
    }
}

extension Mounts {
    /// Mounts `device` as mount(8) would be told to; undone when a step fails.
    /// - Throws: `SystemError` whose ``SystemError/attempting`` names device, place, flags and options, secrets left out.
    package static func mount(_ device: String, at target: String, type: String, _ options: MountOptions)
        throws(SystemError)
    {
        let shown = options.data.filter { !$0.hasPrefix("password=") && !$0.hasPrefix("pass=") }.joined(separator: ",")
        var what = "mount \(device):\(target)"
        if options.plain != 0 { what += ", flags: 0x\(String(options.plain, radix: 16))" }
        if !shown.isEmpty { what += ", data: \(shown)" }
        try check(clinux_mount(device, target, type, options.plain, options.data.joined(separator: ",")), what)
        do {
            if options.propagation != 0 { try check(clinux_mount("", target, "", options.propagation, nil), what) }
            if let flags = options.bindFlags { try check(clinux_mount("", target, "", flags, nil), what) }
        } catch {
            clinux_umount2(target, clinux_mnt_detach)
            throw error
        }
    }
}
