import LinuxSystem

/// The files of a control group that are read at each sample, by what is in them.
enum GroupFile: Int, CaseIterable {
    // Of both versions.
    case memoryUsage, memoryStat, memoryEvents, cpuStat, processes
    // Version 1.
    case cpuUsage, cpuUser, cpuSystem, blockBytes, blockOperations
    // Version 2, or where both are mounted.
    case io, swap, pressureCPU, pressureMemory, pressureIO

    /// - Returns: `nil` where there is none with this layout.
    func path(_ group: String, _ layout: CgroupLayout) -> String? {
        func one(_ controller: String, _ name: String) -> String? {
            layout.controllers[controller].map { "\($0)\(group)/\(name)" }
        }
        let unified = layout.unified.map { $0 + group }
        let isFirst = layout.version == 1
        switch self {
        case .memoryUsage:
            return isFirst ? one("memory", "memory.usage_in_bytes") : unified.map { $0 + "/memory.current" }
        case .memoryStat: return isFirst ? one("memory", "memory.stat") : unified.map { $0 + "/memory.stat" }
        case .memoryEvents:
            return isFirst ? one("memory", "memory.oom_control") : unified.map { $0 + "/memory.events" }
        case .cpuStat: return isFirst ? one("cpu", "cpu.stat") : unified.map { $0 + "/cpu.stat" }
        case .processes: return isFirst ? one("pids", "pids.current") : unified.map { $0 + "/pids.current" }
        case .cpuUsage: return isFirst ? one("cpuacct", "cpuacct.usage") : nil
        case .cpuUser: return isFirst ? one("cpuacct", "cpuacct.usage_user") : nil
        case .cpuSystem: return isFirst ? one("cpuacct", "cpuacct.usage_sys") : nil
        case .blockBytes: return isFirst ? one("blkio", "blkio.throttle.io_service_bytes") : nil
        case .blockOperations: return isFirst ? one("blkio", "blkio.throttle.io_serviced") : nil
        case .io: return isFirst ? nil : unified.map { $0 + "/io.stat" }
        case .swap: return isFirst ? nil : unified.map { $0 + "/memory.swap.current" }
        case .pressureCPU: return unified.map { $0 + "/cpu.pressure" }
        case .pressureMemory: return unified.map { $0 + "/memory.pressure" }
        case .pressureIO: return unified.map { $0 + "/io.pressure" }
        }
    }
}

/// What a control group's limits are; read anew once a minute, for they seldom change.
struct GroupLimits: Sendable, Equatable {
    /// `nil` for no limit.
    var memoryBytes: Int64?
    var millicores: Int64?
    var processes: Int64?

    /// What "no limit" reads as in version 1: the largest page-aligned count.
    private static let unlimited: Int64 = 1 << 62

    init() {}

    init(_ group: String, _ layout: CgroupLayout) {
        // What cannot be read, as the group has just gone, is no limit.
        func text(_ path: String) -> String {
            do { return try Files.text(path) ?? "" } catch { return "" }
        }
        func number(_ text: String) -> Int64? {
            text.split(whereSeparator: \.isWhitespace).first.flatMap { Int64($0) }
        }
        if layout.version == 1 {
            if let memory = layout.controllers["memory"] {
                memoryBytes = number(text("\(memory)\(group)/memory.limit_in_bytes"))
                    .flatMap { $0 < Self.unlimited ? $0 : nil }
            }
            if let cpu = layout.controllers["cpu"] {
                millicores = Self.millicores(
                    quota: number(text("\(cpu)\(group)/cpu.cfs_quota_us")),
                    period: number(text("\(cpu)\(group)/cpu.cfs_period_us")))
            }
            if let pids = layout.controllers["pids"] {
                processes = number(text("\(pids)\(group)/pids.max"))
            }
        } else if let unified = layout.unified {
            memoryBytes = number(text("\(unified)\(group)/memory.max"))
            let parts = text("\(unified)\(group)/cpu.max").split(whereSeparator: \.isWhitespace)
            millicores = Self.millicores(
                quota: parts.first.flatMap { Int64($0) }, period: parts.last.flatMap { Int64($0) })
            processes = number(text("\(unified)\(group)/pids.max"))
        }
    }

    private static func millicores(quota: Int64?, period: Int64?) -> Int64? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        let (product, isTooMuch) = quota.multipliedReportingOverflow(by: 1000)
        return isTooMuch ? nil : product / period
    }
}
