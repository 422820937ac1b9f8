import Glibc
import LinuxSystem

/// Linux capabilities by name (capabilities(7)) and Docker's rules for them.
package enum LinuxCapabilities {
    /// In the order of their numbers in `<linux/capability.h>`.
    static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]

    /// What Docker gives a container that asks for nothing.
    package static let standard = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ]

    /// The names in a mask as /proc/PID/status writes it.
    static func names(inMask mask: UInt64) -> [String] {
        names.enumerated().filter { mask & (1 << UInt64(clamping: $0.offset)) != 0 }.map(\.element)
    }

    /// This process' bounding set: more cannot be given to anybody.
    package static func bounding() throws -> [String] {
        let text = try Files.text("/proc/self/status") ?? ""
        for line in text.split(separator: "\n") where line.hasPrefix("CapBnd:") {
            guard let mask = UInt64(line.dropFirst(7).drop { $0.isWhitespace }, radix: 16) else { break }
            return names(inMask: mask)
        }
        throw RuntimeError(.runtimeFailed, "cannot read the capability bounding set of this process")
    }

    /// Docker's rules (`oci/caps.TweakCapabilities`): `ALL` in `add` starts from everything that can be given, `ALL` in
    /// `drop` from nothing; otherwise from the default ones. What is dropped by name is dropped.
    static func resolve(_ change: CapabilityChange, privileged: Bool, bounding: [String]) throws -> [String] {
        if privileged { return bounding }
        let add = try normalised(change.add, "CapAdd", bounding: bounding)
        let drop = try normalised(change.drop, "CapDrop", bounding: nil)
        let base: [String]
        if add.contains("ALL") {
            base = drop.contains("ALL") ? [] : bounding
        } else {
            base = (drop.contains("ALL") ? [] : standard) + add
        }
        var seen: Set<String> = []
        // A default one that this daemon lacks cannot be given; only one asked for by name is worth an error.
        return base.filter { !drop.contains($0) && bounding.contains($0) && seen.insert($0).inserted }
    }

    /// Whether a container that asks for `change` gets a capability, should the daemon be able to give all of them.
    package static func isGiven(_ name: String, _ change: CapabilityChange, privileged: Bool) -> Bool {
        do { return try resolve(change, privileged: privileged, bounding: names).contains(name) } catch {
            // One that names what there is not does not start.
            return false
        }
    }

    /// - Throws: ``RuntimeError`` `.invalidSpecification` with Docker's words for a capability that there is not.
    package static func check(_ change: CapabilityChange) throws {
        _ = try normalised(change.add, "CapAdd", bounding: nil)
        _ = try normalised(change.drop, "CapDrop", bounding: nil)
    }

    private static func normalised(_ requested: [String], _ field: String, bounding: [String]?) throws -> [String] {
        try requested.map { name in
            let upper = name.uppercased()
            if upper == "ALL" { return upper }
            let full = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
            guard names.contains(full) else {
                throw RuntimeError(.invalidSpecification, "invalid \(field): unknown capability: \"\(full)\"")
            }
            if let bounding, !bounding.contains(full) {
                throw RuntimeError(
                    .invalidSpecification,
                    "invalid \(field): capability not supported by your kernel or not available in the current "
                        + "environment: \"\(full)\"")
            }
            return full
        }
    }
}
