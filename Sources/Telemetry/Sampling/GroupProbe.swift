import LinuxSystem

/// Reads one container's control groups, whose files it keeps open as far as there is room.
final class GroupProbe {
    private let group: String
    private let layout: CgroupLayout
    private var files: KeptFiles
    private var limits = GroupLimits()
    private var hasLimits = false

    init(_ group: String, _ layout: CgroupLayout, _ room: FileRoom) {
        self.group = group
        self.layout = layout
        files = KeptFiles(GroupFile.allCases.map { $0.path(group, layout) ?? "" }, room)
    }

    /// - Parameter limits: Whether the limits are read as well, and not taken from the last time.
    func sample(into row: inout SampleRow, limits readsLimits: Bool, _ buffer: ReadBuffer) {
        if readsLimits || !hasLimits {
            limits = GroupLimits(group, layout)
            files.forgetMissing()
            hasLimits = true
        }
        row[ContainerSeries.memoryLimitBytes] = limits.memoryBytes
        row[ContainerSeries.cpuLimitMillicores] = limits.millicores
        row[ContainerSeries.processesLimit] = limits.processes
        row[ContainerSeries.processes] = number(.processes, buffer)
        memory(into: &row, buffer)
        if layout.version == 1 {
            processors1(into: &row, buffer)
            devices1(into: &row, buffer)
        } else {
            processors2(into: &row, buffer)
            devices2(into: &row, buffer)
        }
        let cpu = pressure(.pressureCPU, buffer)
        row[ContainerSeries.pressureCPUSomeMicroseconds] = cpu.some
        let memory = pressure(.pressureMemory, buffer)
        row[ContainerSeries.pressureMemorySomeMicroseconds] = memory.some
        row[ContainerSeries.pressureMemoryFullMicroseconds] = memory.full
        let io = pressure(.pressureIO, buffer)
        row[ContainerSeries.pressureIOSomeMicroseconds] = io.some
        row[ContainerSeries.pressureIOFullMicroseconds] = io.full
    }

    /// All that `docker stats` shows.
    func statistics(_ buffer: ReadBuffer) throws -> CgroupStatistics {
        try Cgroups.statistics(of: group, in: layout) { path in
            if let kept = files.text(path, buffer) { return kept }
            return try Files.text(path)
        }
    }

    private func number(_ file: GroupFile, _ buffer: ReadBuffer) -> Int64? {
        guard let bytes = files.read(file.rawValue, buffer) else { return nil }
        var text = StatText(bytes)
        return text.number()
    }

    private func memory(into row: inout SampleRow, _ buffer: ReadBuffer) {
        let usage = number(.memoryUsage, buffer)
        var inactive: Int64 = 0
        if let bytes = files.read(GroupFile.memoryStat.rawValue, buffer) {
            var text = StatText(bytes)
            let isFirst = layout.version == 1
            repeat {
                guard let name = text.word(), let value = text.number() else { continue }
                if isFirst {
                    if name.equals("total_inactive_file") { inactive = value }
                    if name.equals("total_rss") { row[ContainerSeries.memoryAnonymousBytes] = value }
                    if name.equals("total_cache") { row[ContainerSeries.memoryFileBytes] = value }
                    if name.equals("total_swap") { row[ContainerSeries.memorySwapBytes] = value }
                    if name.equals("total_pgmajfault") { row[ContainerSeries.majorFaults] = value }
                } else {
                    if name.equals("inactive_file") { inactive = value }
                    if name.equals("anon") { row[ContainerSeries.memoryAnonymousBytes] = value }
                    if name.equals("file") { row[ContainerSeries.memoryFileBytes] = value }
                    if name.equals("pgmajfault") { row[ContainerSeries.majorFaults] = value }
                }
            } while text.nextLine()
        }
        row[ContainerSeries.memoryWorkingSetBytes] = usage.map { max(0, $0 - inactive) }
        if layout.version == 2 { row[ContainerSeries.memorySwapBytes] = number(.swap, buffer) }
        table(.memoryEvents, buffer) { name, value in
            if name.equals("oom_kill") { row[ContainerSeries.outOfMemoryKills] = value }
        }
    }

    private func processors1(into row: inout SampleRow, _ buffer: ReadBuffer) {
        row[ContainerSeries.cpuMicroseconds] = number(.cpuUsage, buffer).map { $0 / 1000 }
        row[ContainerSeries.cpuUserMicroseconds] = number(.cpuUser, buffer).map { $0 / 1000 }
        row[ContainerSeries.cpuSystemMicroseconds] = number(.cpuSystem, buffer).map { $0 / 1000 }
        table(.cpuStat, buffer) { name, value in
            if name.equals("nr_periods") { row[ContainerSeries.cpuPeriods] = value }
            if name.equals("nr_throttled") { row[ContainerSeries.cpuThrottledPeriods] = value }
            if name.equals("throttled_time") { row[ContainerSeries.cpuThrottledMicroseconds] = value / 1000 }
        }
    }

    private func processors2(into row: inout SampleRow, _ buffer: ReadBuffer) {
        table(.cpuStat, buffer) { name, value in
            if name.equals("usage_usec") { row[ContainerSeries.cpuMicroseconds] = value }
            if name.equals("user_usec") { row[ContainerSeries.cpuUserMicroseconds] = value }
            if name.equals("system_usec") { row[ContainerSeries.cpuSystemMicroseconds] = value }
            if name.equals("nr_periods") { row[ContainerSeries.cpuPeriods] = value }
            if name.equals("nr_throttled") { row[ContainerSeries.cpuThrottledPeriods] = value }
            if name.equals("throttled_usec") { row[ContainerSeries.cpuThrottledMicroseconds] = value }
        }
    }

    /// Lines `8:0 Read 123`, and a total.
    private func devices1(into row: inout SampleRow, _ buffer: ReadBuffer) {
        func sums(_ file: GroupFile) -> (read: Int64, written: Int64)? {
            guard let bytes = files.read(file.rawValue, buffer) else { return nil }
            var text = StatText(bytes)
            var (read, written): (Int64, Int64) = (0, 0)
            repeat {
                guard text.word() != nil, let what = text.word(), let value = text.number() else { continue }
                if what.equals("Read") { read = read.addingClamped(value) }
                if what.equals("Write") { written = written.addingClamped(value) }
            } while text.nextLine()
            return (read, written)
        }
        let bytes = sums(.blockBytes)
        row[ContainerSeries.ioReadBytes] = bytes?.read
        row[ContainerSeries.ioWrittenBytes] = bytes?.written
        let operations = sums(.blockOperations)
        row[ContainerSeries.ioReads] = operations?.read
        row[ContainerSeries.ioWrites] = operations?.written
    }

    /// Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …`.
    private func devices2(into row: inout SampleRow, _ buffer: ReadBuffer) {
        guard let bytes = files.read(GroupFile.io.rawValue, buffer) else { return }
        var text = StatText(bytes)
        var sums: (read: Int64, written: Int64, reads: Int64, writes: Int64) = (0, 0, 0, 0)
        repeat {
            while let word = text.word() {
                guard let equals = word.firstIndex(of: 0x3d),
                    let value = StatText.number(word[word.index(after: equals)...])
                else { continue }
                let name = word[..<equals]
                if name.equals("rbytes") { sums.read = sums.read.addingClamped(value) }
                if name.equals("wbytes") { sums.written = sums.written.addingClamped(value) }
                if name.equals("rios") { sums.reads = sums.reads.addingClamped(value) }
                if name.equals("wios") { sums.writes = sums.writes.addingClamped(value) }
            }
        } while text.nextLine()
        row[ContainerSeries.ioReadBytes] = sums.read
        row[ContainerSeries.ioWrittenBytes] = sums.written
        row[ContainerSeries.ioReads] = sums.reads
        row[ContainerSeries.ioWrites] = sums.writes
    }

    private func pressure(_ file: GroupFile, _ buffer: ReadBuffer) -> (some: Int64?, full: Int64?) {
        guard let bytes = files.read(file.rawValue, buffer) else { return (nil, nil) }
        return PressureText.totals(bytes)
    }

    private func table(
        _ file: GroupFile, _ buffer: ReadBuffer, _ body: (Slice<UnsafeRawBufferPointer>, Int64) -> Void
    ) {
        guard let bytes = files.read(file.rawValue, buffer) else { return }
        var text = StatText(bytes)
        repeat {
            guard let name = text.word(), let value = text.number() else { continue }
            body(name, value)
        } while text.nextLine()
    }
}

/// Files of pressure stall information: `some avg10=0.00 … total=123`, in microseconds. Documentation/accounting/psi.rst.
enum PressureText {
    static func totals(_ bytes: UnsafeRawBufferPointer) -> (some: Int64?, full: Int64?) {
        var text = StatText(bytes)
        var (some, full): (Int64?, Int64?) = (nil, nil)
        repeat {
            guard let kind = text.word() else { continue }
            while let word = text.word() {
                guard word.starts(with: "total=".utf8), let value = StatText.number(word.dropFirst(6)) else {
                    continue
                }
                if kind.equals("some") { some = value }
                if kind.equals("full") { full = value }
            }
        } while text.nextLine()
        return (some, full)
    }
}

extension Int64 {
    /// The largest number where the sum is larger.
    func addingClamped(_ other: Int64) -> Int64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}
