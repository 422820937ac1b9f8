import EngineInterface
import Foundation
import Logging
import Model
import Orchestration
import StateStore
import TestKit
import Testing

@testable import Cluster

/// Rules and silences of the operator: what of them counts, what is refused, and what receivers are told then.
@Suite(.timeLimit(.minutes(2))) struct AlertBookTests {
    private let now = Timestamp(seconds: 1_000_000)

    private func request(_ change: (inout AlertRuleRequest) -> Void = { _ in }) -> AlertRuleRequest {
        var request = AlertRuleRequest()
        request.name = "Full"
        request.metric = "node_disk_free_ratio"
        request.comparison = "<"
        request.threshold = 0.25
        request.seconds = 60
        request.severity = "warning"
        change(&request)
        return request
    }

    private func silence(_ id: String, seconds: Int64 = 60, _ change: (inout AlertSilenceSpec) -> Void) -> AlertSilence
    {
        var spec = AlertSilenceSpec()
        spec.endsAt = now.advanced(bySeconds: seconds)
        change(&spec)
        return AlertSilence(id: id, spec)
    }

    private func alert(_ name: String = "DiskFull", node: String = "n1", value: Double = 1) -> Alert {
        let labels = ["node": node, "node_name": "one"]
        return Alert(
            fingerprint: Alert.fingerprint(name, labels), name: name, severity: .critical, summary: "full",
            labels: labels, value: value, startsAt: now)
    }

    // MARK: Rules

    @Test func `the operator's rules count beside the shipped ones, in place of them, or not at all`() throws {
        var state = SwarmState()
        let own = try AlertBook.rule(request())
        #expect(own.summary == "node_disk_free_ratio of node {node_name} is {value}")
        let ofNetworks = try AlertBook.rule(request { $0.metric = "network_addresses_used_ratio" })
        #expect(ofNetworks.summary == "network_addresses_used_ratio of network {network_name} is {value}")
        let changed = try AlertBook.rule(request { $0.name = "DiskFull" })
        let down = try #require(AlertRule.shipped.first { $0.name == "NodeDown" })
        for kept in [
            OperatorAlertRule(own), OperatorAlertRule(changed), OperatorAlertRule(down, disabled: true),
        ] {
            state.take(
                .events([
                    .put(
                        StoredValue(
                            key: kept.key, value: try kept.storedBytes, createRevision: 1, modifyRevision: 2))
                ]))
        }
        #expect(state.unread.isEmpty && state.alertRules["Full"]?.version.index == 2)
        let book = AlertBook(state, at: now)
        #expect(book.rules.count == AlertRule.shipped.count + 1)
        #expect(book.active.count == AlertRule.shipped.count)
        #expect(book.active.contains(own) && book.active.contains(changed) && !book.active.contains(down))
        let origins = Dictionary(book.rules.map { ($0.rule.name, $0.origin) }) { $1 }
        #expect(origins["Full"] == .own && origins["DiskFull"] == .changed && origins["NodeDown"] == .shipped)
        // Listed anew without them, they are gone.
        state.take(.snapshot(StoreListing(values: [], revision: 3)))
        #expect(AlertBook(state, at: now).active == AlertRule.shipped)
    }

    @Test func `every metric makes a rule, and the document's table has them all`() throws {
        for metric in AlertMetric.allCases {
            let rule = try AlertBook.rule(request { $0.metric = metric.rawValue })
            #expect(rule.metric == metric && rule.summary.hasPrefix(metric.rawValue))
        }
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let document = try String(contentsOf: root.appending(path: "docs/alerts.md"), encoding: .utf8)
        let table = document.components(separatedBy: "| metric | of each | value |").last ?? ""
        let rows = (table.components(separatedBy: "\n\n").first ?? "").components(separatedBy: "\n")
        let names = rows.compactMap { $0.split(separator: "|").first }.joined(separator: " ")
        let listed = names.matches(of: #/`([a-z_]+)`/#).map { String($0.1) }
        #expect(listed.sorted() == AlertMetric.allCases.map(\.rawValue).sorted())
    }

    @Test func `what is no rule is refused`() {
        let wrong: [(AlertError, (inout AlertRuleRequest) -> Void)] = [
            (.invalidRuleName(""), { $0.name = "" }), (.invalidRuleName("1a"), { $0.name = "1a" }),
            (.invalidRuleName("a b"), { $0.name = "a b" }),
            (.invalidRuleName(String(repeating: "a", count: 65)), { $0.name = String(repeating: "a", count: 65) }),
            (.unknownMetric("up"), { $0.metric = "up" }), (.unknownComparison("="), { $0.comparison = "=" }),
            (.unknownSeverity("bad"), { $0.severity = "bad" }), (.invalidThreshold, { $0.threshold = .infinity }),
            (.holdOutOfRange(longestSeconds: 86_400), { $0.seconds = -1 }),
            (.holdOutOfRange(longestSeconds: 86_400), { $0.seconds = .max }),
            (
                .invalidText("a summary", longestBytes: 512),
                { $0.summary = String(repeating: "x", count: 513) }
            ), (.invalidText("a summary", longestBytes: 512), { $0.summary = "a\u{1b}[2Jb" }),
        ]
        for (error, change) in wrong { #expect(throws: error) { try AlertBook.rule(request(change)) } }
        #expect(throws: Never.self) { try AlertBook.rule(request { $0.name = String(repeating: "a", count: 64) }) }
    }

    @Test func `a summary is no longer than managers take from each other`() {
        var machine = AlertMachine()
        let rule = AlertRule("A", .nodeDown, .above, 0, for: 0, .warning, String(repeating: "{node}", count: 85))
        let fired = machine.look([rule], at: now) { _ in
            [AlertSample(labels: ["node": String(repeating: "é", count: 60)], value: 1)]
        }
        #expect((900...Alert.longestSummary).contains(fired.first?.alert.summary.utf8.count ?? 0))
    }

    // MARK: Silences

    @Test func `a silence is of one alert, or of those that have all of its labels`() {
        let given = alert().allLabels
        func covers(_ change: (inout AlertSilenceSpec) -> Void) -> Bool {
            silence("s", change).spec.covers(fingerprint: alert().fingerprint, labels: given)
        }
        #expect(covers { $0.alert = alert().fingerprint })
        #expect(!covers { $0.alert = alert(node: "n2").fingerprint })
        #expect(covers { $0.labels = ["alertname": "DiskFull", "severity": "critical"] })
        #expect(!covers { $0.labels = ["alertname": "DiskFull", "severity": "warning"] })
        // A node by its id or by its name.
        #expect(covers { $0.labels = ["node": "n1"] } && covers { $0.labels = ["node": "one"] })
        #expect(!covers { $0.labels = ["node": "two"] } && !covers { $0.labels = ["service": "one"] })
        #expect(!covers { _ in })
        let network = ["network": "w1", "network_name": "app"]
        for name in ["w1", "app"] {
            #expect(silence("s") { $0.labels = ["network": name] }.spec.covers(fingerprint: "f", labels: network))
        }
    }

    @Test func `what is over silences nothing, and of several the one that lasts longest is told`() {
        var state = SwarmState()
        for (id, seconds) in [("a", 0), ("b", 10), ("c", 20), ("d", 15)] as [(String, Int64)] {
            state.alertSilences[id] = silence(id, seconds: seconds) { $0.labels = ["node": "one"] }
        }
        let book = AlertBook(state, at: now)
        #expect(book.silences.map(\.id) == ["c", "d", "b"] && book.silence(of: alert())?.id == "c")
        #expect(AlertBook(state, at: now.advanced(bySeconds: 20)).silences.isEmpty)
    }

    @Test func `what is no silence is refused`() {
        func check(_ seconds: Int64 = 60, _ change: (inout AlertSilenceSpec) -> Void) throws {
            try AlertBook.check(silence("s", seconds: seconds, change).spec, at: now)
        }
        let end = AlertError.endOutOfRange(longestSeconds: 366 * 86_400)
        let labels = AlertError.invalidLabels(most: 16, longestBytes: 256)
        #expect(throws: Never.self) { try check { $0.labels = ["a": "b"] } }
        #expect(throws: AlertError.silenceOfAll) { try check { _ in } }
        #expect(throws: end) { try check(0) { $0.labels = ["a": "b"] } }
        #expect(throws: end) { try check(366 * 86_400 + 1) { $0.labels = ["a": "b"] } }
        #expect(throws: labels) {
            try check { $0.labels = Dictionary((0..<17).map { ("l\($0)", "v") }) { $1 } }
        }
        #expect(throws: labels) { try check { $0.labels = ["": "b"] } }
        #expect(throws: labels) { try check { $0.labels = ["a": String(repeating: "b", count: 257)] } }
        #expect(throws: AlertError.invalidText("a comment", longestBytes: 512)) {
            try check {
                $0.labels = ["a": "b"]
                $0.comment = String(repeating: "b", count: 513)
            }
        }
    }

    // MARK: Receivers

    @Test func `a silenced alert is not posted, and is when the silence is over`() {
        var posts = AlertPosts(restored: [String]())
        #expect(posts.steps(ended: [], firing: [alert()], isSilenced: { _ in true }).isEmpty)
        #expect(
            posts.steps(ended: [], firing: [alert(value: 2)], isSilenced: { _ in false }) == [.tell(alert(value: 2))])
        #expect(posts.steps(ended: [], firing: [alert(value: 3)], isSilenced: { _ in false }).isEmpty)
        // Nobody is told of the end of what nobody was told of.
        var silent = AlertPosts(restored: [String]())
        _ = silent.steps(ended: [], firing: [alert()], isSilenced: { _ in true })
        #expect(silent.steps(ended: [alert()], firing: [], isSilenced: { _ in true }).isEmpty)
    }

    @Test func `whoever was told that an alert goes on is told of its end, silenced or not`() {
        var posts = AlertPosts(restored: [String]())
        _ = posts.steps(ended: [], firing: [alert()], isSilenced: { _ in false })
        let id = alert().fingerprint
        #expect(posts.steps(ended: [], firing: [alert()], isSilenced: { _ in true }) == [.withdraw(id)])
        #expect(posts.steps(ended: [], firing: [alert()], isSilenced: { _ in true }).isEmpty)
        #expect(posts.steps(ended: [alert()], firing: [], isSilenced: { _ in true }) == [.tell(alert())])
        // A leader before may have told it.
        var next = AlertPosts(restored: [id])
        #expect(next.steps(ended: [], firing: [alert()], isSilenced: { _ in true }).isEmpty)
        #expect(next.steps(ended: [alert()], firing: [], isSilenced: { _ in true }) == [.tell(alert())])
        var third = AlertPosts(restored: [id])
        #expect(third.steps(ended: [], firing: [alert()], isSilenced: { _ in false }) == [.tell(alert())])
    }

    @Test func `a receiver that is away is told later of what goes on, and losses of ends are counted`() throws {
        func alert(_ number: Int, isOver: Bool = false) -> Alert {
            Alert(
                fingerprint: "f\(number)", name: "A", severity: .warning, summary: "s", labels: [:], value: 1,
                startsAt: Timestamp(seconds: 1), endsAt: isOver ? Timestamp(seconds: Int64(number)) : nil)
        }
        let webhook = AlertWebhook(url: "http://user:word@127.0.0.1:9/hook?token=x", log: Logger(label: "test"))
        #expect(webhook.shownURL == "http://127.0.0.1:9/hook")
        var posts = AlertPosts(restored: [String]())
        let firing = (0..<1500).map { alert($0) }
        var steps = posts.steps(ended: [], firing: firing, room: webhook.room, isSilenced: { _ in false })
        #expect(steps.count == 1000)
        for case .tell(let alert) in steps { webhook.tell(alert) }
        #expect(webhook.room == 0)
        #expect(posts.steps(ended: [], firing: firing, room: webhook.room, isSilenced: { _ in false }).isEmpty)
        // The rest has room when the first ones are over.
        let ended = (0..<1000).map { alert($0, isOver: true) }
        steps = posts.steps(ended: ended, firing: firing.suffix(500), room: 1000, isSilenced: { _ in false })
        #expect(steps.count == 1500)
        for case .tell(let alert) in steps { webhook.tell(alert) }
        #expect(webhook.takeLosses() == 0 && webhook.room == 500)
        for number in 2000..<2700 { webhook.tell(alert(number, isOver: true)) }
        #expect(webhook.takeLosses() == 200 && webhook.takeLosses() == 0)
        #expect(webhook.state.lost == 200 && webhook.state.waiting == 2000)
        #expect(webhook.room == 500)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a receiver that does not take alerts is told of as an event and in metrics, and when it does again`()
        async throws
    {
        let asked = Kept(0)
        let receiver = LogReceiver { said in
            guard String(decoding: said, as: UTF8.self).contains("\"version\":\"4\"}") else { return [] }
            said = []
            let status = asked.withLock { asked in
                asked += 1
                return asked < 4 ? "500 X" : "200 OK"
            }
            return Array("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n".utf8)
        }
        let address = "http://127.0.0.1:\(try await receiver.listen())/hook"
        let webhook = AlertWebhook(url: address, log: Logger(label: "test"))
        webhook.tell(
            Alert(
                fingerprint: "f", name: "A", severity: .warning, summary: "s", labels: [:], value: 1,
                startsAt: Timestamp(seconds: 1), endsAt: nil))
        let told = Kept<[EngineEvent]>([])
        // Cancelled below.
        let posting = Task { try await webhook.run { event in told.withLock { $0.append(event) } } }
        try await eventually(within: .seconds(30), "the receiver is back") { told.withLock { $0.count } == 2 }
        posting.cancel()
        _ = await posting.result
        #expect(told.withLock { $0.map(\.action) } == ["alert-webhook-down", "alert-webhook-up"])
        #expect(told.withLock { $0[0].attributes } == ["receiver": address, "error": "status 500"])
        let state = webhook.state
        #expect(state.failed == 3 && state.accepted == 1 && state.waiting == 0 && state.lost == 0 && !state.isDown)
        try await receiver.stop()
    }

    // MARK: A swarm

    @Test func `managers keep rules and silences in the swarm's store`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                let alerts = SwarmAlerts(swarm)
                await #expect(throws: SwarmError.notMember) { try await alerts.alertRules() }
                try await node.initialise(swarm)
                try await self.tryRules(alerts)
                try await self.trySilences(alerts, node)
            }
            // Another daemon of the node finds them.
            try await node.running { swarm in
                let alerts = SwarmAlerts(swarm)
                // It refuses until it is up.
                try await eventually("the manager answers") { (try? await alerts.alertRules()) != nil }
                #expect(try await alerts.alertRules().last?.rule.name == "Full")
                #expect(try await alerts.alertSilences().map(\.spec.comment) == ["disks"])
            }
        }
    }

    private func tryRules(_ alerts: SwarmAlerts) async throws {
        try await alerts.saveAlertRule(request())
        try await alerts.saveAlertRule(request { $0.threshold = 0.5 })
        let rules = try await alerts.alertRules()
        #expect(rules.last?.rule.threshold == 0.5 && rules.last?.origin == .own)
        try await alerts.switchAlertRule("NodeDown", on: false)
        #expect(try await alerts.alertRules().first { $0.rule.name == "NodeDown" }?.disabled == true)
        await #expect(throws: AlertError.ruleIsShipped("DiskFull")) { try await alerts.removeAlertRule("DiskFull") }
        await #expect(throws: AlertError.ruleNotFound("No")) { try await alerts.removeAlertRule("No") }
        await #expect(throws: AlertError.ruleNotFound("No")) { try await alerts.switchAlertRule("No", on: true) }
        // As it was shipped: nothing of it is kept.
        try await alerts.switchAlertRule("NodeDown", on: true)
        await #expect(throws: AlertError.ruleIsShipped("NodeDown")) { try await alerts.removeAlertRule("NodeDown") }
    }

    private func trySilences(_ alerts: SwarmAlerts, _ node: TestNode) async throws {
        var machine = AlertMachine()
        let fired = machine.look(AlertRule.shipped, at: .now) { metric in
            guard metric == .nodeDown else { return [] }
            return ["n1", "n2"].map { AlertSample(labels: ["node": $0, "node_name": "one"], value: 1) }
        }
        for change in fired { node.eventLog.publish(change.event, id: nil) }
        let listed = try await alerts.alerts(all: false)
        #expect(listed.count == 2 && listed.allSatisfy { $0.silence == nil && $0.name == "NodeDown" })
        let first = try #require(listed.first)

        var request = AlertSilenceRequest()
        request.alert = String(first.id.prefix(8))
        request.seconds = 600
        request.comment = "disks"
        request.createdBy = "mei"
        let id = try await alerts.silenceAlerts(request)
        let silenced = try await alerts.alerts(all: false)
        #expect(silenced.filter { $0.silence?.id == id }.map(\.id) == [first.id])
        request.alert = "NodeDown"
        request.comment = "all"
        let other = try await alerts.silenceAlerts(request)
        #expect(try await alerts.alerts(all: false).allSatisfy { $0.silence != nil })
        request.alert = "Nobody"
        await #expect(throws: AlertError.alertNotFound("Nobody")) { try await alerts.silenceAlerts(request) }
        request.seconds = -1
        await #expect(throws: AlertError.self) { try await alerts.silenceAlerts(request) }
        try await alerts.endAlertSilence(other)
        await #expect(throws: AlertError.silenceNotFound(other)) { try await alerts.endAlertSilence(other) }
        #expect(try await alerts.alerts(all: false).count { $0.silence != nil } == 1)
        // As the dashboard does it; of two silences the later end counts.
        try await alerts.silence(first.id, minutes: 30, by: "otto")
        let until = await alerts.silencedUntil()
        #expect(until.keys.map(\.self) == [first.id])
        #expect((1700...1801).contains(until[first.id]?.timeSince(.now) ?? 0))
        for minutes in [0, -1, .max, 366 * 24 * 60 + 1] {
            await #expect(throws: AlertError.self) { try await alerts.silence(first.id, minutes: minutes, by: "otto") }
        }
        let ends = try await alerts.alertSilences().filter { $0.spec.createdBy == "otto" }
        try await alerts.endAlertSilence(try #require(ends.first).id)
        // What ends is listed when it is asked for.
        for change in machine.look([], at: .now, { _ in [] }) { node.eventLog.publish(change.event, id: nil) }
        #expect(try await alerts.alerts(all: false).isEmpty)
        #expect(try await alerts.alerts(all: true).count { $0.endsAt != nil } == 2)
    }
}
