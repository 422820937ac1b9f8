/// Containers in cAdvisor's names, for dashboards and alerts that know these: `/metrics/cadvisor`. Source: cAdvisor 0.47, `docs/storage/prometheus.md`.
struct CadvisorFamilies {
    /// Of a container; more are left out.
    private static let mostLabels = 64

    private static let processor: [SeriesFamily<ContainerSeries>] = [
        SeriesFamily(
            "container_cpu_usage_seconds", unit: "seconds", "Cumulative cpu time consumed in seconds.",
            scale: .microseconds, parts: [(.cpuMicroseconds, [("cpu", "total")])]),
        SeriesFamily(
            "container_cpu_user_seconds", unit: "seconds", "Cumulative user cpu time consumed in seconds.",
            .cpuUserMicroseconds, scale: .microseconds),
        SeriesFamily(
            "container_cpu_system_seconds", unit: "seconds", "Cumulative system cpu time consumed in seconds.",
            .cpuSystemMicroseconds, scale: .microseconds),
        SeriesFamily("container_cpu_cfs_periods", "Number of elapsed enforcement period intervals.", .cpuPeriods),
        SeriesFamily(
            "container_cpu_cfs_throttled_periods", "Number of throttled period intervals.", .cpuThrottledPeriods),
        SeriesFamily(
            "container_cpu_cfs_throttled_seconds", unit: "seconds",
            "Total time duration the container has been throttled.", .cpuThrottledMicroseconds, scale: .microseconds),
    ]

    private static let memory: [SeriesFamily<ContainerSeries>] = [
        SeriesFamily(
            "container_memory_working_set_bytes", unit: "bytes", "Current working set in bytes.", .memoryWorkingSetBytes
        ),
        SeriesFamily("container_memory_rss", "Size of RSS in bytes.", .memoryAnonymousBytes),
        SeriesFamily("container_memory_cache", "Number of bytes of page cache memory.", .memoryFileBytes),
        SeriesFamily("container_memory_swap", "Container swap usage in bytes.", .memorySwapBytes),
        SeriesFamily(
            "container_oom_events", "Count of out of memory events observed for the container.", .outOfMemoryKills),
    ]

    private static let devices: [SeriesFamily<ContainerSeries>] = [
        SeriesFamily("container_fs_reads_bytes", unit: "bytes", "Cumulative count of bytes read.", .ioReadBytes),
        SeriesFamily("container_fs_writes_bytes", unit: "bytes", "Cumulative count of bytes written.", .ioWrittenBytes),
        SeriesFamily("container_fs_reads", "Cumulative count of reads completed.", .ioReads),
        SeriesFamily("container_fs_writes", "Cumulative count of writes completed.", .ioWrites),
        SeriesFamily("container_threads", "Number of threads running inside the container.", .processes),
    ]

    private let samples: [(sample: ContainerSample, labels: ExpositionWriter.Labels)]

    /// Every sample of a family has the same labels, as cAdvisor has it: those that a container does not have are empty.
    init(_ samples: [ContainerSample]) {
        let names = Set(samples.flatMap { $0.target.labels.keys })
        let labels = names.map { (written: "container_label_" + Self.sanitized($0), name: $0) }.sorted { $0 < $1 }
        var taken: Set<String> = []
        let shown = labels.filter { taken.insert($0.written).inserted }.prefix(Self.mostLabels)
        self.samples = samples.map { sample in
            var text = ExpositionWriter.Labels([
                ("id", "/docker/" + sample.target.id), ("image", sample.target.image), ("name", sample.target.name),
            ])
            for label in shown { text.add(label.written, sample.target.labels[label.name] ?? "") }
            return (sample, text)
        }
    }

    /// - Parameter machine: What the node has itself.
    func write(machine: SampleRow, to page: inout ExpositionWriter) {
        write(Self.processor, to: &page)
        writeUsage(to: &page)
        write(Self.memory, to: &page)
        writeFacts(to: &page)
        write(Self.devices, to: &page)
        writeNetworks(to: &page)
        page.family("machine_cpu_cores", .gauge, "Number of logical CPU cores.")
        if let value = machine[NodeSeries.processors] { page.sample(value) }
        page.family("machine_memory_bytes", .gauge, unit: "bytes", "Amount of memory installed on the machine.")
        if let value = machine[NodeSeries.memoryTotalBytes] { page.sample(value) }
    }

    private func write(_ families: [SeriesFamily<ContainerSeries>], to page: inout ExpositionWriter) {
        for family in families { family.write(samples.lazy.map { (row: $0.sample.row, labels: $0.labels) }, to: &page) }
    }

    /// All memory, of which no series is kept: the sum of two.
    private func writeUsage(to page: inout ExpositionWriter) {
        page.family(
            "container_memory_usage_bytes", .gauge, unit: "bytes",
            "Current memory usage in bytes, including all memory regardless of when it was accessed.")
        for (sample, labels) in samples {
            guard let anonymous = sample.row[ContainerSeries.memoryAnonymousBytes],
                let file = sample.row[ContainerSeries.memoryFileBytes]
            else { continue }
            page.sample(labels, anonymous.addingClamped(file))
        }
    }

    /// What is known of every container, sampled or not.
    private func writeFacts(to page: inout ExpositionWriter) {
        page.family(
            "container_spec_memory_limit_bytes", .gauge, unit: "bytes", "Memory limit for the container; 0 without one."
        )
        for (sample, labels) in samples { page.sample(labels, sample.row[ContainerSeries.memoryLimitBytes] ?? 0) }
        page.family(
            "container_start_time_seconds", .gauge, unit: "seconds",
            "Start time of the container since unix epoch in seconds.")
        for (sample, labels) in samples { page.sample(labels, sample.target.startedAt) }
        page.family("container_last_seen", .gauge, "Last time a container was seen by the exporter.")
        for (sample, labels) in samples { page.sample(labels, sample.seen) }
    }

    private func writeNetworks(to page: inout ExpositionWriter) {
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
            for (sample, labels) in samples {
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
