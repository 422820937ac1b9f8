package import EngineInterface
package import Model

/// What a manager knows of its swarm when its metrics are asked for.
package struct ClusterFacts: Sendable {
    /// A node, and what it has told last.
    package struct Node: Sendable {
        package var id: String
        package var hostname: String
        /// In lower case, as in `ready`.
        package var state: String
        /// `nil` for one that has told nothing for a while.
        package var pulse: NodePulse?

        package init(id: String, hostname: String, state: String, pulse: NodePulse?) {
            self.hostname = hostname
            self.id = id
            self.pulse = pulse
            self.state = state
        }
    }

    /// A service, and how its tasks are.
    package struct Service: Sendable {
        package var id: String
        package var name: String
        /// Tasks that there are to be.
        package var desired: Int
        /// Tasks by state, in lower case.
        package var tasks: [String: Int]
        /// Tasks that run and are to stop.
        package var draining: Int
        /// Of an update, in lower case as in `updating`; empty without one.
        package var updateState: String

        package init(
            id: String, name: String, desired: Int, tasks: [String: Int], draining: Int, updateState: String
        ) {
            self.desired = desired
            self.draining = draining
            self.id = id
            self.name = name
            self.tasks = tasks
            self.updateState = updateState
        }
    }

    /// A task that runs, as its metrics are labelled.
    package struct TaskName: Sendable {
        package var id: String
        package var serviceName: String
        /// As in `web.1`.
        package var name: String

        package init(id: String, serviceName: String, name: String) {
            self.id = id
            self.name = name
            self.serviceName = serviceName
        }
    }

    /// A network, and how many places tasks have on it.
    package struct Endpoints: Sendable {
        package var network: String
        package var networkID: String
        /// Places.
        package var count: Int

        package init(network: String, networkID: String, count: Int) {
            self.count = count
            self.network = network
            self.networkID = networkID
        }
    }

    package var nodes: [Node] = []
    package var endpoints: [Endpoints] = []
    package var subnets: [SubnetCount] = []
    package var services: [Service] = []
    package var tasks: [TaskName] = []
    package var swarm: SwarmFacts?

    package init() {}

    /// Series of tasks: of more than this many nothing is shown but what services have together.
    package static let mostTasks = 10_000

    /// The page of the whole swarm: one scrape of any manager.
    package func page(_ format: ExpositionFormat) -> [UInt8] {
        var page = ExpositionWriter(format)
        writeServices(to: &page)
        let labelled = nodes.map { node in
            (node: node, labels: ExpositionWriter.Labels([("node", node.hostname), ("node_id", node.id)]))
        }
        page.family("apus_node_up", .gauge, "Whether a node is ready and tells what it uses.")
        for (node, labels) in labelled {
            page.sample(labels.adding("state", node.state), node.state == "ready" && node.pulse != nil ? 1 : 0)
        }
        NodeFamilies(labelled.compactMap { node, labels in node.pulse.map { (SampleRow($0), labels) } }).write(
            to: &page)
        page.family("apus_node_paths_ill", .gauge, "Ways from a node to others with which something is wrong.")
        for (node, labels) in labelled {
            if let pulse = node.pulse {
                page.sample(labels, Int64(clamping: pulse.paths.count { !$0.findings.isEmpty }))
            }
        }
        writeLogs(labelled.compactMap { node, labels in node.pulse.map { ($0, labels) } }, to: &page)
        writeSubnets(to: &page)
        writeEndpoints(to: &page)
        writeTasks(to: &page)
        if let swarm { DockerdFamilies.write(swarm, to: &page) }
        page.finish()
        return page.bytes
    }

    private func writeServices(to page: inout ExpositionWriter) {
        page.family("apus_service_desired_tasks", .gauge, unit: "tasks", "Tasks that a service is to have.")
        let labelled = services.map { service in
            (
                service: service,
                labels: ExpositionWriter.Labels([("service", service.name), ("service_id", service.id)])
            )
        }
        for (service, labels) in labelled { page.sample(labels, Int64(clamping: service.desired)) }
        page.family("apus_service_tasks", .gauge, unit: "tasks", "Tasks of a service by state.")
        for (service, labels) in labelled {
            for (state, count) in service.tasks.sorted(by: { $0.key < $1.key }) {
                page.sample(labels.adding("state", state), Int64(clamping: count))
            }
        }
        page.family(
            "apus_service_draining_tasks", .gauge, unit: "tasks",
            "Tasks of a service that still run and are to stop: nodes let go of them, or they end.")
        for (service, labels) in labelled { page.sample(labels, Int64(clamping: service.draining)) }
        page.family("apus_service_update_state", .gauge, "The state of a service's last update; always 1.")
        for (service, labels) in labelled where !service.updateState.isEmpty {
            page.sample(labels.adding("state", service.updateState), 1)
        }
    }

    /// What nodes tell of their log drivers together.
    private func writeLogs(
        _ nodes: [(pulse: NodePulse, labels: ExpositionWriter.Labels)], to page: inout ExpositionWriter
    ) {
        let families: [(NodePulseSeries, String, String, String)] = [
            (.logSentLines, "log_sent_lines", "lines", "Lines that receivers of logs have taken from a node."),
            (.logSentBytes, "log_sent_bytes", "bytes", "Bytes of these lines as they were sent."),
            (
                .logDroppedLines, "log_dropped_lines", "lines",
                "Lines that log drivers of a node have given up, and stretches of unknown length."
            ),
            (.logDestinationsDown, "log_destinations_down", "", "Receivers of logs that a node does not reach."),
            (
                .logBehindSeconds, "log_behind_seconds", "seconds",
                "Age of the oldest line that was read on a node and that its receiver does not have."
            ),
        ]
        for (series, name, unit, help) in families {
            page.family("apus_node_\(name)", series.isCounter ? .counter : .gauge, unit: unit, help)
            for (pulse, labels) in nodes {
                guard let value = pulse.node.dropFirst(series.rawValue).first else { continue }
                page.sample(labels, Int64(clamping: value))
            }
        }
    }

    private func writeSubnets(to page: inout ExpositionWriter) {
        page.family(
            "apus_network_addresses", .gauge, unit: "addresses",
            "Addresses of a network's subnet: used, free, or free and given up a moment ago (resting).")
        for subnet in subnets {
            let labels = ExpositionWriter.Labels([
                ("network", subnet.network), ("network_id", subnet.networkID), ("subnet", subnet.subnet),
            ])
            for (state, count) in [
                ("free", max(0, subnet.free - subnet.resting)), ("resting", subnet.resting), ("used", subnet.used),
            ] { page.sample(labels.adding("state", state), Int64(clamping: count)) }
        }
    }

    private func writeEndpoints(to page: inout ExpositionWriter) {
        page.family(
            "apus_network_endpoints", .gauge, unit: "endpoints",
            "Places that tasks which have not ended have on a network.")
        for network in endpoints.sorted(by: { ($0.network, $0.networkID) < ($1.network, $1.networkID) }) {
            page.sample(
                .init([("network", network.network), ("network_id", network.networkID)]), Int64(clamping: network.count)
            )
        }
    }

    private func writeTasks(to page: inout ExpositionWriter) {
        let known = Dictionary(
            tasks.prefix(Self.mostTasks).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var seen: Set<String> = []
        var told: [(row: SampleRow, labels: ExpositionWriter.Labels)] = []
        for node in nodes {
            // What a node tells of tasks that there are none of is not shown, and of two that tell of one the first.
            for (id, values) in (node.pulse?.tasks ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard let fact = known[id], seen.insert(id).inserted else { continue }
                told.append(
                    (
                        SampleRow(ofTask: values),
                        ExpositionWriter.Labels([
                            ("id", fact.id), ("name", fact.name), ("service", fact.serviceName),
                            ("node", node.hostname),
                        ])
                    ))
            }
        }
        for (series, name, unit, help) in Self.taskFamilies {
            page.family("apus_task_\(name)", series.kind == .counter ? .counter : .gauge, unit: unit, help)
            for (row, labels) in told {
                guard let value = row[series] else { continue }
                if unit == "seconds" { page.sample(labels, microseconds: value) } else { page.sample(labels, value) }
            }
        }
    }

    private static let taskFamilies: [(ContainerSeries, name: String, unit: String, help: String)] = [
        (.cpuMicroseconds, "cpu_seconds", "seconds", "Time on processors."),
        (
            .cpuThrottledMicroseconds, "cpu_throttled_seconds", "seconds",
            "Time for which the task was held up by its limit."
        ),
        (.memoryWorkingSetBytes, "memory_working_set_bytes", "bytes", "Memory in use."),
        (.memoryLimitBytes, "memory_limit_bytes", "bytes", "Memory that the task may use; absent without a limit."),
        (.outOfMemoryKills, "oom_kills", "", "Processes that the kernel has ended for want of memory."),
        (.restarts, "restarts", "", "Restarts of the task's container."),
        (.ioReadBytes, "io_read_bytes", "bytes", "Bytes read from block devices."),
        (.ioWrittenBytes, "io_written_bytes", "bytes", "Bytes written to block devices."),
        (.networkReceivedBytes, "network_receive_bytes", "bytes", "Bytes that the task has received."),
        (.networkSentBytes, "network_send_bytes", "bytes", "Bytes that the task has sent."),
        (.networkReceiveDrops, "network_receive_drops", "", "Packets to the task that were dropped."),
        (.networkSendDrops, "network_send_drops", "", "Packets of the task that were dropped."),
        (.tcpEstablished, "tcp_established", "", "Connections that are open."),
        (.tcpAccepted, "tcp_accepted", "", "Connections that others have made."),
        (.tcpRetransmits, "tcp_retransmits", "", "Segments that were sent again."),
        (.processes, "processes", "processes", "Processes and threads."),
    ]
}
