/// Containers in cAdvisor's names, for dashboards and alerts that know these: `/metrics/cadvisor`. Source: cAdvisor 0.47, `docs/storage/prometheus.md`.
enum CadvisorFamilies {
    /// Of a container; more are left out.
    private static let mostLabels = 64

    static func write(_ samples: [ContainerSample], machine: SampleRow, to page: inout ExpositionWriter) {
        // Every sample of a family has the same labels, as cAdvisor has it: those that a container does not have are empty.
        let names = Set(samples.flatMap { $0.target.labels.keys })
        let labels = names.map { (written: "container_label_" + sanitized($0), name: $0) }.sorted { $0 < $1 }
        var taken: Set<String> = []
        let shown = labels.filter { taken.insert($0.written).inserted }.prefix(mostLabels)
        let all = samples.map { sample in
            var text = ExpositionWriter.Labels([
                ("id", "/docker/" + sample.target.id), ("image", sample.target.image), ("name", sample.target.name),
            ])
            for label in shown { text.add(label.written, sample.target.labels[label.name] ?? "") }
            return (sample: sample, labels: text)
        }
        func family(
            _ name: String, _ kind: ExpositionWriter.Kind, unit: String = "", _ help: String, _ series: ContainerSeries,
            seconds: Bool = false, _ more: [(String, String)] = []
        ) {
            page.family(name, kind, unit: unit, help)
            for (sample, labels) in all {
                guard let value = sample.row[series] else { continue }
                let labels = more.reduce(labels) { $0.adding($1.0, $1.1) }
                if seconds { page.sample(labels, microseconds: value) } else { page.sample(labels, value) }
            }
        }
        family(
            "container_cpu_usage_seconds", .counter, unit: "seconds", "Cumulative cpu time consumed in seconds.",
            .cpuMicroseconds, seconds: true, [("cpu", "total")])
        family(
            "container_cpu_user_seconds", .counter, unit: "seconds", "Cumulative user cpu time consumed in seconds.",
            .cpuUserMicroseconds, seconds: true)
        family(
            "container_cpu_system_seconds", .counter, unit: "seconds",
            "Cumulative system cpu time consumed in seconds.", .cpuSystemMicroseconds, seconds: true)
        family("container_cpu_cfs_periods", .counter, "Number of elapsed enforcement period intervals.", .cpuPeriods)
        family(
            "container_cpu_cfs_throttled_periods", .counter, "Number of throttled period intervals.",
            .cpuThrottledPeriods)
        family(
            "container_cpu_cfs_throttled_seconds", .counter, unit: "seconds",
            "Total time duration the container has been throttled.", .cpuThrottledMicroseconds, seconds: true)
        page.family(
            "container_memory_usage_bytes", .gauge, unit: "bytes",
            "Current memory usage in bytes, including all memory regardless of when it was accessed.")
        for (sample, labels) in all {
            guard let anonymous = sample.row[ContainerSeries.memoryAnonymousBytes],
                let file = sample.row[ContainerSeries.memoryFileBytes]
            else { continue }
            page.sample(labels, anonymous.addingClamped(file))
        }
        family(
            "container_memory_working_set_bytes", .gauge, unit: "bytes", "Current working set in bytes.",
            .memoryWorkingSetBytes)
        family("container_memory_rss", .gauge, "Size of RSS in bytes.", .memoryAnonymousBytes)
        family("container_memory_cache", .gauge, "Number of bytes of page cache memory.", .memoryFileBytes)
        family("container_memory_swap", .gauge, "Container swap usage in bytes.", .memorySwapBytes)
        family(
            "container_oom_events", .counter, "Count of out of memory events observed for the container.",
            .outOfMemoryKills)
        page.family(
            "container_spec_memory_limit_bytes", .gauge, unit: "bytes", "Memory limit for the container; 0 without one."
        )
        for (sample, labels) in all { page.sample(labels, sample.row[ContainerSeries.memoryLimitBytes] ?? 0) }
        page.family(
            "container_start_time_seconds", .gauge, unit: "seconds",
            "Start time of the container since unix epoch in seconds.")
        for (sample, labels) in all { page.sample(labels, sample.target.startedAt) }
        page.family("container_last_seen", .gauge, "Last time a container was seen by the exporter.")
        for (sample, labels) in all { page.sample(labels, sample.seen) }
        family("container_fs_reads_bytes", .counter, unit: "bytes", "Cumulative count of bytes read.", .ioReadBytes)
        family(
            "container_fs_writes_bytes", .counter, unit: "bytes", "Cumulative count of bytes written.", .ioWrittenBytes)
        family("container_fs_reads", .counter, "Cumulative count of reads completed.", .ioReads)
        family("container_fs_writes", .counter, "Cumulative count of writes completed.", .ioWrites)
        family("container_threads", .gauge, "Number of threads running inside the container.", .processes)
        networks(all, &page)
        page.family("machine_cpu_cores", .gauge, "Number of logical CPU cores.")
        if let value = machine[NodeSeries.processors] { page.sample(value) }
        page.family("machine_memory_bytes", .gauge, unit: "bytes", "Amount of memory installed on the machine.")
        if let value = machine[NodeSeries.memoryTotalBytes] { page.sample(value) }
    }

    private static func networks(
        _ all: [(sample: ContainerSample, labels: ExpositionWriter.Labels)], _ page: inout ExpositionWriter
    ) {
        let families: [(String, String, String, KeyPath<NetworkCounters, Int64>)] = [
            ("receive_bytes", "bytes", "Cumulative count of bytes received.", \.receivedBytes),
            ("receive_packets", "packets", "Cumulative count of packets received.", \.receivedPackets),
            ("receive_packets_dropped", "", "Cumulative count of packets dropped while receiving.", \.receiveDrops),
            ("receive_errors", "", "Cumulative count of errors encountered while receiving.", \.receiveErrors),
            ("transmit_bytes", "bytes", "Cumulative count of bytes transmitted.", \.sentBytes),
            ("transmit_packets", "packets", "Cumulative count of packets transmitted.", \.sentPackets),
            ("transmit_packets_dropped", "", "Cumulative count of packets dropped while transmitting.", \.sendDrops),
            ("transmit_errors", "", "Cumulative count of errors encountered while transmitting.", \.sendErrors),
        ]
        for (name, unit, help, path) in families {
            page.family("container_network_\(name)", .counter, unit: unit, help)
            for (sample, labels) in all {
                for counters in sample.networks {
                    page.sample(labels.adding("interface", counters.interface), counters[keyPath: path])
                }
            }
        }
    }

    private static func sanitized(_ name: String) -> String {
        String(decoding: ExpositionWriter.labelName("_" + name).dropFirst(), as: UTF8.self)
    }
}
