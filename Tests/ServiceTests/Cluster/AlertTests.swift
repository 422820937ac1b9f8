import Addressing
import EngineInterface
import Foundation
import Model
import Orchestration
import StateStore
import Testing

@testable import Cluster

/// When somebody is told, of what, and that it is told once.
@Suite struct AlertTests {
    private let start = Timestamp(seconds: 1_000_000)
    private let rule = AlertRule("Low", .nodeDiskFreeRatio, .below, 0.1, for: 30, .critical, "{node_name} has {value}")

    private func look(_ machine: inout AlertMachine, _ seconds: Int64, _ value: Double?) -> [AlertMachine.Change] {
        machine.look([rule], at: start.advanced(bySeconds: seconds)) { metric in
            guard metric == .nodeDiskFreeRatio, let value else { return [] }
            return [
                AlertSample(labels: ["node": "n1", "node_name": "one"], value: value),
                AlertSample(labels: ["node": "n2", "node_name": "two"], value: 0.9),
            ]
        }
    }

    @Test func `an alert fires when its rule has held for so long, once, and ends when it holds no more`() throws {
        var machine = AlertMachine()
        #expect(look(&machine, 0, 0.05).isEmpty)
        #expect(look(&machine, 20, 0.05).isEmpty)
        // It did not hold in between: the time begins anew.
        #expect(look(&machine, 25, 0.5).isEmpty)
        #expect(look(&machine, 31, 0.05).isEmpty)
        #expect(look(&machine, 60, 0.05).isEmpty)
        let fired = look(&machine, 61, 0.0425)
        guard case .fires(let alert)? = fired.first, fired.count == 1 else {
            Issue.record("\(fired)")
            return
        }
        #expect(alert.startsAt == start.advanced(bySeconds: 31) && alert.summary == "one has 0.04")
        #expect(look(&machine, 70, 0.01).isEmpty && machine.firing.count == 1)
        let ended = look(&machine, 80, 0.5)
        guard case .ends(let over)? = ended.first, ended.count == 1 else {
            Issue.record("\(ended)")
            return
        }
        #expect(over.fingerprint == alert.fingerprint && over.endsAt == start.advanced(bySeconds: 80))
        #expect(machine.firing.isEmpty)
    }

    @Test func `what has no value any more is over`() {
        var machine = AlertMachine()
        _ = look(&machine, 0, 0)
        #expect(look(&machine, 30, 0).count == 1)
        #expect(look(&machine, 40, nil).count == 1 && machine.firing.isEmpty)
    }

    @Test func `a new leader goes on with what the one before has told, and ends what is over`() throws {
        var machine = AlertMachine()
        _ = look(&machine, 0, 0)
        let event = try #require(look(&machine, 30, 0).first?.event)
        #expect(event.type == "alert" && event.action == "firing" && event.scope == "swarm")
        #expect(
            event.attributes == [
                "name": "Low", "node.id": "n1", "node.name": "one", "severity": "critical", "value": "0",
                "summary": "one has 0", "startsAt": start.description,
            ])
        var next = AlertMachine(restoring: [event])
        #expect(next.firing == machine.firing)
        #expect(look(&next, 40, 0).isEmpty)
        let end = try #require(look(&next, 50, 1).first?.event)
        #expect(end.action == "resolved" && end.actorID == event.actorID)
        #expect(AlertMachine(restoring: [event, end]).firing.isEmpty)
        // Its rule is no more: it is over.
        var other = AlertMachine(restoring: [event])
        let over = other.look([], at: start.advanced(bySeconds: 60)) { _ in [] }
        #expect(over.map(\.alert.name) == ["Low"] && over.first?.event.action == "resolved")
    }

    @Test func `a receiver of Alertmanager's webhooks is told in its form`() throws {
        var machine = AlertMachine()
        _ = look(&machine, 0, 0)
        let fired = try #require(look(&machine, 30, 0).first?.alert)
        let ended = try #require(look(&machine, 40, 1).first?.alert)
        func json(_ alerts: [Alert]) throws -> [String: Any] {
            let data = try JSONEncoder().encode(AlertNotification(alerts))
            return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        let one = try json([fired])
        #expect(one["version"] as? String == "4" && one["status"] as? String == "firing")
        #expect(
            Set(one.keys) == [
                "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
                "commonAnnotations", "externalURL", "alerts",
            ])
        let item = try #require((one["alerts"] as? [[String: Any]])?.first)
        #expect(item["endsAt"] as? String == "0001-01-01T00:00:00Z")
        #expect(item["startsAt"] as? String == start.description)
        #expect(
            item["labels"] as? [String: String] == [
                "alertname": "Low", "severity": "critical", "node": "n1", "node_name": "one",
            ])
        #expect((item["annotations"] as? [String: String])?["summary"] == "one has 0")
        #expect(item["fingerprint"] as? String == fired.fingerprint && fired.fingerprint.utf8.count == 16)
        let both = try json([fired, ended])
        #expect(both["status"] as? String == "firing")
        #expect((both["commonLabels"] as? [String: String])?["node"] == "n1")
        #expect(try json([ended])["status"] as? String == "resolved")
    }

    @Test(arguments: AlertRule.Comparison.allCases) func `every comparison is what it says`(
        comparison: AlertRule.Comparison
    ) {
        let expected: [AlertRule.Comparison: [Bool]] = [
            .above: [false, false, true], .below: [true, false, false], .atLeast: [false, true, true],
            .atMost: [true, true, false], .equal: [false, true, false], .different: [true, false, true],
        ]
        #expect([0.0, 1.0, 2.0].map { comparison.holds($0, 1) } == expected[comparison])
    }

    @Test func `the shipped rules find what they are for`() throws {
        var state = SwarmState()
        let now = start
        var service = Service(id: "s")
        service.spec.name = "web"
        service.spec.mode.replicated = .init(replicas: 3)
        state.services["s"] = service
        let outcomes: [(TaskState, String?)] = [
            (.running, nil), (.failed, "task: non-zero exit (137): OOM killed"), (.failed, "x"), (.failed, "x"),
            (.failed, "x"), (.rejected, "x"),
        ]
        for (index, (taskState, reason)) in outcomes.enumerated() {
            var task = SwarmTask(id: "t\(index)")
            task.serviceID = "s"
            task.slot = 1
            task.desiredState = taskState == .running ? .running : .shutdown
            task.status = TaskStatus(taskState, "", at: now.advanced(bySeconds: -60), error: reason)
            state.tasks[task.id] = task
        }
        for (id, nodeState, days) in [("n1", .ready, 1), ("n2", .down, 90)] as [(String, NodeState, Int64)] {
            var node = Node(id: id)
            node.spec.name = id
            node.status.state = nodeState
            node.membership = .init()
            node.membership?.issued = [
                CertificateRecord(serial: "1", until: now.advanced(bySeconds: days * 86_400))
            ]
            state.nodes[id] = node
        }
        state.networks["ingress"] = NetworkAllocator(state: state).ingress(id: "ingress", at: now)
        state.nodes["n1"]?.description = NodeDescription()
        state.nodes["n1"]?.description?.routedSubnets = ["240.255.4.0/24"].compactMap { IPNetwork($0) }
        var board = PulseBoard()
        var values = [UInt64](repeating: 0, count: NodePulseSeries.allCases.count)
        values[NodePulseSeries.diskUsedBytes.rawValue] = 95
        values[NodePulseSeries.diskBytes.rawValue] = 100
        values[NodePulseSeries.logDestinationsDown.rawValue] = 1
        values[NodePulseSeries.metricsPushDown.rawValue] = 1
        values[NodePulseSeries.logBehindSeconds.rawValue] = 700
        for step in [-10, 0] as [Int64] {
            values[NodePulseSeries.logDroppedLines.rawValue] += 7
            board.take(
                .init(time: now.seconds + step, node: values), of: "n1", now: now.seconds, service: { _ in nil })
        }
        let samples = AlertSamples(state: state, board: board, present: [], now: now)
        func found(_ metric: AlertMetric) -> [String: Double] {
            Dictionary(
                samples.values(of: metric).map { ($0.labels["service_name"] ?? $0.labels["node_name"] ?? "", $0.value) }
            ) { $1 }
        }
        #expect(found(.serviceTasksMissing) == ["web": 2])
        #expect(found(.serviceFailures) == ["web": 5])
        #expect(found(.serviceOutOfMemoryKills) == ["web": 1])
        #expect(found(.nodeDown) == ["n1": 0, "n2": 1])
        #expect(found(.nodeCertificateDaysLeft) == ["n1": 1, "n2": 90])
        #expect(abs((found(.nodeDiskFreeRatio)["n1"] ?? 0) - 0.05) < 0.001)
        #expect(found(.nodeLogDroppedLines) == ["n1": 7] && found(.nodeLogDestinationsDown) == ["n1": 1])
        #expect(found(.nodeLogBehindSeconds) == ["n1": 700])
        #expect(found(.managersToSpare).isEmpty)
        #expect(samples.values(of: .networkConflicts).map(\.value) == [1])
        var machine = AlertMachine()
        var fired = Set<String>()
        for seconds in [0, 60, 300] as [Int64] {
            for change in machine.look(
                AlertRule.shipped, at: now.advanced(bySeconds: seconds), samples.values(of:))
            {
                fired.insert(change.alert.name)
            }
        }
        // Ways between nodes are looked at in PathReportTests, addresses below: nobody has any here.
        #expect(
            fired == Set(AlertRule.shipped.map(\.name)).subtracting(["QuorumAtRisk", "PathIll", "AddressesUsedUp"]))
    }

    /// A service of two tasks on one node, of which one has a limit, with pulses of the last twenty seconds.
    private func used() -> (state: SwarmState, board: PulseBoard) {
        var state = SwarmState()
        for id in ["s1", "s2"] {
            var service = Service(id: id)
            service.spec.name = "name-\(id)"
            state.services[id] = service
        }
        for id in ["t1", "t2"] {
            var task = SwarmTask(id: id)
            task.serviceID = "s1"
            task.nodeID = "n1"
            task.desiredState = .running
            task.status = TaskStatus(.running, "", at: start, error: nil)
            state.tasks[id] = task
        }
        for id in ["n1", "n2"] {
            var node = Node(id: id)
            node.spec.name = id
            state.nodes[id] = node
        }
        var board = PulseBoard()
        for step in [-20, -10, 0] as [Int64] {
            var node = [UInt64](repeating: 0, count: NodePulseSeries.allCases.count)
            node[NodePulseSeries.cpuMicroseconds.rawValue] = UInt64(20 + step) * 3_000_000
            node[NodePulseSeries.processors.rawValue] = 4
            var first = [UInt64](repeating: 0, count: TaskPulseSeries.allCases.count)
            first[TaskPulseSeries.cpuMicroseconds.rawValue] = UInt64(20 + step) * 500_000
            first[TaskPulseSeries.memoryWorkingSetBytes.rawValue] = 75
            var second = first
            first[TaskPulseSeries.memoryLimitBytes.rawValue] = 100
            second[TaskPulseSeries.memoryWorkingSetBytes.rawValue] = 1000
            let pulse = NodePulse(time: start.seconds + step, node: node, tasks: ["t1": first, "t2": second])
            board.take(pulse, of: "n1", now: start.seconds, service: { _ in "s1" })
        }
        return (state, board)
    }

    @Test func `what services and nodes use can be compared, as long as it is told`() {
        let (state, board) = used()
        func found(_ metric: AlertMetric, after seconds: Int64 = 0) -> [String: Double] {
            let now = start.advanced(bySeconds: seconds)
            let samples = AlertSamples(state: state, board: board, present: [], now: now).values(of: metric)
            return Dictionary(
                samples.map { ($0.labels["service_name"] ?? $0.labels["node_name"] ?? "", $0.value) }
            ) { $1 }
        }
        #expect(found(.serviceCPUCores) == ["name-s1": 1])
        #expect(found(.serviceMemoryUsedBytes) == ["name-s1": 1075])
        #expect(found(.serviceMemoryUsedRatio) == ["name-s1": 0.75])
        #expect(found(.nodeCPUUsedRatio) == ["n1": 0.75])
        let ofUse: [AlertMetric] = [
            .serviceCPUCores, .serviceMemoryUsedBytes, .serviceMemoryUsedRatio, .nodeCPUUsedRatio,
        ]
        for metric in ofUse {
            #expect(!found(metric, after: 60).isEmpty && found(metric, after: 61).isEmpty, "\(metric)")
        }
        // Another node's word of a task does not count.
        var moved = state
        moved.tasks["t1"]?.nodeID = "n2"
        let samples = AlertSamples(state: moved, board: board, present: [], now: start)
        #expect(samples.values(of: .serviceCPUCores).map(\.value) == [0.5])
        #expect(samples.values(of: .serviceMemoryUsedRatio).isEmpty)
    }

    @Test func `restarts and failures of health are counted for ten minutes`() {
        var state = SwarmState()
        var service = Service(id: "s")
        service.spec.name = "web"
        state.services["s"] = service
        let unhealthy = "task: non-zero exit (137): dockerexec: unhealthy container"
        for (id, attempt, age, reason) in [
            ("t0", 0, 30, unhealthy), ("t1", 1, 20, "task: non-zero exit (1)"), ("t2", 2, 10, nil),
            ("t3", 3, 601, unhealthy),
        ] as [(String, Int, Int64, String?)] {
            var task = SwarmTask(id: id)
            task.serviceID = "s"
            task.slot = 1
            task.createdAt = start.advanced(bySeconds: -age)
            task.assignment = .init()
            task.assignment?.attempt = attempt
            task.status = TaskStatus(reason == nil ? .running : .failed, "", at: task.createdAt, error: reason)
            state.tasks[id] = task
        }
        let samples = AlertSamples(state: state, board: PulseBoard(), present: [], now: start)
        #expect(samples.values(of: .serviceRestarts).map(\.value) == [2])
        #expect(samples.values(of: .serviceUnhealthyFailures).map(\.value) == [1])
        #expect(samples.values(of: .serviceFailures).map(\.value) == [2])
        #expect(samples.values(of: .serviceCPUCores).isEmpty)
    }

    @Test func `values are computed once a look, however many rules compare them`() {
        var machine = AlertMachine()
        var asked: [AlertMetric] = []
        let other = AlertRule("Lower", .nodeDiskFreeRatio, .below, 0.05, for: 30, .critical, "{value}")
        let changes = machine.look([rule, other], at: start) { metric in
            asked.append(metric)
            return []
        }
        #expect(changes.isEmpty && asked == [.nodeDiskFreeRatio])
    }

    /// A network of two small subnets and a large one of IPv6, where tasks have so many addresses of each family.
    private func samples(given count: Int) throws -> AlertSamples {
        var network = SwarmNetwork(id: "w1")
        network.spec.name = "app"
        network.ipamOptions = AllocatedPools()
        network.ipamOptions?.configs = try ["10.1.0.0/28", "10.1.1.0/28", "fd00::/64"].map { text in
            let subnet = try #require(IPNetwork(text))
            return AllocatedPools.Pool(subnet: subnet, gateway: subnet.first.advanced(by: 1))
        }
        var state = SwarmState()
        state.networks["w1"] = network
        for number in 0..<count {
            // 13 of a subnet can be given: not its own, the gateway's and the broadcast address.
            let text = "10.1.\(number / 13).\(number % 13 + 2)/28"
            var task = SwarmTask(id: "t\(number)")
            task.desiredState = .running
            task.status = TaskStatus(.running, "", at: start, error: nil)
            task.networksAttachments = [
                NetworkAttachment(
                    network: network,
                    addresses: [
                        try #require(IPNetwork(text)), try #require(IPNetwork("fd00::\(number + 2)/64")),
                    ])
            ]
            state.tasks[task.id] = task
        }
        return AlertSamples(state: state, board: PulseBoard(), present: [], now: start)
    }

    @Test func `addresses of a network that are nearly used up are told after a minute, by the network's name`() throws
    {
        let rules = AlertRule.shipped.filter { $0.name == "AddressesUsedUp" }
        var machine = AlertMachine()
        func look(_ seconds: Int64, given count: Int) throws -> [AlertMachine.Change] {
            machine.look(rules, at: start.advanced(bySeconds: seconds), try samples(given: count).values(of:))
        }
        #expect(try samples(given: 0).values(of: .networkAddressesUsedRatio).map(\.value) == [0])
        #expect(try samples(given: 26).values(of: .networkAddressesUsedRatio).map(\.value) == [1])
        // The first subnet is full, and the second has room.
        #expect(try look(0, given: 23).isEmpty)
        #expect(try look(60, given: 24).isEmpty)
        // A moment's breath, and the time begins anew: what comes and goes at the edge is not told each time.
        #expect(try look(110, given: 23).isEmpty)
        #expect(try look(120, given: 24).isEmpty)
        #expect(try look(170, given: 24).isEmpty)
        let fired = try #require(try look(180, given: 26).first)
        #expect(fired.alert.summary == "the addresses of network app are nearly used up")
        #expect(fired.alert.labels == ["network": "w1", "network_name": "app"])
        #expect(fired.event.attributes["network.id"] == "w1" && fired.event.attributes["network.name"] == "app")
        // The next leader knows it again, as it does every alert that is of a network.
        var next = AlertMachine(restoring: [fired.event])
        #expect(next.firing == machine.firing)
        let now = start.advanced(bySeconds: 190)
        let ended = next.look(rules, at: now, try samples(given: 13).values(of:))
        #expect(ended.map(\.event.action) == ["resolved"])
    }

    @Test func `an alert of used addresses goes on until clearly less are in use, and begins no earlier`() throws {
        let rules = AlertRule.shipped.filter { $0.name == "AddressesUsedUp" }
        var machine = AlertMachine()
        func look(_ seconds: Int64, given count: Int) throws -> [String] {
            let values = try samples(given: count)
            return machine.look(rules, at: start.advanced(bySeconds: seconds), values.values(of:)).map(\.event.action)
        }
        // 22 and 23 of 26 are less than nine tenths, and more than 81 %.
        for seconds: Int64 in [0, 60, 120] { #expect(try look(seconds, given: 23).isEmpty) }
        #expect(try look(130, given: 24).isEmpty)
        #expect(try look(190, given: 24) == ["firing"])
        for seconds: Int64 in [200, 260, 320] {
            #expect(try look(seconds, given: 23).isEmpty)
            #expect(try look(seconds + 30, given: 22).isEmpty)
        }
        #expect(try look(360, given: 25).isEmpty)
        #expect(try look(370, given: 21) == ["resolved"])
        #expect(try look(380, given: 23).isEmpty)
        #expect(machine.firing.isEmpty)
    }
}
