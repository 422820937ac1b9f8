/// The metrics of a node, in our own names.
struct NodeFamilies {
    private static let shown: [SeriesFamily<NodeSeries>] = [
        SeriesFamily(
            "apus_node_cpu_seconds", unit: "seconds", "Time of all processors, by what they did.", scale: .microseconds,
            parts: [
                (.cpuBusyMicroseconds, [("mode", "busy")]), (.cpuIdleMicroseconds, [("mode", "idle")]),
                (.cpuIOWaitMicroseconds, [("mode", "iowait")]), (.cpuStolenMicroseconds, [("mode", "steal")]),
            ]),
        SeriesFamily("apus_node_processors", unit: "processors", "Processors.", .processors),
        SeriesFamily("apus_node_memory_size_bytes", unit: "bytes", "Memory.", .memoryTotalBytes),
        SeriesFamily(
            "apus_node_memory_available_bytes", unit: "bytes", "Memory that could be had without swapping.",
            .memoryAvailableBytes),
        SeriesFamily("apus_node_swap_used_bytes", unit: "bytes", "Memory that is swapped out.", .swapUsedBytes),
        SeriesFamily(
            "apus_node_filesystem_size_bytes", unit: "bytes", "Size of the file system with the engine's root.",
            .filesystemSizeBytes),
        SeriesFamily(
            "apus_node_filesystem_free_bytes", unit: "bytes", "What is free of the file system with the engine's root.",
            .filesystemFreeBytes),
        SeriesFamily(
            "apus_node_conntrack_entries", unit: "entries", "Connections that the kernel tracks.", .conntrackEntries),
        SeriesFamily(
            "apus_node_conntrack_limit_entries", unit: "entries", "Connections that the kernel can track.",
            .conntrackLimit),
        SeriesFamily("apus_engine_memory_bytes", unit: "bytes", "Resident memory of the daemon.", .engineMemoryBytes),
        SeriesFamily("apus_node_containers_running", "Containers that have processes.", .containersRunning),
        SeriesFamily(
            "apus_node_clock_error_seconds", unit: "seconds",
            "How far the clock is off at most, as the kernel's clock discipline knows.", .clockErrorMicroseconds,
            scale: .microseconds),
        SeriesFamily(
            "apus_engine_cpu_seconds", unit: "seconds", "Time of the daemon on processors.", .engineCPUMicroseconds,
            scale: .microseconds),
        .pressure(
            "apus_node_pressure_seconds",
            [
                (.pressureCPUSomeMicroseconds, "cpu", "some"), (.pressureMemorySomeMicroseconds, "memory", "some"),
                (.pressureMemoryFullMicroseconds, "memory", "full"), (.pressureIOSomeMicroseconds, "io", "some"),
                (.pressureIOFullMicroseconds, "io", "full"),
            ]),
    ]

    private let nodes: [(row: SampleRow, labels: ExpositionWriter.Labels)]

    init(_ nodes: [(row: SampleRow, labels: ExpositionWriter.Labels)]) { self.nodes = nodes }

    func write(to page: inout ExpositionWriter) {
        for family in Self.shown { family.write(nodes, to: &page) }
    }
}
