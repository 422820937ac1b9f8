import CLinux
import Glibc
import LinuxSystem

/// Reads what the node itself uses, from files that it keeps open.
final class NodeProbe {
    private enum File: Int, CaseIterable {
        case stat, memory, pressureCPU, pressureMemory, pressureIO, conntrackEntries, conntrackLimit, ownMemory

        var path: String {
            switch self {
            case .stat: "/proc/stat"
            case .memory: "/proc/meminfo"
            case .pressureCPU: "/proc/pressure/cpu"
            case .pressureMemory: "/proc/pressure/memory"
            case .pressureIO: "/proc/pressure/io"
            case .conntrackEntries: "/proc/sys/net/netfilter/nf_conntrack_count"
            case .conntrackLimit: "/proc/sys/net/netfilter/nf_conntrack_max"
            case .ownMemory: "/proc/self/statm"
            }
        }
    }

    private let root: String
    private let room = FileRoom(most: File.allCases.count)
    private var files: KeptFiles
    private let microsecondsPerTick = 1_000_000 / max(1, Int64(clamping: sysconf(Int32(_SC_CLK_TCK))))

    /// - Parameter root: In the file system that is looked at.
    init(root: String) {
        self.root = root
        files = KeptFiles(File.allCases.map(\.path), room)
    }

    func sample(_ buffer: ReadBuffer) -> SampleRow {
        defer { room.leave() }
        var row = SampleRow(of: NodeSeries.self)
        row[NodeSeries.processors] = Int64(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        processors(into: &row, buffer)
        memory(into: &row, buffer)
        let cpu = files.read(File.pressureCPU.rawValue, buffer).map(PressureText.totals)
        row[NodeSeries.pressureCPUSomeMicroseconds] = cpu?.some
        let memory = files.read(File.pressureMemory.rawValue, buffer).map(PressureText.totals)
        row[NodeSeries.pressureMemorySomeMicroseconds] = memory?.some
        row[NodeSeries.pressureMemoryFullMicroseconds] = memory?.full
        let io = files.read(File.pressureIO.rawValue, buffer).map(PressureText.totals)
        row[NodeSeries.pressureIOSomeMicroseconds] = io?.some
        row[NodeSeries.pressureIOFullMicroseconds] = io?.full
        row[NodeSeries.conntrackEntries] = number(.conntrackEntries, buffer)
        row[NodeSeries.conntrackLimit] = number(.conntrackLimit, buffer)
        var system = statvfs()
        if statvfs(root, &system) == 0 {
            let fragment = UInt64(clamping: system.f_frsize)
            row[NodeSeries.filesystemSizeBytes] = Self.product(UInt64(clamping: system.f_blocks), fragment)
            row[NodeSeries.filesystemFreeBytes] = Self.product(UInt64(clamping: system.f_bavail), fragment)
        }
        if let bytes = files.read(File.ownMemory.rawValue, buffer) {
            var text = StatText(bytes)
            _ = text.word()
            row[NodeSeries.engineMemoryBytes] = text.number().map {
                $0.multipliedClamped(by: Int64(clamping: getpagesize()))
            }
        }
        var time = timespec()
        if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 {
            row[NodeSeries.engineCPUMicroseconds] =
                Int64(clamping: time.tv_sec) * 1_000_000 + Int64(clamping: time.tv_nsec) / 1000
        }
        row[NodeSeries.clockErrorMicroseconds] = Int64(clamping: clinux_clock_error())
        return row
    }

    private func number(_ file: File, _ buffer: ReadBuffer) -> Int64? {
        guard let bytes = files.read(file.rawValue, buffer) else { return nil }
        var text = StatText(bytes)
        return text.number()
    }

    /// `cpu user nice system idle iowait irq softirq steal …`, in ticks (proc(5)).
    private func processors(into row: inout SampleRow, _ buffer: ReadBuffer) {
        guard let bytes = files.read(File.stat.rawValue, buffer) else { return }
        var text = StatText(bytes)
        guard let name = text.word(), name.equals("cpu") else { return }
        var ticks: [Int64] = []
        while ticks.count < 8, let number = text.number() { ticks.append(number) }
        guard ticks.count == 8 else { return }
        func time(_ columns: [Int]) -> Int64 {
            columns.reduce(0) { $0.addingClamped(ticks[$1].multipliedClamped(by: microsecondsPerTick)) }
        }
        row[NodeSeries.cpuBusyMicroseconds] = time([0, 1, 2, 5, 6])
        row[NodeSeries.cpuIdleMicroseconds] = time([3])
        row[NodeSeries.cpuIOWaitMicroseconds] = time([4])
        row[NodeSeries.cpuStolenMicroseconds] = time([7])
    }

    /// The first seven of these.
    func processorTicks(_ buffer: ReadBuffer) -> Int64 {
        guard let bytes = files.read(File.stat.rawValue, buffer) else { return 0 }
        var text = StatText(bytes)
        guard let name = text.word(), name.equals("cpu") else { return 0 }
        return (0..<7).reduce(0) { sum, _ in sum.addingClamped(text.number() ?? 0) }
    }

    /// Lines `MemTotal:   123 kB`.
    private func memory(into row: inout SampleRow, _ buffer: ReadBuffer) {
        guard let bytes = files.read(File.memory.rawValue, buffer) else { return }
        var text = StatText(bytes)
        var swap: (total: Int64?, free: Int64?) = (nil, nil)
        repeat {
            guard let name = text.word(), let value = text.number()?.multipliedClamped(by: 1024) else { continue }
            if name.equals("MemTotal:") { row[NodeSeries.memoryTotalBytes] = value }
            if name.equals("MemAvailable:") { row[NodeSeries.memoryAvailableBytes] = value }
            if name.equals("SwapTotal:") { swap.total = value }
            if name.equals("SwapFree:") { swap.free = value }
        } while text.nextLine()
        if let total = swap.total, let free = swap.free { row[NodeSeries.swapUsedBytes] = max(0, total - free) }
    }

    private static func product(_ left: UInt64, _ right: UInt64) -> Int64 {
        let (product, isTooMuch) = left.multipliedReportingOverflow(by: right)
        return isTooMuch ? .max : Int64(clamping: product)
    }
}

extension Int64 {
    func multipliedClamped(by other: Int64) -> Int64 {
        let (product, isOver) = multipliedReportingOverflow(by: other)
        return isOver ? .max : product
    }
}
