import EngineInterface
import Model

/// How a container's health is asked for, and what the answers mean. Pure. Source: moby, `daemon/health.go`.
struct HealthPlan: Equatable, Sendable {
    /// The command in the container.
    let command: [String]
    let interval: Duration
    let timeout: Duration
    /// Failures of so long after the start do not count.
    let startPeriod: Duration
    /// The interval within the start period, until the first success.
    let startInterval: Duration
    /// So many failures in a row make a container unhealthy.
    let retries: Int

    /// How many results a container keeps.
    static let resultCapacity = 5
    /// How much of a probe's output is kept.
    static let outputBytes = 4096
    /// Docker's code for a probe that has given none: it took too long or could not be started.
    static let noExitCode = -1

    /// `nil` for a container without a health check.
    init?(_ configuration: ContainerConfiguration) {
        guard let check = configuration.healthcheck, let kind = check.test.first else { return nil }
        let arguments = Array(check.test.dropFirst())
        switch kind {
        case "CMD":
            guard !arguments.isEmpty else { return nil }
            command = arguments
        case "CMD-SHELL":
            let shell = configuration.shell?.elements ?? []
            command = (shell.isEmpty ? ["/bin/sh", "-c"] : shell) + arguments
        default: return nil
        }
        func duration(_ nanoseconds: Int64?, _ usual: Duration) -> Duration {
            nanoseconds.flatMap { $0 > 0 ? .nanoseconds($0) : nil } ?? usual
        }
        interval = duration(check.interval, .seconds(30))
        timeout = duration(check.timeout, .seconds(30))
        startPeriod = duration(check.startPeriod, .zero)
        startInterval = duration(check.startInterval, .seconds(5))
        retries = check.retries.flatMap { $0 > 0 ? $0 : nil } ?? 3
    }

    /// How long to wait for the next probe.
    func pause(_ health: HealthState, since start: Duration) -> Duration {
        start < startPeriod && health.status == Self.starting ? startInterval : interval
    }

    static let starting = "starting"
    static let healthy = "healthy"
    static let unhealthy = "unhealthy"

    /// What a start makes of the health: results of an earlier run stay to be seen.
    static func begin(_ before: HealthState?) -> HealthState {
        var health = before ?? HealthState()
        health.status = starting
        health.failingStreak = 0
        return health
    }

    /// Takes a probe's result in.
    /// - Parameter age: From the container's start to the probe's.
    func take(_ result: HealthState.HealthResult, age: Duration, into health: inout HealthState) {
        health.log = health.log.suffix(Self.resultCapacity - 1) + [result]
        if result.exitCode == 0 {
            health.failingStreak = 0
            health.status = Self.healthy
            return
        }
        if health.status == Self.starting, age < startPeriod { return }
        health.failingStreak += 1
        if health.failingStreak >= retries { health.status = Self.unhealthy }
    }

    /// What a container's own requests leave open is the image's.
    static func merge(_ asked: HealthConfiguration?, over image: HealthConfiguration?) -> HealthConfiguration? {
        guard var merged = asked else { return image }
        guard let image else { return merged }
        if merged.test.isEmpty { merged.test = image.test }
        if (merged.interval ?? 0) == 0 { merged.interval = image.interval }
        if (merged.timeout ?? 0) == 0 { merged.timeout = image.timeout }
        if (merged.startPeriod ?? 0) == 0 { merged.startPeriod = image.startPeriod }
        if (merged.startInterval ?? 0) == 0 { merged.startInterval = image.startInterval }
        if (merged.retries ?? 0) == 0 { merged.retries = image.retries }
        return merged
    }

    /// - Throws: ``ContainerOptionError``.
    static func check(_ requested: HealthConfiguration?) throws {
        guard let requested else { return }
        let durations = [
            ("Interval", requested.interval), ("Timeout", requested.timeout), ("StartPeriod", requested.startPeriod),
            ("StartInterval", requested.startInterval),
        ]
        for (name, value) in durations {
            if let value, value != 0, value < HealthConfiguration.shortest {
                throw ContainerOptionError.shortHealthDuration(name)
            }
        }
        if let retries = requested.retries, retries < 0 {
            throw ContainerOptionError.negativeHealthRetries
        }
    }

    /// The kind of a test that nobody knows: such a container has no health check. `nil` for those that are known, and for none.
    static func unknownKind(_ requested: HealthConfiguration?) -> String? {
        guard let kind = requested?.test.first, !["", "NONE", "CMD", "CMD-SHELL"].contains(kind) else { return nil }
        return kind
    }
}
