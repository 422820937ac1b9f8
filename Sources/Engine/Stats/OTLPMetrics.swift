import LogDrivers
import Model
import Telemetry

/// What was sampled as OpenTelemetry's metrics in protobuf, with the names of its semantic conventions. Pure.
///
/// Sources: opentelemetry-proto 1.x, `metrics/v1/metrics.proto`; Semantic Conventions, "Container metrics" and "System metrics".
struct OTLPMetrics {
    /// Resources of one request.
    static let mostResources = 200
    /// AGGREGATION_TEMPORALITY_CUMULATIVE
    private static let cumulative: UInt64 = 2

    /// One value of a metric, and what tells it apart.
    private struct Point {
        var attributes: [(String, String)] = []
        var value: Value

        enum Value {
            case whole(Int64)
            case seconds(microseconds: Int64)
        }
    }

    private enum Kind {
        case gauge
        /// Goes up and down.
        case sum
        case counter
    }

    let hostname: String
    let snapshot: Snapshot

    /// Encoded `ExportMetricsServiceRequest`s: first the node, then its containers in the order of their ids.
    func requests() -> [[UInt8]] {
        var requests: [[UInt8]] = []
        var request = ProtobufBytes()
        var count = 0
        for resource in [node()] + snapshot.containers.map(container) {
            if count == Self.mostResources {
                requests.append(request.bytes)
                (request, count) = (ProtobufBytes(), 0)
            }
            request.message(1, resource)
            count += 1
        }
        return requests + [request.bytes]
    }

    // MARK: Resources

    private func node() -> ProtobufBytes {
        let row = snapshot.node
        func whole(_ series: NodeSeries, _ attributes: [(String, String)] = []) -> [Point] {
            row[series].map { [Point(attributes: attributes, value: .whole($0))] } ?? []
        }
        func used(_ series: NodeSeries, but free: NodeSeries, _ name: String) -> [Point] {
            guard let size = row[series], let free = row[free] else { return [] }
            return [
                Point(attributes: [(name, "used")], value: .whole(max(0, size - free))),
                Point(attributes: [(name, "free")], value: .whole(free)),
            ]
        }
        let processors = [
            (NodeSeries.cpuBusyMicroseconds, "busy"), (.cpuIdleMicroseconds, "idle"),
            (.cpuIOWaitMicroseconds, "iowait"), (.cpuStolenMicroseconds, "steal"),
        ].compactMap { series, mode in
            row[series].map { Point(attributes: [("cpu.mode", mode)], value: .seconds(microseconds: $0)) }
        }
        var metrics = Metrics(time: snapshot.time, start: 0)
        metrics.add("system.cpu.time", "s", .counter, processors)
        metrics.add("system.cpu.logical.count", "{cpu}", .sum, whole(.processors))
        metrics.add(
            "system.memory.usage", "By", .sum,
            used(.memoryTotalBytes, but: .memoryAvailableBytes, "system.memory.state"))
        metrics.add("system.memory.limit", "By", .sum, whole(.memoryTotalBytes))
        metrics.add("system.linux.memory.available", "By", .sum, whole(.memoryAvailableBytes))
        metrics.add(
            "system.filesystem.usage", "By", .sum,
            used(.filesystemSizeBytes, but: .filesystemFreeBytes, "system.filesystem.state"))
        metrics.add("apus.node.containers", "{container}", .sum, whole(.containersRunning))
        metrics.add("apus.node.conntrack.entries", "{entry}", .sum, whole(.conntrackEntries))
        return resource([("service.name", "apusd"), ("host.name", hostname)], metrics)
    }

    private func container(_ sample: ContainerSample) -> ProtobufBytes {
        let (target, row) = (sample.target, sample.row)
        func whole(_ series: ContainerSeries, _ attributes: [(String, String)] = []) -> [Point] {
            row[series].map { [Point(attributes: attributes, value: .whole($0))] } ?? []
        }
        let processors = [(ContainerSeries.cpuUserMicroseconds, "user"), (.cpuSystemMicroseconds, "system")]
            .compactMap { series, mode in
                row[series].map { Point(attributes: [("cpu.mode", mode)], value: .seconds(microseconds: $0)) }
            }
        let interfaces = sample.networks.flatMap { counters in
            [("receive", counters.receivedBytes), ("transmit", counters.sentBytes)].map { direction, bytes in
                Point(
                    attributes: [
                        ("network.io.direction", direction), ("network.interface.name", counters.interface),
                        ("apus.network.name", counters.network),
                    ], value: .whole(bytes))
            }
        }
        var metrics = Metrics(time: snapshot.time, start: target.startedAt)
        metrics.add("container.cpu.time", "s", .counter, processors)
        metrics.add("container.memory.usage", "By", .sum, memory(row))
        metrics.add("container.memory.working_set", "By", .sum, whole(.memoryWorkingSetBytes))
        metrics.add("container.memory.rss", "By", .sum, whole(.memoryAnonymousBytes))
        metrics.add("container.network.io", "By", .counter, interfaces)
        metrics.add(
            "container.disk.io", "By", .counter,
            whole(.ioReadBytes, [("disk.io.direction", "read")])
                + whole(.ioWrittenBytes, [("disk.io.direction", "write")]))
        if target.startedAt > 0 {
            metrics.add(
                "container.uptime", "s", .gauge, [Point(value: .whole(max(0, snapshot.time - target.startedAt)))])
        }
        metrics.add("apus.container.memory.limit", "By", .sum, whole(.memoryLimitBytes))
        metrics.add("apus.container.oom_kills", "{process}", .counter, whole(.outOfMemoryKills))
        metrics.add("apus.container.processes", "{process}", .sum, whole(.processes))
        metrics.add("apus.container.restarts", "{restart}", .counter, whole(.restarts))
        let labels = target.labels
        let service = labels["com.docker.swarm.service.name"] ?? labels["com.docker.compose.service"] ?? target.name
        return resource(
            [
                ("service.name", service), ("service.instance.id", labels["com.docker.swarm.task.name"] ?? ""),
                ("service.namespace", labels["com.docker.stack.namespace"] ?? ""), ("container.id", target.id),
                ("container.name", target.name), ("container.image.name", target.image), ("host.name", hostname),
            ], metrics)
    }

    /// Of no file and of files, as cAdvisor counts it.
    private func memory(_ row: SampleRow) -> [Point] {
        guard let anonymous = row[ContainerSeries.memoryAnonymousBytes], let file = row[ContainerSeries.memoryFileBytes]
        else { return [] }
        return [Point(value: .whole(anonymous.addingReportingOverflow(file).partialValue))]
    }

    // MARK: Messages

    /// `ResourceMetrics`.
    private func resource(_ attributes: [(String, String)], _ metrics: Metrics) -> ProtobufBytes {
        var resource = ProtobufBytes()
        for (name, value) in attributes where !value.isEmpty { resource.message(1, Self.attribute(name, value)) }
        var scope = ProtobufBytes()
        scope.text(1, "apus")
        var all = ProtobufBytes()
        all.message(1, scope)
        for metric in metrics.all { all.message(2, metric) }
        var whole = ProtobufBytes()
        whole.message(1, resource)
        whole.message(2, all)
        return whole
    }

    private static func attribute(_ name: String, _ value: String) -> ProtobufBytes {
        var any = ProtobufBytes()
        any.block(1, Array(value.utf8))
        var pair = ProtobufBytes()
        pair.text(1, name)
        pair.message(2, any)
        return pair
    }

    /// `Metric`s of one resource; those without a value are left out.
    private struct Metrics {
        /// Seconds since 1970; a start of 0 is unknown.
        let time: Int64
        let start: Int64
        private(set) var all: [ProtobufBytes] = []

        init(time: Int64, start: Int64) {
            self.start = start
            self.time = time
        }

        mutating func add(_ name: String, _ unit: String, _ kind: Kind, _ points: [Point]) {
            guard !points.isEmpty else { return }
            var data = ProtobufBytes()
            for point in points { data.message(1, self.point(point, hasStart: kind == .counter)) }
            var metric = ProtobufBytes()
            metric.text(1, name)
            metric.text(3, unit)
            switch kind {
            case .gauge: metric.message(5, data)
            case .sum, .counter:
                data.varint(2, OTLPMetrics.cumulative)
                if kind == .counter { data.flag(3, true) }
                metric.message(7, data)
            }
            all.append(metric)
        }

        /// `NumberDataPoint`.
        private func point(_ point: Point, hasStart: Bool) -> ProtobufBytes {
            var data = ProtobufBytes()
            if hasStart { data.fixed64(2, Self.nanoseconds(start)) }
            data.fixed64(3, Self.nanoseconds(time))
            switch point.value {
            case .whole(let value): data.chosenFixed64(6, UInt64(bitPattern: value))
            case .seconds(let value): data.chosenFixed64(4, (Double(value) / 1e6).bitPattern)
            }
            for (name, value) in point.attributes { data.message(7, OTLPMetrics.attribute(name, value)) }
            return data
        }

        private static func nanoseconds(_ seconds: Int64) -> UInt64 {
            let (value, isTooLarge) = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
            return isTooLarge ? 0 : value
        }
    }
}
