import EngineInterface
@testable import LogDrivers
import Model
import Testing

@Suite struct HTTPDriverTests {
    private func encoded(_ count: Int) -> [EncodedLine] {
        (0..<count).map { EncodedLine(DriverSamples.line("\($0)", offset: Int64($0)), Array("\($0)".utf8)) }
    }

    // MARK: Delivery

    @Test(arguments: [[], [0], [7], [3, 4], [0, 1, 2, 3, 4, 5, 6]])
    func `what a receiver does not want is found line by line, and the others are taken`(bad: [Int]) async throws {
        var delivery = HTTPDelivery(DriverSamples.batch(encoded(8)))
        var sent: [Int] = []
        let outcome = try await delivery.run(shares: [Array(0..<8)]) { share in
            if share.contains(where: bad.contains) { return (.unwanted("bad"), nil) }
            sent += share
            return (.accepted, nil)
        }
        #expect(sent == (0..<8).filter { !bad.contains($0) })
        if bad.isEmpty {
            #expect(outcome == .accepted)
        } else {
            #expect(outcome == .mixed((0..<8).map { bad.contains($0) ? .refused("bad") : .accepted }))
        }
    }

    @Test func `a receiver that wants nothing at all loses nothing`() async throws {
        var delivery = HTTPDelivery(DriverSamples.batch(encoded(1000)))
        var requests = 0
        let outcome = try await delivery.run(shares: [Array(0..<1000)]) { _ in
            requests += 1
            return (.unwanted("no such index"), nil)
        }
        #expect(outcome == .later(nil, reason: "no such index"))
        #expect(requests == 65)
    }

    @Test func `what was taken before the receiver had enough is not sent again`() async throws {
        var delivery = HTTPDelivery(DriverSamples.batch(encoded(4)))
        let outcome = try await delivery.run(shares: [[0, 2], [1, 3]]) { share in
            share == [0, 2] ? (.accepted, nil) : (.later("busy"), .seconds(7))
        }
        #expect(outcome == .mixed([.accepted, .again, .accepted, .again], retryAfter: .seconds(7)))
        var none = HTTPDelivery(DriverSamples.batch(encoded(4)))
        let later = try await none.run(shares: [[0, 1, 2, 3]]) { _ in (.later("busy"), .seconds(7)) }
        #expect(later == .later(.seconds(7), reason: "busy"))
    }

    @Test func `a status that no line can be blamed for keeps the lines`() {
        for status in [401, 403, 404, 408, 429, 500, 502, 503, 504] {
            #expect(HTTPReply(status: status).usualVerdict == .later("HTTP status \(status)"))
        }
        #expect(HTTPReply(status: 204).usualVerdict == .accepted)
        #expect(HTTPReply(status: 400, body: Array("a\nb".utf8)).usualVerdict == .unwanted("HTTP status 400: a b"))
    }

    // MARK: OTLP

    /// By opentelemetry-proto 1.45 in Python.
    @Test func `records are what OpenTelemetry's own library writes`() {
        let recorded =
            "0af1030aa8020a150a0c736572766963652e6e616d6512050a037765620a520a0c636f6e7461696e65722e696412420a40"
            + String(repeating: "63", count: 64)
            + "0a190a0e636f6e7461696e65722e6e616d6512070a057765622e310a200a14636f6e7461696e65722e696d6167652e6e616d6512080a06616c70696e65"
            + "0a200a12636f6e7461696e65722e696d6167652e6964120a0a087368613235363a310a230a16636f6e7461696e65722e636f6d6d616e645f6c696e65"
            + "12090a077368202d6320780a130a09686f73742e6e616d6512060a046e6f64650a150a03746167120e0a0c636363636363636363636363"
            + "0a0b0a047a6f6e6512030a016112c3010a060a04617075731238097bb23d653cf2861810092a080a0668c3a46c6c6f32180a0c6c6f672e696f73747265616d"
            + "12080a067374646f7574597bb23d653cf28618127f097bb23d653cf2861810112a043a02ff0032180a0c6c6f672e696f73747265616d12080a067374646572"
            + "7232160a0e6c6f672e7061727469616c2e696412040a02616232190a136c6f672e7061727469616c2e6f7264696e616c1202180232160a106c6f672e7061"
            + "727469616c2e6c61737412021000597bb23d653cf28618"
        var container = DriverSamples.container
        container.origin.labels = ["com.docker.swarm.service.name": "web"]
        let records = [
            OTLPRecords.record(DriverSamples.line("hällo")),
            OTLPRecords.record(
                DriverSamples.line([0xFF, 0], .error, piece: .init(id: "ab", ordinal: 2, isLast: false))),
        ]
        #expect(
            OTLPRecords.request([(OTLPRecords.resource(container), records)])
                == DriverSamples.bytes(hexadecimal: recorded))
    }

    @Test func `a partial success says how many were refused`() {
        let dialect = OTLPDialect(url: "", headers: [], packing: HTTPBody(level: nil))
        let partial = DriverSamples.bytes(hexadecimal: "0a0c08ac021207746f6f206f6c64")
        #expect(OTLPRecords.refusal(partial)?.count == 300 && OTLPRecords.refusal(partial)?.reason == "too old")
        #expect(
            dialect.verdict(on: HTTPReply(status: 200, body: partial), of: 301)
                == .lines([.accepted] + Array(repeating: .refused("too old"), count: 300)))
        #expect(
            dialect.verdict(on: HTTPReply(status: 200, body: partial), of: 2)
                == .lines([.refused("too old"), .refused("too old")]))
        for body in [[], [0x0A], [0x0A, 0xFF, 0xFF], [UInt8](repeating: 0xFF, count: 40), [0x0A, 0x00]] {
            #expect(dialect.verdict(on: HTTPReply(status: 200, body: body), of: 2) == .accepted)
        }
    }

    @Test func `lines of one container share a resource`() {
        let dialect = OTLPDialect(url: "u", headers: [("A", "b")], packing: HTTPBody(level: nil))
        let lines = encoded(4)
        let items = zip(lines, [[1], [2], [1], [2]] as [[UInt8]]).map {
            LogBatch.Item(line: $0.0, group: $0.1, containerID: "c")
        }
        let batch = LogBatch(items)
        #expect(dialect.shares(of: batch) == [[0, 2, 1, 3]])
        #expect(
            dialect.post([0, 2, 1, 3], of: batch).body
                == OTLPRecords.request([
                    ([1], [lines[0].bytes, lines[2].bytes]), ([2], [lines[1].bytes, lines[3].bytes]),
                ]))
    }

    // MARK: Elasticsearch

    @Test func `a document is made once, by an id that its place in the log gives`() {
        let items = BulkItems(DriverSamples.container, index: "docker-%Y.%m.%d")
        let line = DriverSamples.line("a\"b", .error)
        let text = DriverSamples.text(items.encode(line)[0].bytes)
        let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(rows.count == 3 && rows[2].isEmpty)
        #expect(
            rows[0].hasPrefix("{\"create\":{\"_index\":\"docker-2026.01.02\",\"_id\":\"") && rows[0].hasSuffix("\"}}"))
        let id = String(repeating: "c", count: 64)
        let document = """
            {"@timestamp":"2026-01-02T15:04:05.000000123Z","message":"a\\"b",\
            "log":{"iostream":"stderr","level":"error","offset":100},\
            "host":{"name":"node"},"container":{"id":"\(id)","name":"web.1","image":{"name":"alpine"}},\
            "tag":"cccccccccccc","labels":{"zone":"a"}}
            """
        #expect(String(rows[1]) == document)
        #expect(items.encode(line) == items.encode(line))
        #expect(items.encode(line)[0].bytes != items.encode(DriverSamples.line("a\"b", .error, offset: 101))[0].bytes)
    }

    @Test func `each document's fate is its own`() {
        let dialect = BulkDialect(url: "", headers: [], packing: HTTPBody(level: nil))
        let answer =
            "{\"errors\":true,\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":409,\"error\":{\"type\":\"version_conflict\"}}},"
            + "{\"create\":{\"status\":429}},{\"create\":{\"status\":503}},{\"create\":{\"status\":400,\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"no\"}}}]}"
        let reply = HTTPReply(status: 200, body: Array(answer.utf8))
        #expect(
            dialect.verdict(on: reply, of: 5)
                == .lines([.accepted, .accepted, .again, .again, .refused("mapper_parsing_exception: no")]))
        #expect(dialect.verdict(on: reply, of: 4) == .later("_bulk answered of 5 documents, sent were 4"))
        #expect(dialect.verdict(on: HTTPReply(status: 200, body: Array("{\"errors\":false}".utf8)), of: 5) == .accepted)
        #expect(
            dialect.verdict(on: HTTPReply(status: 200, body: Array("ok".utf8)), of: 5)
                == .later("not an answer of _bulk: HTTP status 200: ok"))
    }

    @Test func `names of indices are Elasticsearch's`() {
        #expect(IndexName.expand("a-%Y%m%d%H", at: DriverSamples.time) == "a-2026010215")
        for name in ["docker", "docker-%Y.%m.%d", "a.b_c"] { #expect(IndexName.isValid(name)) }
        for name in ["", "_a", "-a", ".a", "A", "a b", "a/b", "a*", "a%q", "a,b", String(repeating: "a", count: 256)] {
            #expect(!IndexName.isValid(name))
        }
    }

    // MARK: Splunk, Loki

    @Test(
        arguments: [
            (
                .inline, "{\"a\":1}",
                "{\"line\":\"{\\\"a\\\":1}\",\"source\":\"stdout\",\"tag\":\"cccccccccccc\",\"attrs\":{\"zone\":\"a\"}}"
            ),
            (
                .json, "{\"a\":1}",
                "{\"line\":{\"a\":1},\"source\":\"stdout\",\"tag\":\"cccccccccccc\",\"attrs\":{\"zone\":\"a\"}}"
            ),
            (
                .json, "{\"a\":01}",
                "{\"line\":\"{\\\"a\\\":01}\",\"source\":\"stdout\",\"tag\":\"cccccccccccc\",\"attrs\":{\"zone\":\"a\"}}"
            ),
            (.raw, "a", "\"cccccccccccc zone=a a\""),
        ] as [(SplunkEvents.Format, String, String)])
    func `events of Splunk have Docker's three formats`(format: SplunkEvents.Format, line: String, event: String) {
        let encoder = SplunkEvents(DriverSamples.container, format: format, source: "s", sourceType: nil, index: "i")
        #expect(
            encoder.encode(DriverSamples.line(line)).map { DriverSamples.text($0.bytes) } == [
                "{\"event\":\(event),\"time\":\"1767366245.000000\",\"host\":\"node\",\"source\":\"s\",\"index\":\"i\"}"
            ])
        #expect(encoder.encode(DriverSamples.line(" \t")).isEmpty == (format == .raw))
    }

    @Test func `Splunk's codes tell bad events from a bad token`() {
        let dialect = SplunkDialect(url: "", headers: [], packing: HTTPBody(level: nil))
        func verdict(_ status: Int, _ body: String) -> HTTPVerdict {
            dialect.verdict(on: HTTPReply(status: status, body: Array(body.utf8)), of: 3)
        }
        #expect(verdict(200, "{\"text\":\"Success\",\"code\":0}") == .accepted)
        #expect(
            verdict(400, "{\"text\":\"Invalid data format\",\"code\":6}")
                == .unwanted("HTTP status 400: {\"text\":\"Invalid data format\",\"code\":6}"))
        #expect(verdict(400, "{\"code\":7}") == .later("HTTP status 400: {\"code\":7}"))
        #expect(verdict(403, "{\"code\":4}") == .later("HTTP status 403: {\"code\":4}"))
        #expect(verdict(503, "{\"code\":9}") == .later("HTTP status 503: {\"code\":9}"))
    }

    @Test func `streams of Loki are one for a container's output and one for its errors`() {
        let encoder = LokiEncoder(labels: LokiLabels.of(DriverSamples.container, external: [("job.name", "x")]))
        let lines = [
            DriverSamples.line("1"), DriverSamples.line("2", .error), DriverSamples.line("3"),
        ].flatMap { encoder.encode($0) }
        let dialect = LokiDialect(url: "u", headers: [], packing: HTTPBody(level: nil), limits: BatchLimits())
        let body = dialect.post([0, 1, 2], of: DriverSamples.batch(lines, group: encoder.group)).body
        let labels = "{\"container_name\":\"web.1\",\"host\":\"node\",\"job_name\":\"x\",\"zone\":\"a\",\"source\":"
        #expect(
            DriverSamples.text(body)
                == "{\"streams\":[{\"stream\":\(labels)\"stdout\"},\"values\":[[\"1767366245000000123\",\"1\"],[\"1767366245000000123\",\"3\"]]},"
                + "{\"stream\":\(labels)\"stderr\"},\"values\":[[\"1767366245000000123\",\"2\"]]}]}")
        #expect(JSONCheck.isValue(body))
    }
}
