import LogDrivers

/// Where metrics are posted in OpenTelemetry's protocol, and how often.
package struct MetricsPushTarget: Sendable {
    /// Where a URL has no path.
    static let usualPath = "/v1/metrics"
    /// From one time to the next.
    package static let usualSeconds = 60

    let poster: OTLPPoster
    let seconds: Int

    /// Reads what is secret out of the environment: the headers of `OTEL_EXPORTER_OTLP_METRICS_HEADERS` or `OTEL_EXPORTER_OTLP_HEADERS`;
    /// and whom to trust, a PEM file, out of `OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE` or `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    /// - Parameters:
    ///   - endpoint: A URL of http or https.
    ///   - seconds: From 10 to 3600.
    /// - Returns: `nil` when one of them is not what it should be.
    package init?(endpoint: String, seconds: Int, environment: [String: String]) {
        func variable(_ name: String) -> String? {
            environment["OTEL_EXPORTER_OTLP_METRICS_\(name)"] ?? environment["OTEL_EXPORTER_OTLP_\(name)"]
        }
        guard (10...3600).contains(seconds),
            let poster = OTLPPoster(
                endpoint: endpoint, path: Self.usualPath, headers: variable("HEADERS") ?? "",
                authority: variable("CERTIFICATE"))
        else { return nil }
        self.poster = poster
        self.seconds = seconds
    }
}
