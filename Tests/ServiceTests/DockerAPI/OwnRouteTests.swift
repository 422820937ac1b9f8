import DockerAPI
import EngineInterface
import Faults
import Model
import Synchronization
import Testing

/// Paths of Apus' own for alerts and for what the swarm uses: what they pass on, and how they are spelled.
@Suite(.timeLimit(.minutes(1))) struct OwnRouteTests {
    /// Notes what is asked of it.
    private final class Recorder: AlertBackend, UsageBackend, PathBackend {
        private let asked = Mutex<[String]>([])

        var requests: [String] { asked.withLock { $0 } }

        private func note(_ text: String) { asked.withLock { $0.append(text) } }

        static var silence: AlertSilence {
            var spec = AlertSilenceSpec()
            spec.labels = ["node": "one"]
            spec.endsAt = Timestamp(seconds: 60)
            return AlertSilence(id: "s1", spec)
        }

        func alerts(all: Bool) async throws -> [AlertSummary] {
            note("alerts \(all)")
            return [
                AlertSummary(
                    id: "0011", name: "DiskFull", severity: .critical, summary: "full", value: 0.5,
                    labels: ["node": "n1"], startsAt: Timestamp(seconds: 0), endsAt: nil, silence: Self.silence)
            ]
        }

        func alertSilences() async throws -> [AlertSilence] { [Self.silence] }
        func silenceAlerts(_ request: AlertSilenceRequest) async throws -> String {
            note("silence \(request.alert) \(request.labels) \(request.seconds) \(request.comment)")
            return "s2"
        }
        func endAlertSilence(_ reference: String) async throws { note("end \(reference)") }
        func alertRules() async throws -> [AlertRuleSummary] {
            [
                AlertRuleSummary(
                    AlertRule("A", .nodeDown, .above, 0, for: 5, .warning, "s"), origin: .own, disabled: true)
            ]
        }
        func saveAlertRule(_ request: AlertRuleRequest) async throws {
            note("rule \(request.name) \(request.metric)\(request.comparison)\(request.threshold)")
        }
        func switchAlertRule(_ name: String, on: Bool) async throws { note("switch \(name) \(on)") }
        func removeAlertRule(_ name: String) async throws { throw AlertError.ruleIsShipped(name) }

        func paths() async throws -> SwarmPaths {
            note("paths")
            var answer = SwarmPaths()
            var path = SwarmPaths.Path(
                from: "n1", to: "n2", kind: "vxlan", loss: 0.5, findings: ["lossy"], measuredAt: Timestamp(seconds: 60))
            path.pathMTU = 1400
            path.roundTripSeconds = 0.5
            answer.paths = [path]
            return answer
        }

        func usage(ofServices services: [String]) async throws -> SwarmUsage {
            note("usage \(services)")
            var usage = SwarmUsage()
            var task = TaskUsage(id: "t1")
            task.cores = 1.5
            task.memoryBytes = .max
            usage.tasks = [task]
            return usage
        }
    }

    private func with(_ body: @escaping @Sendable (ServerFixture, Recorder) async throws -> Void) async throws {
        let recorder = Recorder()
        try await ServerFixture.with(backends: { backends in
            backends.alerts = recorder
            backends.usage = recorder
            backends.paths = recorder
        }) { server in try await body(server, recorder) }
    }

    @Test func `alerts, silences and rules are spelled as the Engine API is`() async throws {
        try await with { server, recorder in
            let alerts = try await ServerTests.ask(server, "/v1.50/alerts?all=1")
            for piece in [
                #""ID":"0011""#, #""Severity":"critical""#, #""Value":0.5"#, #""Labels":{"node":"n1"}"#,
                #""StartsAt":"1970-01-01T00:00:00Z""#, #""Silence":{"#, #""EndsAt":"1970-01-01T00:01:00Z""#,
            ] { #expect(alerts.contains(piece), "\(piece) in \(alerts)") }
            let rules = try await ServerTests.ask(server, "/alerts/rules")
            #expect(
                rules.contains(
                    #"[{"Disabled":true,"Origin":"own","Rule":{"Comparison":">","Metric":"node_down","Name":"A","Seconds":5,"#
                ), "\(rules)")
            _ = try await ServerTests.ask(server, "/alerts")
            #expect(recorder.requests == ["alerts true", "alerts false"])
        }
    }

    @Test func `ways between nodes are spelled as the Engine API is`() async throws {
        try await with { server, recorder in
            let answer = try await ServerTests.ask(server, "/v1.50/swarm/paths")
            for piece in [
                #""From":"n1""#, #""To":"n2""#, #""Kind":"vxlan""#, #""Loss":0.5"#, #""Findings":["lossy"]"#,
                #""PathMTU":1400"#, #""RoundTripSeconds":0.5"#, #""MeasuredAt":"1970-01-01T00:01:00Z""#,
                #""DataPathPort":4789"#, #""IsWell":true"#,
            ] { #expect(answer.contains(piece), "\(piece) in \(answer)") }
            #expect(recorder.requests == ["paths"])
        }
    }

    @Test func `what is asked is passed on`() async throws {
        try await with { server, recorder in
            let made = try await ServerTests.ask(
                server, "/alerts/silences", method: "POST",
                body: #"{"Alert":"0011","Labels":{"a":"b"},"Seconds":60,"Comment":"c","Later":1}"#)
            #expect(made.hasPrefix("HTTP/1.1 201") && made.contains(#"{"ID":"s2"}"#), "\(made)")
            for (method, path, body) in [
                ("DELETE", "/alerts/silences/s%201", nil), ("POST", "/alerts/rules/A/disable", nil),
                ("POST", "/alerts/rules/A/enable", nil),
                ("POST", "/alerts/rules", #"{"Name":"A","Metric":"node_down","Comparison":">","Threshold":1}"#),
            ] as [(String, String, String?)] {
                let answer = try await ServerTests.ask(server, path, method: method, body: body)
                #expect(answer.hasPrefix("HTTP/1.1 204"), "\(path): \(answer)")
            }
            #expect(
                recorder.requests == [
                    #"silence 0011 ["a": "b"] 60 c"#, "end s 1", "switch A false", "switch A true",
                    "rule A node_down>1.0",
                ])
        }
    }

    @Test func `what is wrong is refused in the API's form`() async throws {
        try await with { server, recorder in
            for (method, path, body, status) in [
                ("DELETE", "/alerts/rules/DiskFull", nil, 409), ("GET", "/alerts/nothing", nil, 404),
                ("POST", "/alerts", nil, 404), ("GET", "/alerts/rules/A", nil, 404),
                ("POST", "/alerts/rules/A/remove", nil, 404), ("POST", "/alerts/rules", "{", 400),
                ("POST", "/alerts/rules", #"{"Threshold":"x"}"#, 400), ("POST", "/alerts/silences", "[]", 400),
                (
                    "POST", "/alerts/silences", #"{"Comment":"\#(String(repeating: "x", count: 70_000))"}"#, 400
                ),
            ] as [(String, String, String?, Int)] {
                let answer = try await ServerTests.ask(server, path, method: method, body: body)
                #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(method) \(path): \(answer.prefix(200))")
                #expect(answer.contains(#"{"message":""#))
            }
            #expect(recorder.requests.isEmpty)
        }
    }

    @Test func `what is used is asked by services, and unknown figures are left out`() async throws {
        try await with { server, recorder in
            let answer = try await ServerTests.ask(server, "/usage?service=web&service=a%20b")
            #expect(answer.contains(#""Cores":1.5"#) && answer.contains(#""MemoryBytes":18446744073709551615"#))
            #expect(!answer.contains("MeasuredAt") && answer.contains(#""Nodes":[]"#), "\(answer)")
            _ = try await ServerTests.ask(server, "/usage")
            #expect(recorder.requests == [#"usage ["web", "a b"]"#, "usage []"])
        }
    }

    @Test func `a daemon without them has no such paths`() async throws {
        try await ServerFixture.with { server in
            for path in ["/alerts", "/alerts/rules", "/usage"] {
                let answer = try await ServerTests.ask(server, path)
                #expect(answer.hasPrefix("HTTP/1.1 404"), "\(path)")
            }
        }
    }
}
