import Faults
import Model
import Orchestration

/// How a service's mode and its updates may be described, and what is filled in.
enum ModeRules {
    static func check(_ spec: inout ServiceSpec, replacing former: ServiceSpec?) throws {
        var mode = spec.mode
        let given = [mode.replicated != nil, mode.global != nil, mode.replicatedJob != nil, mode.globalJob != nil]
        guard given.count(where: \.self) <= 1 else {
            throw APIError(.invalidInput, "must specify only one service mode")
        }
        if mode.replicatedJob == nil, mode.global == nil, mode.globalJob == nil {
            mode.replicated = .init(replicas: mode.replicated?.replicas ?? 1)
        }
        if let job = mode.replicatedJob {
            // Source: Engine API 1.50, `ServiceSpec.Mode.ReplicatedJob`.
            let concurrent = job.maxConcurrent ?? 1
            mode.replicatedJob = .init(maxConcurrent: concurrent, totalCompletions: job.totalCompletions ?? concurrent)
        }
        for count in [
            mode.replicated?.replicas, mode.replicatedJob?.maxConcurrent, mode.replicatedJob?.totalCompletions,
        ] where Int64(exactly: count ?? 0) == nil {
            throw APIError.invalidArgument("Number of replicas must be non-negative")
        }
        spec.mode = mode
        if let former, former.modeName != spec.modeName {
            throw APIError(
                .notImplemented, "rpc error: code = Unimplemented desc = service mode change is not allowed")
        }
        if spec.isJob {
            guard spec.updateConfig == nil, spec.rollbackConfig == nil else {
                throw APIError.invalidArgument("a job can have neither an update nor a rollback configuration")
            }
        }
        if spec.taskTemplate.placement?.maxReplicas ?? 0 > 0, spec.isPerNode {
            throw APIError.invalidArgument("replicas-max-per-node can only be used with replicated services")
        }
        try check(spec.updateConfig, "update")
        try check(spec.rollbackConfig, "rollback")
    }

    private static func check(_ configuration: UpdateConfiguration?, _ name: String) throws {
        guard let configuration else { return }
        let actions = name == "update" ? ["", "pause", "continue", "rollback"] : ["", "pause", "continue"]
        guard actions.contains(configuration.failureAction ?? "") else {
            throw APIError(
                .invalidInput, "unrecognized \(name) failure action \(configuration.failureAction ?? "")")
        }
        guard ["", "stop-first", "start-first"].contains(configuration.order ?? "") else {
            throw APIError(.invalidInput, "unrecognized \(name) order \(configuration.order ?? "")")
        }
        if configuration.delay < 0 { throw APIError.invalidArgument("TaskSpec: \(name)-delay cannot be negative") }
        if configuration.monitor < 0 {
            throw APIError.invalidArgument("TaskSpec: \(name)-monitor cannot be negative")
        }
        guard (0...1).contains(configuration.maxFailureRatio) else {
            throw APIError.invalidArgument(
                "TaskSpec: \(name)-maxfailureratio cannot be less than 0 or bigger than 1")
        }
    }
}
