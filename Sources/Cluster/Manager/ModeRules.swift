import EngineInterface
import Model
import Orchestration

/// How a service's mode and its updates may be described, and what is filled in.
enum ModeRules {
    static func check(_ spec: inout ServiceSpec, replacing former: ServiceSpec?) throws {
        var mode = spec.mode
        let given = [mode.replicated != nil, mode.global != nil, mode.replicatedJob != nil, mode.globalJob != nil]
        guard given.count(where: \.self) <= 1 else {
            throw ServiceError.severalModes
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
            throw ServiceError.negativeReplicas
        }
        spec.mode = mode
        if let former, former.modeName != spec.modeName {
            throw ServiceError.modeChanged
        }
        if spec.isJob {
            if spec.updateConfig != nil { throw ServiceError.rolloutOfJob(.update) }
            if spec.rollbackConfig != nil { throw ServiceError.rolloutOfJob(.rollback) }
        }
        if spec.taskTemplate.placement?.maxReplicas ?? 0 > 0, spec.isPerNode {
            throw ServiceError.perNodeMaximumOfGlobal
        }
        try check(spec.updateConfig, .update)
        try check(spec.rollbackConfig, .rollback)
    }

    private static func check(_ configuration: UpdateConfiguration?, _ rollout: ServiceRollout) throws {
        guard let configuration else { return }
        // Of rollbacks, too, as with Docker: one that fails is paused, as there is nothing to go back to.
        guard ["", "pause", "continue", "rollback"].contains(configuration.failureAction ?? "") else {
            throw ServiceError.unknownFailureAction(configuration.failureAction ?? "")
        }
        guard ["", "stop-first", "start-first"].contains(configuration.order ?? "") else {
            throw ServiceError.unknownOrder(configuration.order ?? "")
        }
        if configuration.delay < 0 { throw ServiceError.negativeDelay(rollout) }
        if configuration.monitor < 0 {
            throw ServiceError.negativeMonitor(rollout)
        }
        guard (0...1).contains(configuration.maxFailureRatio) else {
            throw ServiceError.failureRatioOutOfRange(rollout)
        }
    }
}
