/// The metrics of containers, in our own names.
struct ContainerFamilies {
    private static let shown: [SeriesFamily<ContainerSeries>] = [
        SeriesFamily(
            "apus_container_cpu_seconds", unit: "seconds", "Time on processors.", scale: .microseconds,
            parts: [(.cpuUserMicroseconds, [("mode", "user")]), (.cpuSystemMicroseconds, [("mode", "system")])]),
        SeriesFamily(
            "apus_container_cpu_usage_seconds", unit: "seconds", "Time on processors, as the scheduler counts it.",
            .cpuMicroseconds, scale: .microseconds),
        SeriesFamily("apus_container_cpu_periods", "Periods of the processor limit that have passed.", .cpuPeriods),
        SeriesFamily(
            "apus_container_cpu_throttled_periods", "Periods in which the container was held up by its limit.",
            .cpuThrottledPeriods),
        SeriesFamily(
            "apus_container_cpu_throttled_seconds", unit: "seconds",
            "Time for which the container was held up by its limit.", .cpuThrottledMicroseconds, scale: .microseconds),
        SeriesFamily(
            "apus_container_cpu_limit_cores", unit: "cores", "Processors that the container may use at one time.",
            .cpuLimitMillicores, scale: .thousandths),
        SeriesFamily(
            "apus_container_memory_working_set_bytes", unit: "bytes",
            "Memory in use, without file pages that can be dropped at once.", .memoryWorkingSetBytes),
        SeriesFamily(
            "apus_container_memory_anon_bytes", unit: "bytes", "Memory that is of no file.", .memoryAnonymousBytes),
        SeriesFamily("apus_container_memory_file_bytes", unit: "bytes", "Pages of files.", .memoryFileBytes),
        SeriesFamily(
            "apus_container_memory_swap_bytes", unit: "bytes", "Memory that is swapped out.", .memorySwapBytes),
        SeriesFamily(
            "apus_container_memory_limit_bytes", unit: "bytes",
            "Memory that the container may use; absent without a limit.", .memoryLimitBytes),
        SeriesFamily(
            "apus_container_oom_kills", "Processes that the kernel has ended for want of memory.", .outOfMemoryKills),
        SeriesFamily("apus_container_major_faults", "Page faults that waited for a disk.", .majorFaults),
        SeriesFamily(
            "apus_container_io_bytes", unit: "bytes", "Bytes read from and written to block devices.",
            parts: [(.ioReadBytes, [("op", "read")]), (.ioWrittenBytes, [("op", "write")])]),
        SeriesFamily(
            "apus_container_io_operations", unit: "operations", "Operations on block devices.",
            parts: [(.ioReads, [("op", "read")]), (.ioWrites, [("op", "write")])]),
        SeriesFamily("apus_container_processes", unit: "processes", "Processes and threads.", .processes),
        SeriesFamily(
            "apus_container_processes_limit", "Processes and threads that there may be; absent without a limit.",
            .processesLimit),
        SeriesFamily("apus_container_tcp_established", "Connections that are open.", .tcpEstablished),
        SeriesFamily("apus_container_tcp_accepted", "Connections that others have made.", .tcpAccepted),
        SeriesFamily("apus_container_tcp_opened", "Connections that the container has made.", .tcpOpened),
        SeriesFamily("apus_container_tcp_retransmits", "Segments that were sent again.", .tcpRetransmits),
        SeriesFamily("apus_container_log_bytes", unit: "bytes", "Size of the files of the container's log.", .logBytes),
        SeriesFamily(
            "apus_container_restarts", "Restarts by policy since a user has started the container.", .restarts),
    ]

    private static let pressure = SeriesFamily<ContainerSeries>.pressure(
        "apus_container_pressure_seconds",
        [
            (.pressureCPUSomeMicroseconds, "cpu", "some"), (.pressureMemorySomeMicroseconds, "memory", "some"),
            (.pressureMemoryFullMicroseconds, "memory", "full"), (.pressureIOSomeMicroseconds, "io", "some"),
            (.pressureIOFullMicroseconds, "io", "full"),
        ])

    private let samples: [(sample: ContainerSample, labels: ExpositionWriter.Labels)]

    /// - Parameter shown: Labels of users; no others of theirs are told.
    init(_ samples: [ContainerSample], node: String?, shown: MetricsLabels) {
        self.samples = samples.map { sample in
            let target = sample.target
            var labels = ExpositionWriter.Labels([
                ("id", String(target.id.prefix(12))), ("name", target.name), ("service", target.serviceName),
            ])
            if let node { labels.add("node", node) }
            shown.add(target.labels, to: &labels)
            return (sample, labels)
        }
    }

    func write(to page: inout ExpositionWriter) {
        page.family("apus_container_info", .gauge, "What a container is; always 1.")
        for (sample, labels) in samples {
            let target = sample.target
            var labels = labels
            labels.add("container_id", target.id)
            labels.add("image", target.image)
            labels.add("task", target.taskID)
            labels.add("service_id", target.serviceID)
            page.sample(labels, 1)
        }
        let rows = samples.map { (row: $0.sample.row, labels: $0.labels) }
        for family in Self.shown { family.write(rows, to: &page) }
        Self.pressure.write(rows, to: &page)
        page.family(
            "apus_container_start_time_seconds", .gauge, unit: "seconds",
            "When the container was started, in seconds since 1970.")
        for (sample, labels) in samples where sample.target.startedAt > 0 {
            page.sample(labels, sample.target.startedAt)
        }
        page.family("apus_container_health", .gauge, "Whether a container with a health check is in a state.")
        for (sample, labels) in samples where !sample.target.health.isEmpty {
            for state in ["starting", "healthy", "unhealthy"] {
                page.sample(labels.adding("state", state), sample.target.health == state ? 1 : 0)
            }
        }
        writeNetworks(to: &page)
    }

    private func writeNetworks(to page: inout ExpositionWriter) {
        let families: [(String, String, String, KeyPath<NetworkCounters, Int64>, KeyPath<NetworkCounters, Int64>)] = [
            ("bytes", "bytes", "Bytes that the container has received and sent.", \.receivedBytes, \.sentBytes),
            (
                "packets", "packets", "Packets that the container has received and sent.", \.receivedPackets,
                \.sentPackets
            ),
            ("drops", "", "Packets that were dropped.", \.receiveDrops, \.sendDrops),
            ("errors", "", "Packets that could not be received or sent.", \.receiveErrors, \.sendErrors),
        ]
        for (name, unit, help, received, sent) in families {
            page.family("apus_container_network_\(name)", .counter, unit: unit, help)
            for (sample, labels) in samples {
                var written: Set<String> = []
                for counters in sample.networks where written.insert(counters.network).inserted {
                    let labels = labels.adding("network", counters.network)
                    page.sample(labels.adding("direction", "receive"), counters[keyPath: received])
                    page.sample(labels.adding("direction", "send"), counters[keyPath: sent])
                }
            }
        }
    }
}
