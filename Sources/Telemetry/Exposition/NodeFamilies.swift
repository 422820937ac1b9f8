/// The metrics of a node, in our own names.
struct NodeFamilies {
    private let nodes: [(row: SampleRow, labels: ExpositionWriter.Labels)]

    init(_ nodes: [(row: SampleRow, labels: ExpositionWriter.Labels)]) { self.nodes = nodes }

    func write(to page: inout ExpositionWriter) {
        page.family("apus_node_cpu_seconds", .counter, unit: "seconds", "Time of all processors, by what they did.")
        for (row, labels) in nodes {
            for (series, mode) in [
                (NodeSeries.cpuBusyMicroseconds, "busy"), (.cpuIdleMicroseconds, "idle"),
                (.cpuIOWaitMicroseconds, "iowait"), (.cpuStolenMicroseconds, "steal"),
            ] { if let value = row[series] { page.sample(labels.adding("mode", mode), microseconds: value) } }
        }
        let plain: [(NodeSeries, String, String, String)] = [
            (.processors, "apus_node_processors", "processors", "Processors."),
            (.memoryTotalBytes, "apus_node_memory_size_bytes", "bytes", "Memory."),
            (
                .memoryAvailableBytes, "apus_node_memory_available_bytes", "bytes",
                "Memory that could be had without swapping."
            ),
            (.swapUsedBytes, "apus_node_swap_used_bytes", "bytes", "Memory that is swapped out."),
            (
                .filesystemSizeBytes, "apus_node_filesystem_size_bytes", "bytes",
                "Size of the file system with the engine's root."
            ),
            (
                .filesystemFreeBytes, "apus_node_filesystem_free_bytes", "bytes",
                "What is free of the file system with the engine's root."
            ),
            (.conntrackEntries, "apus_node_conntrack_entries", "entries", "Connections that the kernel tracks."),
            (.conntrackLimit, "apus_node_conntrack_limit_entries", "entries", "Connections that the kernel can track."),
            (.engineMemoryBytes, "apus_engine_memory_bytes", "bytes", "Resident memory of the daemon."),
            (.containersRunning, "apus_node_containers_running", "", "Containers that have processes."),
        ]
        for (series, name, unit, help) in plain {
            page.family(name, .gauge, unit: unit, help)
            for (row, labels) in nodes { if let value = row[series] { page.sample(labels, value) } }
        }
        page.family(
            "apus_node_clock_error_seconds", .gauge, unit: "seconds",
            "How far the clock is off at most, as the kernel's clock discipline knows.")
        for (row, labels) in nodes {
            if let value = row[NodeSeries.clockErrorMicroseconds] { page.sample(labels, microseconds: value) }
        }
        page.family("apus_engine_cpu_seconds", .counter, unit: "seconds", "Time of the daemon on processors.")
        for (row, labels) in nodes {
            if let value = row[NodeSeries.engineCPUMicroseconds] { page.sample(labels, microseconds: value) }
        }
        page.family(
            "apus_node_pressure_seconds", .counter, unit: "seconds",
            "Time for which some or all processes waited for a resource.")
        for (row, labels) in nodes {
            for (series, resource, kind) in [
                (NodeSeries.pressureCPUSomeMicroseconds, "cpu", "some"),
                (.pressureMemorySomeMicroseconds, "memory", "some"),
                (.pressureMemoryFullMicroseconds, "memory", "full"), (.pressureIOSomeMicroseconds, "io", "some"),
                (.pressureIOFullMicroseconds, "io", "full"),
            ] {
                guard let value = row[series] else { continue }
                page.sample(labels.adding("resource", resource).adding("kind", kind), microseconds: value)
            }
        }
    }
}
