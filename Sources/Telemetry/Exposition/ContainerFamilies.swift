/// The metrics of containers, in our own names.
struct ContainerFamilies {
    /// How a series is shown.
    private struct Shown {
        let name: String
        var unit = ""
        let help: String
        var parts: [(ContainerSeries, label: (String, String)?)]
        /// Divides the kept value: seconds are kept in microseconds.
        var scale = Scale.whole
    }

    private enum Scale { case whole, microseconds, thousandths }

    private static let shown: [Shown] = [
        Shown(
            name: "apus_container_cpu_seconds", unit: "seconds", help: "Time on processors.",
            parts: [
                (.cpuUserMicroseconds, ("mode", "user")), (.cpuSystemMicroseconds, ("mode", "system")),
            ], scale: .microseconds),
        Shown(
            name: "apus_container_cpu_usage_seconds", unit: "seconds",
            help: "Time on processors, as the scheduler counts it.",
            parts: [(.cpuMicroseconds, nil)], scale: .microseconds),
        Shown(
            name: "apus_container_cpu_periods", help: "Periods of the processor limit that have passed.",
            parts: [(.cpuPeriods, nil)]),
        Shown(
            name: "apus_container_cpu_throttled_periods",
            help: "Periods in which the container was held up by its limit.",
            parts: [(.cpuThrottledPeriods, nil)]),
        Shown(
            name: "apus_container_cpu_throttled_seconds", unit: "seconds",
            help: "Time for which the container was held up by its limit.",
            parts: [(.cpuThrottledMicroseconds, nil)], scale: .microseconds),
        Shown(
            name: "apus_container_cpu_limit_cores", unit: "cores",
            help: "Processors that the container may use at one time.",
            parts: [(.cpuLimitMillicores, nil)], scale: .thousandths),
        Shown(
            name: "apus_container_memory_working_set_bytes", unit: "bytes",
            help: "Memory in use, without file pages that can be dropped at once.",
            parts: [(.memoryWorkingSetBytes, nil)]),
        Shown(
            name: "apus_container_memory_anon_bytes", unit: "bytes", help: "Memory that is of no file.",
            parts: [(.memoryAnonymousBytes, nil)]),
        Shown(
            name: "apus_container_memory_file_bytes", unit: "bytes", help: "Pages of files.",
            parts: [(.memoryFileBytes, nil)]),
        Shown(
            name: "apus_container_memory_swap_bytes", unit: "bytes", help: "Memory that is swapped out.",
            parts: [(.memorySwapBytes, nil)]),
        Shown(
            name: "apus_container_memory_limit_bytes", unit: "bytes",
            help: "Memory that the container may use; absent without a limit.",
            parts: [(.memoryLimitBytes, nil)]),
        Shown(
            name: "apus_container_oom_kills", help: "Processes that the kernel has ended for want of memory.",
            parts: [(.outOfMemoryKills, nil)]),
        Shown(
            name: "apus_container_major_faults", help: "Page faults that waited for a disk.",
            parts: [(.majorFaults, nil)]),
        Shown(
            name: "apus_container_io_bytes", unit: "bytes", help: "Bytes read from and written to block devices.",
            parts: [(.ioReadBytes, ("op", "read")), (.ioWrittenBytes, ("op", "write"))]),
        Shown(
            name: "apus_container_io_operations", unit: "operations", help: "Operations on block devices.",
            parts: [(.ioReads, ("op", "read")), (.ioWrites, ("op", "write"))]),
        Shown(
            name: "apus_container_processes", unit: "processes", help: "Processes and threads.",
            parts: [(.processes, nil)]),
        Shown(
            name: "apus_container_processes_limit",
            help: "Processes and threads that there may be; absent without a limit.",
            parts: [(.processesLimit, nil)]),
        Shown(
            name: "apus_container_tcp_established", help: "Connections that are open.", parts: [(.tcpEstablished, nil)]),
        Shown(
            name: "apus_container_tcp_accepted", help: "Connections that others have made.",
            parts: [(.tcpAccepted, nil)]),
        Shown(
            name: "apus_container_tcp_opened", help: "Connections that the container has made.",
            parts: [(.tcpOpened, nil)]),
        Shown(
            name: "apus_container_tcp_retransmits", help: "Segments that were sent again.",
            parts: [(.tcpRetransmits, nil)]),
        Shown(
            name: "apus_container_log_bytes", unit: "bytes", help: "Size of the files of the container's log.",
            parts: [(.logBytes, nil)]),
        Shown(
            name: "apus_container_restarts", help: "Restarts by policy since a user has started the container.",
            parts: [(.restarts, nil)]),
    ]

    private static let pressures: [(ContainerSeries, String, String)] = [
        (.pressureCPUSomeMicroseconds, "cpu", "some"), (.pressureMemorySomeMicroseconds, "memory", "some"),
        (.pressureMemoryFullMicroseconds, "memory", "full"), (.pressureIOSomeMicroseconds, "io", "some"),
        (.pressureIOFullMicroseconds, "io", "full"),
    ]

    private let samples: [(sample: ContainerSample, labels: ExpositionWriter.Labels)]

    init(_ samples: [ContainerSample], node: String?) {
        self.samples = samples.map { sample in
            let target = sample.target
            var labels = ExpositionWriter.Labels([
                ("id", String(target.id.prefix(12))), ("name", target.name), ("service", target.serviceName),
            ])
            if let node { labels.add("node", node) }
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
        for shown in Self.shown { write(shown, to: &page) }
        page.family(
            "apus_container_pressure_seconds", .counter, unit: "seconds",
            "Time for which some or all processes waited for a resource.")
        for (sample, labels) in samples {
            for (series, resource, kind) in Self.pressures {
                guard let value = sample.row[series] else { continue }
                page.sample(labels.adding("resource", resource).adding("kind", kind), microseconds: value)
            }
        }
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

    private func write(_ shown: Shown, to page: inout ExpositionWriter) {
        let kind: ExpositionWriter.Kind = shown.parts.first?.0.kind == .gauge ? .gauge : .counter
        page.family(shown.name, kind, unit: shown.unit, shown.help)
        for (sample, labels) in samples {
            for (series, label) in shown.parts {
                guard let value = sample.row[series] else { continue }
                let labels = label.map { labels.adding($0.0, $0.1) } ?? labels
                switch shown.scale {
                case .whole: page.sample(labels, value)
                case .microseconds: page.sample(labels, microseconds: value)
                case .thousandths: page.sample(labels, thousandths: value)
                }
            }
        }
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
