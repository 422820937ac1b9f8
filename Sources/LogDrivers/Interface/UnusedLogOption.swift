/// Options of log drivers that are accepted and have no effect, each with its reason. Every other one is acted upon; a test goes through all options of all
/// drivers. `docs/options.md` is printed from this table.
package struct UnusedLogOption: Sendable, Equatable {
    /// Empty for every driver.
    package let driver: String
    package let name: String
    package let reason: String

    private static let buffer =
        "no container waits for a receiver, and lines wait in the log's own files: there is no buffer in memory"
    private static let retrying =
        "lines are sent again until they are taken, with pauses of 0.1 to 60 seconds, whichever driver it is"
    private static let deadlines =
        "each driver has 3 seconds to connect, and 10 for the network and for an answer to make progress"

    package static let all: [UnusedLogOption] =
        rows("", [("mode", buffer), ("max-buffer-size", buffer)])
        + rows("awslogs", [("awslogs-max-buffered-events", buffer)])
        + rows(
            "fluentd",
            [
                ("fluentd-async", "every driver connects while its containers run, and none of them waits for it"),
                ("fluentd-async-connect", "as fluentd-async"), ("fluentd-async-reconnect-interval", retrying),
                ("fluentd-buffer-limit", buffer), ("fluentd-max-retries", retrying),
                ("fluentd-read-timeout", deadlines), ("fluentd-retry-wait", retrying),
                ("fluentd-write-timeout", deadlines),
            ])
        + rows("gelf", [("gelf-tcp-max-reconnect", retrying), ("gelf-tcp-reconnect-delay", retrying)])
        + rows(
            "loki",
            [
                ("loki-max-backoff", retrying), ("loki-min-backoff", retrying), ("loki-retries", retrying),
                ("loki-timeout", deadlines),
            ])
        + rows(
            "splunk",
            [("splunk-verify-connection", "nothing is asked of a receiver when a container is created or started")])

    /// Options that have an effect only beside others, in words.
    package static let conditions: [(driver: String, names: String, condition: String)] = [
        ("every one that speaks TLS", "those of certificates", "where the address asks for no TLS, as with Docker"),
        ("`elasticsearch`", "`elasticsearch-password`", "without `elasticsearch-user`"),
        (
            "`fluentd`", "`fluentd-username`, `fluentd-password`",
            "without `fluentd-shared-key`, or where the receiver does not ask for users"
        ),
        ("`none`", "all", "as with Docker: there is no log"),
        ("`splunk`", "`splunk-gzip-level`", "without `splunk-gzip`"),
        (
            "`syslog`", "`labels`, `labels-regex`, `env`, `env-regex`",
            "in messages, unless `tag` has `{{.ExtraAttributes nil}}`, as with Docker; `docker logs --details` shows them"
        ),
    ]

    private static func rows(_ driver: String, _ reasons: [(name: String, reason: String)]) -> [UnusedLogOption] {
        reasons.map { UnusedLogOption(driver: driver, name: $0.name, reason: $0.reason) }
    }
}
