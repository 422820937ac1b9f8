import DockerClient
import Model
import Templates

/// Parts of a service's specification that `create` and `update` read from the same flags.
struct ServiceParts {
    let flags: ParsedFlags

    // MARK: Updates, restarts, health

    /// - Parameter prefix: `update` or `rollback`.
    func updateConfiguration(_ prefix: String, over known: UpdateConfiguration?) throws -> UpdateConfiguration? {
        let names = ["parallelism", "delay", "monitor", "failure-action", "max-failure-ratio", "order"]
        guard flags.hasAny(names.map { "\(prefix)-\($0)" }) else { return nil }
        var result = known ?? Self.standardUpdate
        if let count = try flags.unsigned("\(prefix)-parallelism") { result.parallelism = count }
        if let delay = try flags.duration("\(prefix)-delay") { result.delay = delay }
        if let action = flags.string("\(prefix)-failure-action") { result.failureAction = action }
        if let monitor = try flags.duration("\(prefix)-monitor") { result.monitor = monitor }
        if let ratio = flags.string("\(prefix)-max-failure-ratio").flatMap(Double.init) {
            result.maxFailureRatio = ratio
        }
        if let order = flags.string("\(prefix)-order") { result.order = order }
        return result
    }

    private static var standardUpdate: UpdateConfiguration {
        var update = UpdateConfiguration()
        update.parallelism = 1
        update.failureAction = "pause"
        update.monitor = 5_000_000_000
        update.order = "stop-first"
        return update
    }

    func restartPolicy(over known: TaskRestartPolicy?) throws -> TaskRestartPolicy? {
        guard flags.hasAny(["restart-condition", "restart-delay", "restart-max-attempts", "restart-window"]) else {
            return nil
        }
        var result = known ?? Self.standardRestart
        if let condition = flags.string("restart-condition") { result.condition = condition }
        if let delay = try flags.duration("restart-delay") { result.delay = delay }
        if let count = try flags.unsigned("restart-max-attempts") { result.maxAttempts = count }
        if let window = try flags.duration("restart-window") { result.window = window }
        return result
    }

    private static var standardRestart: TaskRestartPolicy {
        var restart = TaskRestartPolicy()
        restart.condition = "any"
        restart.delay = 5_000_000_000
        restart.maxAttempts = 0
        return restart
    }

    func health(over known: HealthConfiguration?) throws -> HealthConfiguration? {
        let times = ["health-interval", "health-timeout", "health-start-period", "health-start-interval"]
        let hasOptions = flags.hasAny(times + ["health-cmd", "health-retries"])
        if flags.isSet("no-healthcheck") {
            guard !hasOptions else { throw ExitError(1, "--no-healthcheck conflicts with --health-* options") }
            var none = HealthConfiguration()
            none.test = ["NONE"]
            return none
        }
        guard hasOptions else { return nil }
        var result = known ?? HealthConfiguration()
        // A check that was taken away comes back with the options.
        if result.test == ["NONE"] { result.test = [] }
        if let command = flags.string("health-cmd") { result.test = command.isEmpty ? [] : ["CMD-SHELL", command] }
        if let interval = try flags.duration("health-interval") { result.interval = interval }
        if let timeout = try flags.duration("health-timeout") { result.timeout = timeout }
        if let retries = flags.number("health-retries") { result.retries = retries }
        if let period = try flags.duration("health-start-period") { result.startPeriod = period }
        if let interval = try flags.duration("health-start-interval") { result.startInterval = interval }
        return result
    }

    /// Options alone are those of the driver that the service has; what it had of them goes, as with another driver.
    func logDriver(over known: Driver?) -> Driver? {
        guard flags.has("log-driver") || flags.has("log-opt") else { return nil }
        return Driver(name: flags.string("log-driver") ?? known?.name ?? "", options: flags.dictionary("log-opt"))
    }

    // MARK: Placement and resources

    static func genericResource(_ text: String) throws -> GenericResource {
        let (kind, value) = GoText.pair(text)
        guard let value, !kind.isEmpty, !value.isEmpty else {
            throw ExitError(
                1,
                "invalid generic-resource request `\(text)`: incorrect term \(text), missing '=' or malformed expression"
            )
        }
        guard let count = Int64(value) else {
            throw ExitError(
                1,
                "invalid generic-resource request `\(text)`, Named Generic Resources is not supported for service create or update"
            )
        }
        var amount = GenericResource.Discrete()
        amount.kind = kind
        amount.value = count
        var resource = GenericResource()
        resource.discreteResourceSpec = amount
        return resource
    }

    /// The id of a network that services may use.
    static func networkID(_ name: String, _ client: DaemonClient) async throws -> String {
        try await client.json(.get(NetworkPath.of(name), [("scope", "swarm")]))["Id"].text
    }
}
