/// What a control group uses. `nil` where the kernel or the layout does not tell.
package struct CgroupStatistics: Sendable, Hashable {
    /// Bytes, caches that can be dropped at once not counted.
    package var memoryBytes: UInt64?
    /// Bytes, caches included: `memory.usage_in_bytes`, `memory.current`.
    package var memoryWithCacheBytes: UInt64?
    package var memoryInactiveFileBytes: UInt64?
    /// Bytes; `nil` when there is no limit.
    package var memoryLimitBytes: UInt64?
    /// The most that it was; version 1 only.
    package var memoryPeakBytes: UInt64?
    /// `memory.stat` as it is.
    package var memoryDetails: [String: UInt64] = [:]
    /// Processes that the kernel has ended for want of memory, since the cgroup was made.
    package var outOfMemoryKills: UInt64?
    package var cpuNanoseconds: UInt64?
    package var cpuUserNanoseconds: UInt64?
    package var cpuSystemNanoseconds: UInt64?
    /// Version 1 only.
    package var cpuNanosecondsPerCPU: [UInt64]?
    /// Periods of a limit that have passed.
    package var cpuPeriods: UInt64?
    /// Those in which the cgroup was held up.
    package var cpuThrottledPeriods: UInt64?
    package var cpuThrottledNanoseconds: UInt64?
    /// Processes and threads now.
    package var processes: UInt64?
    /// `nil` when there is no limit.
    package var processLimit: UInt64?
    package var blockDevices: [BlockDevice] = []

    /// What was read from and written to one device.
    package struct BlockDevice: Sendable, Hashable {
        /// Number of the device's driver.
        package var major: UInt64
        /// Number of the device.
        package var minor: UInt64
        package var readBytes: UInt64 = 0
        package var writtenBytes: UInt64 = 0
        /// Operations.
        package var reads: UInt64 = 0
        /// Operations.
        package var writes: UInt64 = 0
    }

    package init() {}
}

extension Cgroups {
    /// What the group uses. Missing groups give empty statistics.
    package static func statistics(of group: String, in layout: CgroupLayout) throws -> CgroupStatistics {
        try statistics(of: group, in: layout) { try Files.text($0) }
    }

    /// The same for who has the files open: `text` reads one, and says `nil` for one that is not there.
    package static func statistics(
        of group: String, in layout: CgroupLayout, reading text: (String) throws -> String?
    ) throws -> CgroupStatistics {
        var found = CgroupStatistics()
        try withoutActuallyEscaping(text) { text in
            let files = StatisticsFiles(text: text)
            if layout.version == 1 {
                func directory(_ controller: String) -> String? { layout.controllers[controller].map { $0 + group } }
                try files.readMemory1(directory("memory"), &found)
                try files.readCPU1(directory("cpuacct"), throttling: directory("cpu"), &found)
                try files.readProcesses(directory("pids"), &found)
                try files.readBlock1(directory("blkio"), &found)
            } else if let unified = layout.unified {
                try files.read2(unified + group, &found)
            }
        }
        return found
    }
}

/// The files of a group's counters, by whoever reads them.
private struct StatisticsFiles {
    let text: (String) throws -> String?

    /// What "no limit" reads as in version 1: the largest page-aligned count.
    private static let unlimited: UInt64 = 1 << 62

    func readMemory1(_ directory: String?, _ found: inout CgroupStatistics) throws {
        guard let directory else { return }
        found.memoryWithCacheBytes = try number(directory + "/memory.usage_in_bytes")
        found.memoryPeakBytes = try number(directory + "/memory.max_usage_in_bytes")
        found.memoryDetails = try table(directory + "/memory.stat")
        found.memoryInactiveFileBytes = found.memoryDetails["total_inactive_file"]
        found.memoryLimitBytes = try number(directory + "/memory.limit_in_bytes").flatMap {
            $0 < Self.unlimited ? $0 : nil
        }
        found.outOfMemoryKills = try table(directory + "/memory.oom_control")["oom_kill"]
        found.subtractCache()
    }

    func readCPU1(_ directory: String?, throttling: String?, _ found: inout CgroupStatistics) throws {
        if let directory {
            found.cpuNanoseconds = try number(directory + "/cpuacct.usage")
            found.cpuUserNanoseconds = try number(directory + "/cpuacct.usage_user")
            found.cpuSystemNanoseconds = try number(directory + "/cpuacct.usage_sys")
            found.cpuNanosecondsPerCPU = try text(directory + "/cpuacct.usage_percpu")?
                .split { $0 == " " || $0 == "\n" }.compactMap { UInt64($0) }
        }
        if let throttling {
            let table = try table(throttling + "/cpu.stat")
            found.cpuPeriods = table["nr_periods"]
            found.cpuThrottledPeriods = table["nr_throttled"]
            found.cpuThrottledNanoseconds = table["throttled_time"]
        }
    }

    func readProcesses(_ directory: String?, _ found: inout CgroupStatistics) throws {
        guard let directory else { return }
        found.processes = try number(directory + "/pids.current")
        found.processLimit = try number(directory + "/pids.max")
    }

    func readBlock1(_ directory: String?, _ found: inout CgroupStatistics) throws {
        guard let directory else { return }
        var devices: [String: CgroupStatistics.BlockDevice] = [:]
        for (file, isBytes) in [("throttle.io_service_bytes", true), ("throttle.io_serviced", false)] {
            for line in (try text("\(directory)/blkio.\(file)") ?? "").split(separator: "\n") {
                let fields = line.split(separator: " ")
                guard fields.count == 3, let value = UInt64(fields[2]), let empty = device(fields[0]) else { continue }
                var device = devices[String(fields[0])] ?? empty
                switch (fields[1], isBytes) {
                case ("Read", true): device.readBytes = value
                case ("Write", true): device.writtenBytes = value
                case ("Read", false): device.reads = value
                case ("Write", false): device.writes = value
                default: break
                }
                devices[String(fields[0])] = device
            }
        }
        found.blockDevices = devices.keys.sorted().compactMap { devices[$0] }
    }

    func read2(_ directory: String, _ found: inout CgroupStatistics) throws {
        found.memoryWithCacheBytes = try number(directory + "/memory.current")
        found.memoryDetails = try table(directory + "/memory.stat")
        found.memoryInactiveFileBytes = found.memoryDetails["inactive_file"]
        found.memoryLimitBytes = try number(directory + "/memory.max")
        found.outOfMemoryKills = try table(directory + "/memory.events")["oom_kill"]
        found.subtractCache()
        let cpu = try table(directory + "/cpu.stat")
        found.cpuNanoseconds = cpu["usage_usec"].map { $0 * 1000 }
        found.cpuUserNanoseconds = cpu["user_usec"].map { $0 * 1000 }
        found.cpuSystemNanoseconds = cpu["system_usec"].map { $0 * 1000 }
        found.cpuPeriods = cpu["nr_periods"]
        found.cpuThrottledPeriods = cpu["nr_throttled"]
        found.cpuThrottledNanoseconds = cpu["throttled_usec"].map { $0 * 1000 }
        try readProcesses(directory, &found)
        for line in (try text(directory + "/io.stat") ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let first = fields.first, var device = device(first) else { continue }
            for field in fields.dropFirst() {
                let pair = field.split(separator: "=")
                guard pair.count == 2, let value = UInt64(pair[1]) else { continue }
                switch pair[0] {
                case "rbytes": device.readBytes = value
                case "wbytes": device.writtenBytes = value
                case "rios": device.reads = value
                case "wios": device.writes = value
                default: break
                }
            }
            found.blockDevices.append(device)
        }
    }

    private func device(_ text: Substring) -> CgroupStatistics.BlockDevice? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let major = UInt64(parts[0]), let minor = UInt64(parts[1]) else { return nil }
        return CgroupStatistics.BlockDevice(major: major, minor: minor)
    }

    /// The file's number; `nil` for `max` and for a file that is not there.
    private func number(_ path: String) throws -> UInt64? {
        try text(path)?.split(separator: "\n").first.flatMap { UInt64($0) }
    }

    /// Lines `name number`.
    private func table(_ path: String) throws -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for line in (try text(path) ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, let value = UInt64(fields[1]) { found[String(fields[0])] = value }
        }
        return found
    }
}

extension CgroupStatistics {
    fileprivate mutating func subtractCache() {
        guard let all = memoryWithCacheBytes else { return }
        let inactive = memoryInactiveFileBytes ?? 0
        memoryBytes = all > inactive ? all - inactive : 0
    }
}
