import EngineInterface
import Foundation
import Model
import TestKit
import Testing

@testable import Telemetry

/// The pages that Prometheus reads, looked at by a strict reader of our own, and by Prometheus' own where it is installed.
@Suite struct ExpositionTests {
    static func snapshot(_ count: Int = 3) -> Snapshot {
        var node = SampleRow(of: NodeSeries.self)
        for series in NodeSeries.allCases { node[series] = Int64(series.rawValue) * 1_234_567 }
        let containers = (0..<count).map { index in
            var target = SampleTarget(
                id: String(repeating: "\(index % 10)", count: 64), name: "web.\(index)", group: "/g")
            target.image = "nginx:\"1\"\\\n"
            target.labels = ["com.docker.swarm.service.name": "web", "0 odd/name": "x\ny", "only\(index)": "1"]
            target.taskID = "task\(index)"
            target.serviceName = index == 0 ? "" : "web"
            target.health = "healthy"
            target.startedAt = 1_700_000_000
            var row = SampleRow(of: ContainerSeries.self)
            for series in ContainerSeries.allCases where index > 0 || series != .memoryLimitBytes {
                row[series] = Int64(series.rawValue + 1) * 1_000_003
            }
            var sample = ContainerSample(target: target, row: row, seen: 1_700_000_100)
            sample.networks = ["bridge", "net"].map { NetworkCounters(interface: "eth-\($0)", network: $0) }
            return sample
        }
        return Snapshot(time: 1_700_000_100, node: node, containers: containers)
    }

    static var swarm: SwarmFacts {
        var counts = SwarmFacts.Counts()
        counts.tasks = ["running": 3]
        var facts = SwarmFacts(nodeID: "n", swarmID: "s", manager: counts)
        facts.webhook = PostingState(address: "http://alerts")
        facts.webhook?.lost = 4
        var store = StoreMetrics()
        store.databaseBytes = 20480
        store.hasLeader = true
        store.leaderChanges = 2
        store.logSyncs = DurationHistogram(bounds: [1000], counts: [3, 1], microseconds: 5000)
        facts.store = store
        return facts
    }

    static var cluster: ClusterFacts {
        var facts = ClusterFacts()
        facts.nodes = [
            ClusterFacts.Node(id: "n1", hostname: "one", state: "ready", pulse: snapshot().pulse()),
            ClusterFacts.Node(id: "n2", hostname: "two", state: "down", pulse: nil),
        ]
        facts.services = [
            ClusterFacts.Service(
                id: "s1", name: "web", desired: 3, tasks: ["running": 2, "failed": 1], draining: 1,
                updateState: "updating")
        ]
        facts.endpoints = [ClusterFacts.Endpoints(network: "app", networkID: "w1", count: 4)]
        facts.subnets = [
            SubnetCount(
                network: "app", networkID: "w1", subnet: "10.1.0.0/24", used: 3, free: 250, resting: 2)
        ]
        facts.tasks = (0..<2).map { ClusterFacts.TaskName(id: "task\($0)", serviceName: "web", name: "web.\($0)") }
        facts.swarm = swarm
        return facts
    }

    static var destinations: [LogDestinationFacts] {
        var down = LogDestinationFacts(driver: "syslog", address: "tcp://one:514")
        down.state = "down"
        down.sentLines = 7
        var other = LogDestinationFacts(driver: "syslog", address: "tcp://one:514")
        other.sentLines = 5
        let many = (100..<200).map { LogDestinationFacts(driver: "gelf", address: "udp://\($0):1") }
        return [down, other] + many
    }

    static var network: NodeNetworkFacts {
        var facts = NodeNetworkFacts()
        facts.drift["node"] = NodeNetworkFacts.Drift()
        facts.drift["node"]?.repaired = 3
        facts.drift["sandbox"] = NodeNetworkFacts.Drift()
        facts.drift["sandbox"]?.failed = 1
        facts.answers = [
            NodeNetworkFacts.Answers(scope: "node", code: "noerror", count: 12),
            NodeNetworkFacts.Answers(scope: "upstream", code: "nxdomain", count: 4),
        ]
        facts.upstreamNanoseconds = 1_500_000_000
        facts.passes["part"] = DurationHistogram(
            bounds: [1000, 2500, 1_000_000], counts: [1, 0, 2, 1], microseconds: 9_500_000)
        facts.convergence.note(.milliseconds(3))
        facts.bridgePorts = [NodeNetworkFacts.BridgePorts(network: "app", networkID: "w1", used: 1022)]
        facts.mostBridgePorts = 1023
        var drift = NodeNetworkFacts.NetworkDrift(network: "app", networkID: "w1")
        drift.drift.repaired = 5
        facts.networkDrift = [drift]
        return facts
    }

    static var push: PostingState {
        let watch = PostingWatch(address: "http://collector/v1/metrics", failuresOfDown: 1)
        _ = watch.succeeded(refused: 3)
        _ = watch.failed("status 503")
        return watch.state
    }

    static func pages(_ format: ExpositionFormat) -> [(name: String, text: String)] {
        var engine = EngineFacts()
        engine.heapBytes = 12_345_678
        let node = snapshot().nodePage(
            format, engine: engine, swarm: swarm, history: HistoryState(), logs: destinations,
            paths: [
                PathMeasurement(
                    peer: "n2", kind: .vxlan, roundTripMicroseconds: 250, mtu: 1400, linkMTU: 1500, findings: .narrow),
                PathMeasurement(peer: "n3", kind: .control, lossPermille: 1000, findings: .silent),
            ], push: push, network: network)
        return [("node", node), ("cadvisor", snapshot().cadvisorPage(format)), ("cluster", cluster.page(format))].map {
            ($0.0, String(decoding: $0.1, as: UTF8.self))
        }
    }

    @Test(arguments: [ExpositionFormat.text, .openMetrics])
    func `pages are as their form demands`(format: ExpositionFormat) throws {
        for (name, text) in Self.pages(format) {
            let reader = StrictReader(format)
            try reader.read(text)
            #expect(reader.samples > 50, "\(name)")
        }
    }

    @Test func `values are in base units, and what is not known is left out`() {
        let text = Self.pages(.text)[0].text
        let line = { (start: String) in text.split(separator: "\n").filter { $0.hasPrefix(start) }.map(String.init) }
        #expect(
            line("apus_container_cpu_seconds_total")[0]
                == #"apus_container_cpu_seconds_total{id="000000000000",name="web.0",service="",mode="user"} 2.000006"#)
        #expect(line("apus_container_cpu_limit_cores")[0].hasSuffix("} 7000.021"))
        #expect(line("apus_container_memory_limit_bytes").count == 2)
        #expect(line("swarm_manager_tasks_total{state=\"running\"} 3").count == 1)
        #expect(line("engine_daemon_engine_info").count == 1)
        #expect(line("apus_engine_heap_bytes") == ["apus_engine_heap_bytes 12345678"])
        #expect(!text.contains("only1"), "labels of users are not in our own names")
        let cadvisor = Self.pages(.text)[1].text
        #expect(cadvisor.contains(#"container_label_com_docker_swarm_service_name="web""#))
        #expect(cadvisor.contains(#"container_label_0_odd_name="x\ny""#))
        let cluster = Self.pages(.text)[2].text
        #expect(cluster.contains("apus_service_tasks{service=\"web\",service_id=\"s1\",state=\"failed\"} 1\n"))
        #expect(cluster.contains("apus_service_draining_tasks{service=\"web\",service_id=\"s1\"} 1\n"))
        #expect(cluster.contains("apus_node_up{node=\"two\",node_id=\"n2\",state=\"down\"} 0\n"))
        let app = "apus_network_addresses{network=\"app\",network_id=\"w1\",subnet=\"10.1.0.0/24\",state="
        #expect(cluster.contains(app + "\"used\"} 3\n") && cluster.contains(app + "\"resting\"} 2\n"))
        #expect(cluster.contains(app + "\"free\"} 248\n"))
        #expect(cluster.contains("id=\"task1\"") && !cluster.contains("id=\"task2\""))
    }

    @Test func `repairs and names are told, and what has never been is 0`() {
        let lines = Self.pages(.text)[0].text.split(separator: "\n").map(String.init)
        for line in [
            #"apus_drift_repairs_total{kind="node"} 3"#, #"apus_drift_repairs_total{kind="overlay"} 0"#,
            #"apus_drift_failures_total{kind="sandbox"} 1"#,
            #"apus_dns_queries_total{scope="node",rcode="noerror"} 12"#,
            #"apus_dns_queries_total{scope="upstream",rcode="nxdomain"} 4"#,
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(lines.contains { $0.hasPrefix(#"apus_dns_seconds_total{scope="upstream"} 1.5"#) })
    }

    @Test func `A8: ports of a network's bridge are told beside the most that it can have`() {
        let lines = Self.pages(.text)[0].text.split(separator: "\n").map(String.init)
        #expect(lines.contains(#"apus_network_bridge_ports{network="app",network_id="w1"} 1022"#))
        #expect(lines.contains("apus_network_bridge_ports_limit 1023"))
        // The bridge itself, by which the node is in the network, is no port of it.
        let help = lines.first { $0.hasPrefix("# HELP apus_network_bridge_ports ") }
        #expect(
            help
                == "# HELP apus_network_bridge_ports Ports that are in use of a network's bridge on this node: one a container, in an overlay one to other nodes, and in ingress and docker_gwbridge one of the ingress sandbox."
        )
    }

    @Test func `times are told in classes that are added up, and the store under etcd's names`() {
        let lines = Self.pages(.text)[0].text.split(separator: "\n").map(String.init)
        for line in [
            "# TYPE apus_reconcile_seconds histogram", #"apus_reconcile_seconds_bucket{kind="part",le="0.001"} 1"#,
            #"apus_reconcile_seconds_bucket{kind="part",le="0.0025"} 1"#,
            #"apus_reconcile_seconds_bucket{kind="part",le="1.0"} 3"#,
            #"apus_reconcile_seconds_bucket{kind="part",le="+Inf"} 4"#,
            #"apus_reconcile_seconds_sum{kind="part"} 9.500000"#, #"apus_reconcile_seconds_count{kind="part"} 4"#,
            #"apus_reconcile_seconds_count{kind="whole"} 0"#,
            #"apus_convergence_seconds_bucket{kind="network",le="0.0025"} 0"#,
            #"apus_convergence_seconds_bucket{kind="network",le="0.005"} 1"#,
            "etcd_server_has_leader 1", "etcd_server_leader_changes_seen_total 2",
            "etcd_mvcc_db_total_size_in_bytes 20480", #"etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 3"#,
            #"etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 4"#,
            #"etcd_disk_backend_commit_duration_seconds_count 0"#,
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(Self.pages(.text)[2].text.contains("apus_network_endpoints{network=\"app\",network_id=\"w1\"} 4\n"))
    }

    @Test func `what has taken longer than every class is in the last`() {
        var histogram = DurationHistogram(bounds: [1000, 2000])
        for duration in [.milliseconds(1), .microseconds(1001), .seconds(3), .seconds(Int64.max), .seconds(-1)]
            as [Duration]
        { histogram.note(duration) }
        #expect(histogram.counts == [2, 1, 2] && histogram.total == 5)
        #expect(DurationHistogram(bounds: [1], counts: [1, 2, 3], microseconds: 0).counts == [1, 2])
        #expect(DurationHistogram(bounds: [1], counts: [], microseconds: 0).counts == [0, 0])
    }

    @Test func `receivers of logs have series of their own up to a bound, and those of one name share them`() {
        let text = Self.pages(.text)[0].text
        let lines = text.split(separator: "\n").map(String.init)
        #expect(
            lines.filter { $0.hasPrefix("apus_log_driver_up{driver=\"gelf\"") }.count == LogFamilies.mostDestinations
                + 1)
        #expect(lines.contains("apus_log_driver_up{driver=\"gelf\",address=\"others\"} 1"))
        #expect(lines.contains("apus_log_driver_up{driver=\"syslog\",address=\"others\"} 0"))
        #expect(lines.contains("apus_log_driver_sent_lines_total{driver=\"syslog\",address=\"others\"} 12"))
        #expect(lines.contains("apus_network_drift_repairs_total{network=\"app\",network_id=\"w1\"} 5"))
        for name in ["destinations_down", "behind_seconds"] {
            #expect(Self.pages(.text)[2].text.contains("apus_node_log_\(name){node=\"one\",node_id=\"n1\"} 0\n"))
        }
    }

    @Test func `labels are cut between characters and escaped`() throws {
        var page = ExpositionWriter(.text)
        page.family("a", .gauge, "b")
        page.sample(.init([("x", String(repeating: "é", count: 100)), ("1-y", "\"\\\n")]), 5)
        let text = String(decoding: page.bytes, as: UTF8.self)
        #expect(text.hasSuffix("a{x=\"\(String(repeating: "é", count: 64))\",__y=\"\\\"\\\\\\n\"} 5\n"))
    }

    @Test func `what a node tells of itself cannot spoil a page`() throws {
        var facts = Self.cluster
        facts.nodes[0].pulse = NodePulse(
            time: .min, node: [.min, .max, 7], tasks: ["task0": [.max, .min], "task1": [], "nobody": [1]])
        facts.nodes[1].hostname = "a\"b\\c\nd"
        for format in [ExpositionFormat.text, .openMetrics] {
            try StrictReader(format).read(String(decoding: facts.page(format), as: UTF8.self))
        }
    }

    @Test func `how posting of metrics and of alerts goes is told`() throws {
        let page = try #require(Self.pages(.openMetrics).first).text
        for line in [
            "apus_metrics_push_up{address=\"http://collector/v1/metrics\"} 0",
            "apus_metrics_push_requests_total{address=\"http://collector/v1/metrics\",outcome=\"accepted\"} 1",
            "apus_metrics_push_requests_total{address=\"http://collector/v1/metrics\",outcome=\"failed\"} 1",
            "apus_metrics_push_refused_points_total{address=\"http://collector/v1/metrics\"} 3",
            "apus_alert_webhook_up{address=\"http://alerts\"} 1",
            "apus_alert_webhook_lost_alerts_total{address=\"http://alerts\"} 4",
        ] { #expect(page.contains(line + "\n"), "\(line)") }
    }

    @Test func `a receiver is told of once when it is down, and once when it is back`() {
        let watch = PostingWatch(address: "http://a", failuresOfDown: 2)
        #expect(watch.succeeded() == nil && watch.failed("one") == nil && !watch.state.isDown)
        #expect(watch.failed("two") == .down("two") && watch.failed("three") == nil)
        #expect(watch.state.error == "three" && watch.state.failed == 3)
        #expect(watch.succeeded() == .up && watch.succeeded() == nil && !watch.state.isDown)
        let event = PostingWatch.News.down("why").event("metrics-push", of: "http://a")
        #expect(event.type == "daemon" && event.action == "metrics-push-down")
        #expect(event.attributes == ["receiver": "http://a", "error": "why"])
    }

    @Test func `a pulse says what a snapshot says`() throws {
        let snapshot = Self.snapshot()
        var logs = LogTotals()
        (logs.dropped, logs.down, logs.sentLines, logs.sentBytes, logs.behindSeconds) = (3, 1, 5, 70, 900)
        let pulse = snapshot.pulse(logs: logs, isPushDown: true)
        func told(_ series: NodePulseSeries) -> UInt64? { pulse.node.dropFirst(series.rawValue).first }
        #expect(told(.processors) == snapshot.node[NodeSeries.processors].map { UInt64($0) })
        #expect(told(.logDroppedLines) == 3 && told(.logDestinationsDown) == 1)
        #expect(told(.logSentLines) == 5 && told(.logSentBytes) == 70)
        #expect(told(.metricsPushDown) == 1 && told(.logBehindSeconds) == 900 && snapshot.pulse().node.last == 0)
        let total = try #require(snapshot.node[NodeSeries.memoryTotalBytes])
        let free = try #require(snapshot.node[NodeSeries.memoryAvailableBytes])
        #expect(told(.memoryUsedBytes) == UInt64(clamping: max(0, total - free)))
        let limit = TaskPulseSeries.memoryLimitBytes.rawValue
        #expect(pulse.tasks["task0"]?[limit] == 0 && pulse.tasks["task1"]?[limit] == 12_000_036)
        #expect(pulse.tasks.values.allSatisfy { $0.count == TaskPulseSeries.allCases.count })
        for series in TaskPulseSeries.allCases {
            #expect(series.isCounter == (series.measured.kind == .counter), "\(series)")
        }
    }

    /// `promtool check metrics`, of Debian's package `prometheus`.
    static let promtool = ["/usr/bin/promtool", ProcessInfo.processInfo.environment["APUS_PROMTOOL"] ?? ""].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(.enabled(if: ExpositionTests.promtool != nil))
    func `Prometheus' own check finds nothing in our names`() throws {
        let tool = try #require(Self.promtool)
        for (name, text) in Self.pages(.text) {
            let (input, output) = (Pipe(), Pipe())
            let process = Process()
            process.executableURL = URL(fileURLWithPath: tool)
            process.arguments = ["check", "metrics"]
            process.standardInput = input
            process.standardError = output
            process.standardOutput = output
            try process.run()
            input.fileHandleForWriting.write(Data(text.utf8))
            try input.fileHandleForWriting.close()
            let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            // 0: nothing; 3: remarks on names, which are others'. 1: it cannot be read.
            #expect([0, 3].contains(process.terminationStatus), "\(name): \(said)")
            #expect(!said.split(separator: "\n").contains { $0.hasPrefix("apus_") }, "\(name): \(said)")
        }
    }
}

/// Reads a page and refuses what either form does not allow.
private final class StrictReader {
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    private let format: ExpositionFormat
    private(set) var samples = 0

    init(_ format: ExpositionFormat) { self.format = format }

    func read(_ text: String) throws {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.popLast() == "" else { throw Refused(description: "does not end with a line's end") }
        if format == .openMetrics {
            guard lines.popLast() == "# EOF" else { throw Refused(description: "no end") }
        }
        var families: Set<String> = []
        var known: Set<String> = []
        var (family, type, unit) = ("", "", "")
        for line in lines {
            if line.hasPrefix("# ") {
                let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 4 else { throw Refused(description: line) }
                if parts[1] == "HELP" {
                    guard families.insert(parts[2]).inserted, !parts[3].isEmpty, !parts[3].contains("\\") else {
                        throw Refused(description: "twice, or without help: \(line)")
                    }
                    (family, type, unit) = (parts[2], "", "")
                } else if parts[1] == "TYPE" {
                    guard parts[2] == family, ["counter", "gauge", "histogram"].contains(parts[3]) else {
                        throw Refused(description: line)
                    }
                    type = parts[3]
                } else if parts[1] == "UNIT" {
                    unit = parts[3]
                    guard format == .openMetrics, parts[2] == family, family.hasSuffix("_" + unit) else {
                        throw Refused(description: line)
                    }
                } else {
                    throw Refused(description: line)
                }
                continue
            }
            let match = line.wholeMatch(of: #/([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? ([0-9]+(\.[0-9]{1,6})?)/#)
            guard let match else { throw Refused(description: line) }
            let wanted = format == .openMetrics && type == "counter" ? family + "_total" : family
            let isPart = type == "histogram" && ["_bucket", "_sum", "_count"].contains { match.1 == family + $0 }
            guard match.1 == wanted && type != "histogram" || isPart, !type.isEmpty else {
                throw Refused(description: "not of \(family): \(line)")
            }
            if type == "counter", !match.1.hasSuffix("_total") { throw Refused(description: line) }
            guard known.insert(String(line[..<(line.lastIndex(of: " ") ?? line.startIndex)])).inserted else {
                throw Refused(description: "twice: \(line)")
            }
            try labels(String(match.3 ?? ""))
            samples += 1
        }
    }

    private func labels(_ text: String) throws {
        var rest = text[...]
        var names: Set<String> = []
        while !rest.isEmpty {
            let match = rest.prefixMatch(of: #/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/#)
            guard let match, names.insert(String(match.1)).inserted else {
                throw Refused(description: "labels: \(text)")
            }
            rest = rest[match.range.upperBound...]
        }
    }
}
