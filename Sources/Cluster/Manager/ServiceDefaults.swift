import Model
import Orchestration

extension ServiceSpec {
    /// What holds where a specification says nothing. Source: Docker's documentation of `service create`.
    mutating func fillIn() {
        if var container = taskTemplate.containerSpec {
            container.stopGracePeriod = container.stopGracePeriod ?? 10_000_000_000
            container.dnsConfig = container.dnsConfig ?? NameServiceConfiguration()
            taskTemplate.containerSpec = container
        }
        var resources = taskTemplate.resources ?? ResourceRequirements()
        resources.limits = resources.limits ?? NodeResources()
        resources.reservations = resources.reservations ?? NodeResources()
        taskTemplate.resources = resources
        var restart = taskTemplate.restartPolicy ?? TaskRestartPolicy()
        restart.condition = restart.condition ?? (isJob ? "on-failure" : "any")
        restart.delay = restart.delay ?? 5_000_000_000
        restart.maxAttempts = restart.maxAttempts ?? 0
        taskTemplate.restartPolicy = restart
        taskTemplate.placement = taskTemplate.placement ?? Placement()
        if !isJob {
            updateConfig = updateConfig ?? .usual
            rollbackConfig = rollbackConfig ?? .usual
        }
    }
}

extension UpdateConfiguration {
    fileprivate static var usual: UpdateConfiguration {
        var usual = UpdateConfiguration()
        usual.parallelism = 1
        usual.failureAction = "pause"
        usual.monitor = 5_000_000_000
        usual.order = "stop-first"
        return usual
    }
}
