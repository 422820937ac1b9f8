import EngineInterface
import Model
import Testing

@testable import Engine
@testable import LogDrivers

/// Every option of every log driver changes something, or is in the table of those without effect: who asks for something never believes to have it without.
@Suite struct OptionEffectTests {
    /// Options that a driver works with, of which one or the other leaves room for each of its own.
    private static let bases: [String: [[String: String]]] = [
        "awslogs": [["awslogs-group": "g", "awslogs-region": "r"]],
        "elasticsearch": [
            ["elasticsearch-url": "http://h"], ["elasticsearch-url": "http://h", "elasticsearch-user": "u"],
        ],
        "fluentd": [
            ["fluentd-address": "tcp://h:1"], ["fluentd-address": "tls://h:1"],
            ["fluentd-address": "tcp://h:1", "fluentd-shared-key": "k"],
        ],
        "gelf": [["gelf-address": "udp://h:1"], ["gelf-address": "tcp://h:1"]], "journald": [[:]],
        "json-file": [["max-size": "1m", "max-file": "3"]], "local": [[:]], "loki": [["loki-url": "http://h"]],
        "otlp": [["otlp-endpoint": "http://h"]],
        "splunk": [
            ["splunk-url": "http://h", "splunk-token": "t"],
            ["splunk-url": "http://h", "splunk-token": "t", "splunk-gzip": "true"],
        ],
        "syslog": [["syslog-address": "tcp://h:1"], ["syslog-address": "tcp+tls://h:1"]],
    ]

    /// What options may need beside them: a tag that has labels and variables, a mode that a buffer goes with.
    private static let additions: [[String: String]] = [
        [:], ["tag": "{{.ExtraAttributes nil}}"], ["mode": "non-blocking"],
    ]

    /// Values of options that are no flags. Those of `awslogs-datetime-format` and the like find what ``DriverSamples`` has.
    private static let samples: [String: String] = [
        "awslogs-credentials-endpoint": "/c", "awslogs-datetime-format": "%Y", "awslogs-endpoint": "http://other",
        "awslogs-force-flush-interval-seconds": "7", "awslogs-format": "json/emf", "awslogs-group": "other",
        "awslogs-max-buffered-events": "10", "awslogs-max-event-bytes": "2048", "awslogs-multiline-pattern": "^a",
        "awslogs-region": "other", "awslogs-stream": "s", "cache-max-file": "3", "cache-max-size": "1m",
        "elasticsearch-api-key": "key", "elasticsearch-index": "other", "elasticsearch-password": "word",
        "elasticsearch-pipeline": "p", "elasticsearch-tls-ca-cert": "/a", "elasticsearch-tls-cert": "/c",
        "elasticsearch-tls-key": "/k", "elasticsearch-url": "http://other", "elasticsearch-user": "other",
        "env": "zone", "env-regex": "^zo", "fluentd-address": "other:2", "fluentd-async-reconnect-interval": "1s",
        "fluentd-buffer-limit": "8m", "fluentd-max-retries": "3", "fluentd-password": "word",
        "fluentd-read-timeout": "2s", "fluentd-retry-wait": "2s", "fluentd-shared-key": "other",
        "fluentd-tls-ca-cert": "/a", "fluentd-tls-cert": "/c", "fluentd-tls-key": "/k", "fluentd-username": "u",
        "fluentd-write-timeout": "2s", "gelf-address": "tcp://other:2", "gelf-compression-level": "5",
        "gelf-compression-type": "zlib", "gelf-tcp-max-reconnect": "5", "gelf-tcp-reconnect-delay": "5",
        "labels": "tier.name", "labels-regex": "^tier", "loki-batch-size": "2048", "loki-batch-wait": "2s",
        "loki-external-labels": "job=x", "loki-max-backoff": "2s", "loki-min-backoff": "2s", "loki-retries": "3",
        "loki-tenant-id": "t", "loki-timeout": "2s", "loki-tls-ca-file": "/a", "loki-tls-cert-file": "/c",
        "loki-tls-key-file": "/k", "loki-tls-server-name": "name", "loki-url": "http://other",
        "max-buffer-size": "1m", "max-file": "4", "max-size": "2m", "mode": "non-blocking",
        "otlp-compression": "none", "otlp-endpoint": "http://other", "otlp-headers": "a=b", "otlp-tls-ca-cert": "/a",
        "otlp-tls-cert": "/c", "otlp-tls-key": "/k", "splunk-caname": "name", "splunk-capath": "/a",
        "splunk-format": "raw", "splunk-gzip-level": "5", "splunk-index": "i", "splunk-source": "s",
        "splunk-sourcetype": "s", "splunk-token": "other", "splunk-url": "http://other", "spool-max-size": "500m",
        "syslog-address": "udp://other:2", "syslog-facility": "local1", "syslog-format": "rfc5424",
        "syslog-tls-ca-cert": "/a", "syslog-tls-cert": "/c", "syslog-tls-key": "/k", "tag": "x-{{.Name}}",
    ]

    /// All that options bring about; `nil` where they are refused.
    private static func effect(_ driver: String, _ options: [String: String]) -> [String]? {
        var host = HostConfiguration()
        host.logConfig.type = driver
        host.logConfig.config = options
        let record = ContainerRecord(
            id: "c", name: "c", created: DriverSamples.time, imageID: "", configuration: ContainerConfiguration(),
            hostConfig: host, commandLine: ["x"])
        do {
            let kept = try LogOptions(host.logConfig)
            var effect = ["\(kept.size) \(kept.count) \(kept.compresses) \(record.hasReadableLog)"]
            guard let made = try DriverTable.make(driver, options, host: DriverSamples.host) else {
                // What `docker logs --details` shows.
                let read = LogDriverOptions(driver: driver, values: options)
                let extras = try read.extras(of: DriverSamples.origin).sorted { $0.key < $1.key }
                effect += ["\(extras)", try LogTag.render(read, DriverSamples.origin, DriverSamples.host)]
                return effect
            }
            var encoder = try made.makeEncoder(for: DriverSamples.origin)
            let hold = encoder.longestHold.map { "\($0)" } ?? "none"
            effect += [made.destination, made.shownAddress, "\(made.makeTransport().limits)"]
            effect += ["\(encoder.group) \(encoder.longestText) \(hold)"]
            let encoded = encoder.encode(DriverSamples.line("x")) + encoder.flush()
            return effect + encoded.map { "\($0.bytes)" }
        } catch { return nil }
    }

    /// Whether an option is ever accepted, and whether it ever changes anything.
    private static func look(_ driver: String, _ name: String) throws -> (isAccepted: Bool, acts: Bool) {
        var (isAccepted, acts) = (false, false)
        let bases = try #require(Self.bases[driver])
        for base in bases {
            _ = try #require(effect(driver, base), "\(base) is refused")
            for more in additions {
                let options = base.merging(more) { $1 }
                guard let usual = effect(driver, options) else { continue }
                for value in samples[name].map({ [$0] }) ?? ["true", "false"] {
                    guard let other = effect(driver, options.merging([name: value]) { $1 }) else { continue }
                    isAccepted = true
                    if other != usual { acts = true }
                }
            }
        }
        return (isAccepted, acts)
    }

    @Test(arguments: bases.keys.sorted())
    func `every option of a driver has an effect, or is told to have none`(driver: String) throws {
        let own = DriverTable.drivers.first { $0.name == driver }.map { $0.optionNames }
        let names = own?.union(LogDriverOptions.common) ?? LogOptions.known
        for name in names.sorted() {
            let isIdle = UnusedLogOption.all.contains { ["", driver].contains($0.driver) && $0.name == name }
            let (isAccepted, acts) = try Self.look(driver, name)
            if !isAccepted {
                // Some of those that all drivers have are refused by one.
                #expect(own?.contains(name) == false, "\(name) is never accepted")
                continue
            }
            #expect(acts != isIdle, "\(name) \(acts ? "has an effect" : "has none"), whatever the table says")
        }
    }

    @Test func `the table has options of all drivers and no others`() {
        #expect(Set(Self.bases.keys) == Set(DriverTable.names + ["json-file", "local"]))
        for row in UnusedLogOption.all {
            let own = DriverTable.drivers.first { $0.name == row.driver }.map { $0.optionNames }
            #expect((own ?? LogDriverOptions.common).contains(row.name), "\(row.name)")
            #expect(!row.reason.isEmpty)
        }
    }
}
