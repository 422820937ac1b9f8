import Templates

/// What a flag takes, by the type in its help and, where that says too little, by its name.
package enum FlagTypes {
    /// - Throws: Docker's words for what is wrong.
    package static func check(_ flag: CommandFlag, _ value: String) throws {
        switch flag.type {
        case "":
            guard Numbers.bool(value) != nil else {
                throw ValueError("strconv.ParseBool: parsing \(GoText.quoted(value)): invalid syntax")
            }
        case "int": _ = try Numbers.parseInteger(value)
        case "uint": _ = try Numbers.parseUnsigned(value, bits: 64)
        case "uint16": _ = try Numbers.parseUnsigned(value, bits: 16)
        case "uint32": _ = try Numbers.parseUnsigned(value, bits: 32)
        case "float": try checkFloat(value)
        case "decimal": _ = try CPUCount.nanoseconds(value)
        case "bytes": _ = try ByteCount.parse(value, allowsUnlimited: flag.name == "memory-swap")
        case "duration":
            let duration = try GoDuration.parse(value)
            guard duration >= 0 else { throw ValueError("duration cannot be negative") }
        case "filter":
            guard value.isEmpty || value.contains("=") else {
                throw ValueError("bad format of filter (expected name=value)")
            }
        case "mount": _ = try MountOption.parse(value)
        case "network": _ = try NetworkOption.parse(value)
        case "port": try checkPort(flag, value)
        case "ulimit": _ = try UserLimitOption.parse(value)
        case "command": _ = try ShellWords.split(value)
        case "pref": _ = try PlacementOption.preference(value)
        case "config", "secret": _ = try FileOption.parse(value, kind: flag.type)
        case "gpu-request": _ = try DeviceOption.processors(value)
        case "ipNetSlice":
            if let pool = GoText.commaSeparated(value).first(where: { !AddressText.isNetwork($0) }) {
                throw ValueError("invalid string being converted to CIDR: \(pool)")
            }
        case "list", "map": try checkItem(flag.name, value)
        default: break
        }
    }

    private static func checkFloat(_ value: String) throws {
        guard Double(value) != nil else {
            throw ValueError("strconv.ParseFloat: parsing \(GoText.quoted(value)): invalid syntax")
        }
    }

    private static func checkPort(_ flag: CommandFlag, _ value: String) throws {
        if flag.name == "publish-rm" {
            _ = try ServicePort.parseTarget(value)
        } else {
            _ = try ServicePort.parse(value)
        }
    }

    /// The items of lists, where each must have a form.
    private static func checkItem(_ name: String, _ value: String) throws {
        switch name {
        case "env", "env-add":
            guard !value.isEmpty, !value.hasPrefix("=") else {
                throw ValueError("invalid environment variable: \(value)")
            }
        case "label", "label-add", "container-label", "container-label-add":
            if value.hasPrefix("=") { throw ValueError("invalid label '\(value)': empty name") }
            if value.isEmpty { throw ValueError("invalid label '': empty name") }
        case "dns", "dns-add":
            guard AddressText.isAddress(value.filter { $0 != " " }) else {
                throw ValueError("IP address is not correctly formatted: \(value)")
            }
        case "add-host", "host", "host-add": _ = try HostEntry.parse(value, flag: name)
        case "attach":
            guard ["stdin", "stdout", "stderr"].contains(value.lowercased()) else {
                throw ValueError("valid streams are STDIN, STDOUT and STDERR")
            }
        case "sysctl":
            guard SystemControl.isAllowed(value) else { throw ValueError("sysctl '\(value)' is not allowed") }
        case "generic-resource", "generic-resource-add":
            guard value.contains("=") else {
                throw ValueError("invalid generic-resource format `\(value)` expected `name=value`")
            }
        case "blkio-weight-device": _ = try DeviceOption.weight(value)
        case "device-read-bps", "device-write-bps": _ = try DeviceOption.rate(value, inBytes: true)
        case "device-read-iops", "device-write-iops": _ = try DeviceOption.rate(value, inBytes: false)
        case "device-cgroup-rule": try DeviceOption.checkRule(value)
        case "link":
            let parts = value.split(separator: ":", omittingEmptySubsequences: false)
            guard !value.isEmpty, parts.count <= 2 else { throw ValueError("bad format for links: \(value)") }
        default: break
        }
    }
}

enum SystemControl {
    /// What belongs to a container's own namespaces: `net.…`, message queues, semaphores, shared memory.
    static func isAllowed(_ value: String) -> Bool {
        guard let equals = value.firstIndex(of: "="), value[value.index(after: equals)...].first != nil else {
            return false
        }
        let name = value[..<equals]
        let single = [
            "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
            "kernel.shmmni", "kernel.shm_rmid_forced",
        ]
        return single.contains(String(name)) || name.hasPrefix("net.") || name.hasPrefix("fs.mqueue.")
    }
}
