import EngineInterface
import Faults
import Model
import OCI
import Orchestration

/// What a task's specification must be like, in Docker's words. What does not reach the container is refused here.
enum TaskRules {
    /// What runs the tasks is looked at before all else of a service. Source: moby, `convert.ServiceSpecToGRPC`.
    static func checkRuntime(_ template: TaskSpec) throws {
        guard ["", "container", "plugin"].contains(template.runtime ?? "") else {
            throw TaskSpecError.unsupportedRuntime
        }
        guard template.pluginSpec == nil, template.networkAttachmentSpec == nil, template.runtime != "plugin" else {
            throw UnsupportedError.feature("a service of another kind than containers")
        }
        guard template.containerSpec != nil else { throw TaskSpecError.mismatchedRuntime }
    }

    static func check(_ template: TaskSpec) throws {
        try checkRuntime(template)
        let container = template.containerSpec ?? ContainerSpec()
        try check(container)
        try check(template.placement ?? Placement())
        try check(template.restartPolicy)
        try check(template.resources?.limits)
        try check(template.resources?.reservations)
        let limits = template.resources?.limits ?? NodeResources()
        let reservations = template.resources?.reservations ?? NodeResources()
        if !(reservations.genericResources ?? []).isEmpty || !(limits.genericResources ?? []).isEmpty {
            throw UnsupportedError.feature("reserving generic resources")
        }
        if reservations.pids > 0 { throw UnsupportedError.feature("reserving a number of processes") }
    }

    private static func check(_ resources: NodeResources?) throws {
        guard let resources else { return }
        guard resources.nanoCPUs == 0 || resources.nanoCPUs >= 1_000_000 else {
            throw TaskSpecError.littleCPU(Double(resources.nanoCPUs) / 1e9)
        }
        guard resources.memoryBytes == 0 || resources.memoryBytes >= 4 << 20 else {
            throw TaskSpecError.littleMemory(resources.memoryBytes)
        }
    }

    private static func check(_ policy: TaskRestartPolicy?) throws {
        guard let policy else { return }
        guard ["", "none", "on-failure", "any"].contains(policy.condition ?? "") else {
            throw TaskSpecError.unknownRestartCondition(policy.condition ?? "")
        }
        if policy.delay ?? 0 < 0 { throw TaskSpecError.negativeRestartDelay }
        if policy.window ?? 0 < 0 { throw TaskSpecError.negativeRestartWindow }
    }

    private static func check(_ placement: Placement) throws {
        for constraint in placement.constraints ?? [] { try PlacementConstraint(constraint).check() }
        for preference in placement.preferences ?? [] {
            // Any text is taken, as Docker takes it: one that names no label has no effect.
            guard preference.spread != nil else {
                throw TaskSpecError.preferenceNotSpread
            }
        }
    }

    private static func check(_ container: ContainerSpec) throws {
        guard !container.image.isEmpty else {
            throw TaskSpecError.noImage
        }
        do { _ = try ImageReference(container.image) } catch { throw TaskSpecError.invalidImage(container.image) }
        if !(container.secrets ?? []).isEmpty { throw UnsupportedError.feature("a service with secrets") }
        if !(container.configs ?? []).isEmpty { throw UnsupportedError.feature("a service with configs") }
        if !["", "default"].contains(container.isolation ?? "") {
            throw UnsupportedError.feature("isolation \(container.isolation ?? "")")
        }
        if container.stopGracePeriod ?? 0 < 0 {
            throw TaskSpecError.negativeStopGrace
        }
        try check(container.healthcheck)
        _ = try ServicePrivileges(container.privileges)
        var targets = Set<String>()
        for mount in container.mounts ?? [] {
            guard ["bind", "volume", "tmpfs"].contains(mount.type) else {
                guard ["npipe", "cluster", "image"].contains(mount.type) else {
                    throw TaskSpecError.unknownMountType(mount.type)
                }
                throw UnsupportedError.feature("a mount of type \(mount.type)")
            }
            try checkWords(of: mount)
            guard mount.target.hasPrefix("/") else {
                throw TaskSpecError.relativeMountTarget(mount.target)
            }
            guard targets.insert(mount.target).inserted else {
                throw TaskSpecError.duplicateMountTarget(mount.target)
            }
        }
        try checkTemplates(container)
    }

    /// Source of the words and the texts: moby, `convert.containerToGRPC`.
    private static func checkWords(of mount: Mount) throws(TaskSpecError) {
        let propagation = mount.bindOptions?.propagation ?? ""
        guard ["", "private", "rprivate", "shared", "rshared", "slave", "rslave"].contains(propagation) else {
            throw .unknownMountPropagation(propagation)
        }
        let consistency = mount.consistency ?? ""
        guard ["", "default", "consistent", "cached", "delegated"].contains(consistency) else {
            throw .unknownMountConsistency(consistency)
        }
    }

    /// What nodes would refuse again and again, task after task.
    private static func check(_ check: HealthConfiguration?) throws(TaskSpecError) {
        guard let check else { return }
        let durations = [
            ("Interval", check.interval), ("Timeout", check.timeout), ("StartPeriod", check.startPeriod),
            ("StartInterval", check.startInterval),
        ]
        for (name, duration) in durations {
            if let duration, duration != 0, duration < HealthConfiguration.shortest { throw .shortHealthDuration(name) }
        }
        if check.retries ?? 0 < 0 { throw .negativeHealthRetries }
    }

    /// Source of the texts: SwarmKit.
    private static func checkTemplates(_ container: ContainerSpec) throws {
        for text in container.env ?? [] { try checkTemplate(text, .environment(text)) }
        for mount in container.mounts ?? [] {
            try checkTemplate(mount.source, .mountSource(mount.source))
            try checkTemplate(mount.target, .mountTarget(mount.target))
            for text in (mount.volumeOptions?.labels ?? [:]).values {
                try checkTemplate(text, .volumeLabels)
            }
            for text in (mount.volumeOptions?.driverConfig?.options ?? [:]).values {
                try checkTemplate(text, .volumeOptions)
            }
        }
        try checkTemplate(container.hostname ?? "", .hostname)
    }

    private static func checkTemplate(_ text: String, _ place: TemplatePlace) throws {
        do { try ServiceTemplate.check(text) } catch {
            switch error {
            case .wrong(let reason): throw TaskSpecError.invalidTemplate(place: place, reason: reason)
            case .notBuilt(let action): throw UnsupportedError.feature("the template \(action)")
            }
        }
    }
}
