import Testing

@testable import Engine
@testable import LogDrivers
@testable import Telemetry

/// OpenTelemetry's metrics, read by a reader of the test's own.
@Suite struct OTLPMetricsTests {
    /// A message's fields by number; numbers of every width.
    private struct Fields {
        struct Short: Error {}

        var blocks: [UInt64: [[UInt8]]] = [:]
        var numbers: [UInt64: UInt64] = [:]

        init(_ bytes: [UInt8]) throws {
            var rest = bytes[...]
            func varint() throws -> UInt64 {
                var (value, shift): (UInt64, UInt64) = (0, 0)
                while true {
                    guard let byte = rest.popFirst() else { throw Short() }
                    value |= UInt64(byte & 0x7f) << shift
                    if byte < 0x80 { return value }
                    shift += 7
                }
            }
            while !rest.isEmpty {
                let key = try varint()
                switch key & 7 {
                case 0: numbers[key >> 3] = try varint()
                case 1:
                    numbers[key >> 3] = rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
                    rest = rest.dropFirst(8)
                case 2:
                    let count = Int(try varint())
                    try #require(rest.count >= count)
                    blocks[key >> 3, default: []].append(Array(rest.prefix(count)))
                    rest = rest.dropFirst(count)
                default: Issue.record("kind \(key & 7)")
                }
            }
        }

        func text(_ field: UInt64) -> String { String(decoding: blocks[field]?.first ?? [], as: UTF8.self) }
        func messages(_ field: UInt64) throws -> [Fields] { try (blocks[field] ?? []).map(Fields.init) }

        /// `KeyValue`s with texts.
        func attributes(_ field: UInt64) throws -> [String: String] {
            var all: [String: String] = [:]
            for pair in try messages(field) { all[pair.text(1)] = try pair.messages(2).first?.text(1) }
            return all
        }
    }

    private func resources(_ count: Int) throws -> [[Fields]] {
        let snapshot = ExpositionTests.snapshot(count)
        return try OTLPMetrics(hostname: "one", snapshot: snapshot).requests().map { try Fields($0).messages(1) }
    }

    @Test func `a container is a resource with its metrics`() throws {
        let all = try #require(try resources(3).first)
        #expect(all.count == 4)
        let node = try #require(try all[0].messages(1).first).attributes(1)
        #expect(node == ["service.name": "apusd", "host.name": "one"])
        let container = all[2]
        let attributes = try #require(try container.messages(1).first).attributes(1)
        #expect(attributes["container.name"] == "web.1" && attributes["service.name"] == "web")
        #expect(attributes["container.id"] == String(repeating: "1", count: 64))
        let scope = try #require(try container.messages(2).first)
        #expect(try scope.messages(1).first?.text(1) == "apus")
        var metrics: [String: Fields] = [:]
        for metric in try scope.messages(2) { metrics[metric.text(1)] = metric }
        let time = try #require(metrics["container.cpu.time"])
        #expect(time.text(3) == "s")
        let sum = try #require(try time.messages(7).first)
        #expect(sum.numbers == [2: 2, 3: 1], "cumulative, monotonic")
        let user = try #require(try sum.messages(1).first)
        #expect(try user.attributes(7) == ["cpu.mode": "user"])
        #expect(user.numbers[2] == 1_700_000_000_000_000_000 && user.numbers[3] == 1_700_000_100_000_000_000)
        #expect(user.numbers[4].map(Double.init(bitPattern:)) == 2.000006)
        let memory = try #require(try metrics["container.memory.working_set"]?.messages(7).first)
        #expect(memory.numbers == [2: 2], "it goes up and down")
        #expect(try memory.messages(1).first?.numbers[2] == nil)
        let network = try #require(try metrics["container.network.io"]?.messages(7).first)
        let points = try network.messages(1)
        #expect(points.count == 4)
        // A zero is a value.
        #expect(points.allSatisfy { $0.numbers[6] == 0 })
        #expect(
            try points.map { try $0.attributes(7)["network.io.direction"] } == [
                "receive", "transmit", "receive", "transmit",
            ])
        #expect(try metrics["container.uptime"]?.messages(5).first?.messages(1).first?.numbers[6] == 100)
        // The first one has no limit.
        let first = try #require(try all[1].messages(2).first).messages(2).map { $0.text(1) }
        #expect(!first.contains("apus.container.memory.limit"))
    }

    @Test func `many containers are several requests, each resource once`() throws {
        let all = try resources(450)
        #expect(all.map(\.count) == [200, 200, 51])
        let ids = try all.joined().compactMap { try $0.messages(1).first?.attributes(1)["container.name"] }
        #expect(ids.count == 450 && Set(ids).count == 450)
    }

    @Test func `options come from the command line and the environment`() {
        typealias Configuration = MetricsPushTarget
        let environment = ["OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem"]
        let push = Configuration(endpoint: "https://collector:4318", seconds: 60, environment: environment)
        #expect(push?.poster.shownAddress == "https://collector:4318/v1/metrics")
        #expect(
            Configuration(endpoint: "http://c/x", seconds: 10, environment: [:])?.poster.shownAddress == "http://c/x")
        #expect(Configuration(endpoint: "http://c", seconds: 9, environment: [:]) == nil)
        #expect(Configuration(endpoint: "c:4318", seconds: 60, environment: [:]) == nil)
        #expect(
            Configuration(endpoint: "http://c", seconds: 60, environment: ["OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x"])
                == nil)
    }
}
