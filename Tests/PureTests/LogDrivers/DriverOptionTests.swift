import DockerMessages
import EngineInterface
@testable import LogDrivers
import Testing

@Suite struct DriverOptionTests {
    private func refusal(_ driver: String, _ options: [String: String]) -> LogOptionError? {
        do throws(LogOptionError) {
            _ = try DriverTable.make(driver, options, host: DriverSamples.host)
            return nil
        } catch { return error }
    }

    /// Docker's own sentences.
    @Test(
        arguments: [
            ("gelf", [:], "gelf-address is a required parameter"),
            ("gelf", ["gelf-address": "host:1"], "gelf-address should be in form proto://address, got host:1"),
            ("gelf", ["gelf-address": "unix://a"], "gelf: endpoint needs to be TCP or UDP"),
            ("gelf", ["gelf-address": "udp://host"], "gelf: please provide gelf-address as proto://host:port"),
            (
                "gelf", ["gelf-address": "tcp://host:1", "gelf-compression-type": "none"],
                "compression is only supported on UDP"
            ),
            (
                "gelf", ["gelf-address": "udp://host:1", "gelf-tcp-max-reconnect": "1"],
                "\"gelf-tcp-max-reconnect\" is only valid for TCP"
            ),
            (
                "gelf", ["gelf-address": "tcp://host:1", "gelf-tcp-max-reconnect": "-1"],
                "\"gelf-tcp-max-reconnect\" must be a positive integer"
            ),
            (
                "gelf", ["gelf-address": "udp://host:1", "gelf-compression-level": "10"],
                "unknown value \"10\" for log opt \"gelf-compression-level\" for gelf log driver"
            ),
            (
                "gelf", ["gelf-address": "udp://host:1", "gelf-compression-type": "lz4"],
                "unknown value \"lz4\" for log opt \"gelf-compression-type\" for gelf log driver"
            ),
            ("awslogs", [:], "must specify a value for log opt 'awslogs-group'"),
            (
                "awslogs", ["awslogs-group": "g", "awslogs-create-group": "x"],
                "must specify valid value for log opt 'awslogs-create-group': strconv.ParseBool: parsing \"x\": invalid syntax"
            ),
            (
                "awslogs", ["awslogs-group": "g", "awslogs-force-flush-interval-seconds": "0"],
                "must specify a positive integer for log opt 'awslogs-force-flush-interval-seconds': 0"
            ),
            (
                "awslogs", ["awslogs-group": "g", "awslogs-datetime-format": "%Y", "awslogs-multiline-pattern": "x"],
                "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time"
            ),
            ("awslogs", ["awslogs-group": "g", "awslogs-format": "xml"], "unsupported log format 'xml'"),
            (
                "awslogs", ["awslogs-group": "g", "awslogs-max-event-bytes": "1023"],
                "awslogs-max-event-bytes must be between 1024 and 1048550"
            ),
            ("splunk", [:], "splunk: splunk-url is expected"),
            (
                "splunk", ["splunk-url": "https://h:1/x"],
                "splunk: expected format scheme://dns_name_or_ip:port for splunk-url"
            ),
            ("splunk", ["splunk-url": "https://h:1"], "splunk: splunk-token is expected"),
            (
                "splunk", ["splunk-url": "https://h:1", "splunk-token": "t", "splunk-gzip-level": "10"],
                "not supported level '10' for splunk-gzip-level (supported values between -1 and 9)"
            ),
            (
                "splunk", ["splunk-url": "https://h:1", "splunk-token": "t", "splunk-verify-connection": "x"],
                "strconv.ParseBool: parsing \"x\": invalid syntax"
            ),
            ("loki", [:], "loki-url is required"),
            (
                "loki", ["loki-url": "http://h", "loki-external-labels": "job"],
                "invalid value for log opt 'loki-external-labels': name=value, separated by commas"
            ),
            ("otlp", ["otlp-endpoint": "x:1"], "otlp-endpoint: not a URL: \"x:1\""),
        ] as [(String, [String: String], String)])
    func `what is wrong with an option is said as Docker says it`(
        driver: String, options: [String: String], sentence: String
    ) {
        #expect(refusal(driver, options).map { DockerMessage.text(of: $0) } == sentence)
    }

    private static let complete: [(String, [String: String])] = [
        ("awslogs", ["awslogs-group": "g", "awslogs-region": "eu-central-1"]),
        ("elasticsearch", ["elasticsearch-url": "http://user:secret@h:9200/p"]),
        ("gelf", ["gelf-address": "udp://[::1]:12201"]), ("gelf", ["gelf-address": "tcp://h:1"]), ("journald", [:]),
        ("loki", ["loki-url": "http://user:secret@h:3100/loki/api/v1/push"]),
        ("otlp", ["otlp-endpoint": "http://h:4318"]),
        ("splunk", ["splunk-url": "https://h:8088", "splunk-token": "secret"]),
    ]

    @Test(arguments: complete) func `an option that a driver does not know is refused`(
        driver: String, options: [String: String]
    ) {
        #expect(refusal(driver, options) == nil)
        let mark = driver == "gelf" ? "\"" : "'"
        #expect(
            refusal(driver, options.merging(["x": "1"]) { $1 }).map { DockerMessage.text(of: $0) }
                == "unknown log opt \(mark)x\(mark) for \(driver) log driver")
        let takesLabels = refusal(driver, options.merging(["labels": "a"]) { $1 }) == nil
        #expect(takesLabels == (driver != "awslogs"))
    }

    @Test(arguments: complete) func `no secret is shown, and each one makes a destination of its own`(
        driver: String, options: [String: String]
    ) throws {
        let one = try #require(try DriverTable.make(driver, options, host: DriverSamples.host))
        #expect(!one.shownAddress.contains("secret") && !one.shownAddress.isEmpty)
        let others = options.mapValues { $0.replacing("secret", with: "other") }
        let other = try #require(try DriverTable.make(driver, others, host: DriverSamples.host))
        #expect((one.destination == other.destination) == (options == others))
        #expect(try !one.makeEncoder(for: DriverSamples.origin).encodeAll(DriverSamples.line("x")).isEmpty)
    }

    @Test func `an event of CloudWatch has as many bytes as it is told to`() throws {
        let options = ["awslogs-group": "g", "awslogs-region": "r", "awslogs-max-event-bytes": "1024"]
        let driver = try #require(try DriverTable.make("awslogs", options, host: DriverSamples.host))
        let line = DriverSamples.line(String(repeating: "a", count: 3000))
        let events = try driver.makeEncoder(for: DriverSamples.origin).encodeAll(line)
        #expect(events.map(\.bytes.count) == [1024, 1024, 952])
    }

    @Test func `further labels of Loki's streams are templates`() throws {
        let options = ["loki-url": "http://h", "loki-external-labels": "job={{.Name}},zone=a=b"]
        let driver = try #require(try DriverTable.make("loki", options, host: DriverSamples.host))
        let labels = DriverSamples.text(try driver.makeEncoder(for: DriverSamples.origin).group)
        #expect(!labels.contains("\"tag\""))
        #expect(labels.contains("\"job\":\"web.1\"") && labels.contains("\"zone\":\"a=b\""))
    }

    @Test func `a receiver on this host that is not there is told when a container is created`() throws {
        let driver = try JournaldDriver(
            LogDriverOptions(driver: "journald", values: [:]), host: DriverSamples.host, path: "/nowhere/socket")
        do throws(LogOptionError) {
            try driver.checkNode()
            Issue.record("there is no socket")
        } catch { #expect(DockerMessage.text(of: error) == "journald is not enabled on this host") }
        for options in [["otlp-endpoint": "https://h", "otlp-tls-ca-cert": "/nowhere"]] {
            let driver = try #require(try DriverTable.make("otlp", options, host: DriverSamples.host))
            #expect(throws: LogOptionError.self) { try driver.checkNode() }
        }
    }
}

extension LineEncoder {
    /// With what it keeps.
    fileprivate func encodeAll(_ line: ShippedLine) -> [EncodedLine] {
        var encoder = self
        return encoder.encode(line) + encoder.flush()
    }
}
