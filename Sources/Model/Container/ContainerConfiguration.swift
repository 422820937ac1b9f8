/// What runs in a container: the `Config` of `POST /containers/create` and of an image.
package struct ContainerConfiguration: Codable, Sendable, Equatable {
    @Zero package var hostname: String
    @Zero package var domainname: String
    @Zero package var user: String
    @Zero package var attachStdin: Bool
    @Zero package var attachStdout: Bool
    @Zero package var attachStderr: Bool
    /// Keys as in `80/tcp`.
    package var exposedPorts: [String: Empty]?
    @Zero package var tty: Bool
    @Zero package var openStdin: Bool
    @Zero package var stdinOnce: Bool
    /// `NAME=value`; a bare `NAME` removes the image's variable.
    @Zero package var env: [String]
    @Nullable package var cmd: StringList?
    package var healthcheck: HealthConfiguration?
    package var argsEscaped: Bool?
    @Zero package var image: String
    /// Keys are paths in the container: each gets a volume unless something else is mounted there.
    @Nullable package var volumes: [String: Empty]?
    @Zero package var workingDir: String
    @Nullable package var entrypoint: StringList?
    package var networkDisabled: Bool?
    /// Of the network that the container is on by its network mode; newer clients give it with the endpoint.
    package var macAddress: String?
    @Nullable package var onBuild: [String]?
    package var labels: [String: String]?
    package var stopSignal: String?
    /// Seconds between the stop signal and SIGKILL.
    package var stopTimeout: Int?
    package var shell: StringList?

    package init() {}
}

/// A command line. The API takes a single string for a list of one.
package struct StringList: Codable, Sendable, Equatable {
    package var elements: [String]

    package init(_ elements: [String]) { self.elements = elements }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let element = try? container.decode(String.self) {  // Not a string: then it must be a list.
            elements = [element]
        } else {
            elements = try container.decode([String].self)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(elements)
    }
}

/// A health check. Durations are in nanoseconds; 0 means inherit.
package struct HealthConfiguration: Codable, Sendable, Equatable {
    /// `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", command]`; empty means inherit.
    @OmittedZero package var test: [String]
    /// From the end of one probe to the next.
    package var interval: Int64?
    /// A probe that takes longer has failed.
    package var timeout: Int64?
    /// In it failures do not count.
    package var startPeriod: Int64?
    /// The interval within the start period.
    package var startInterval: Int64?
    /// Failures in a row that make the container unhealthy; 0 means inherit, too.
    package var retries: Int?

    /// The least that a time may be, other than 0. Source: Docker's.
    package static let shortest: Int64 = 1_000_000

    package init() {}
}
