import Faults
import Model
import Orchestration

/// What a task's specification must be like, in Docker's words. What does not reach the container is refused here.
enum TaskRules {
    static func check(_ template: TaskSpec) throws {
        guard template.pluginSpec == nil, template.networkAttachmentSpec == nil,
            ["", "container"].contains(template.runtime ?? "")
        else { throw APIError.notBuilt("a service of another kind than containers") }
        guard let container = template.containerSpec else {
            throw APIError.invalidArgument("TaskSpec: missing runtime")
        }
        try check(container)
        try check(template.placement ?? Placement())
        try check(template.restartPolicy)
        try check(template.resources?.limits)
        try check(template.resources?.reservations)
        let limits = template.resources?.limits ?? NodeResources()
        let reservations = template.resources?.reservations ?? NodeResources()
        if !(reservations.genericResources ?? []).isEmpty || !(limits.genericResources ?? []).isEmpty {
            throw APIError.notBuilt("reserving generic resources")
        }
        if reservations.pids > 0 { throw APIError.notBuilt("reserving a number of processes") }
    }

    private static func check(_ resources: NodeResources?) throws {
        guard let resources else { return }
        guard resources.nanoCPUs == 0 || resources.nanoCPUs >= 1_000_000 else {
            throw APIError.invalidArgument(
                "invalid cpu value \(Double(resources.nanoCPUs) / 1e9): Must be at least 0.001")
        }
        guard resources.memoryBytes == 0 || resources.memoryBytes >= 4 << 20 else {
            throw APIError.invalidArgument("invalid memory value \(resources.memoryBytes): Must be at least 4MiB")
        }
    }

    private static func check(_ policy: TaskRestartPolicy?) throws {
        guard let policy else { return }
        guard ["", "none", "on-failure", "any"].contains(policy.condition ?? "") else {
            throw APIError(.invalidInput, "invalid RestartCondition: \"\(policy.condition ?? "")\"")
        }
        if policy.delay ?? 0 < 0 { throw APIError.invalidArgument("TaskSpec: restart-delay cannot be negative") }
        if policy.window ?? 0 < 0 { throw APIError.invalidArgument("TaskSpec: restart-window cannot be negative") }
    }

    private static func check(_ placement: Placement) throws {
        for constraint in placement.constraints ?? [] { _ = try PlacementConstraint(constraint) }
        for preference in placement.preferences ?? [] {
            // Any text is taken, as Docker takes it: one that names no label has no effect.
            guard preference.spread != nil else {
                throw APIError.invalidArgument("TaskSpec: a placement preference must be a spread")
            }
        }
    }

    private static func check(_ container: ContainerSpec) throws {
        guard !container.image.isEmpty else {
            throw APIError.invalidArgument("ContainerSpec: image reference must be provided")
        }
        if !(container.secrets ?? []).isEmpty { throw APIError.notBuilt("a service with secrets") }
        if !(container.configs ?? []).isEmpty { throw APIError.notBuilt("a service with configs") }
        if !["", "default"].contains(container.isolation ?? "") {
            throw APIError.notBuilt("isolation \(container.isolation ?? "")")
        }
        if container.stopGracePeriod ?? 0 < 0 {
            throw APIError.invalidArgument("ContainerSpec: stop-grace-period cannot be negative")
        }
        _ = try ServicePrivileges(container.privileges)
        var targets = Set<String>()
        for mount in container.mounts ?? [] {
            guard ["bind", "volume", "tmpfs"].contains(mount.type) else {
                throw APIError.notBuilt("a mount of type \(mount.type)")
            }
            guard mount.target.hasPrefix("/") else {
                throw APIError(
                    .invalidInput, "invalid mount target, must be an absolute path: \(mount.target)")
            }
            guard targets.insert(mount.target).inserted else {
                throw APIError.invalidArgument("ContainerSpec: duplicate mount point: \(mount.target)")
            }
        }
        try checkTemplates(container)
    }

    /// Source of the texts: SwarmKit.
    private static func checkTemplates(_ container: ContainerSpec) throws {
        for text in container.env ?? [] { try checkTemplate(text, "env failed: expanding env \"\(text)\"") }
        for mount in container.mounts ?? [] {
            try checkTemplate(mount.source, "mounts failed: expanding mount source \"\(mount.source)\"")
            try checkTemplate(mount.target, "mounts failed: expanding mount target \"\(mount.target)\"")
            for text in (mount.volumeOptions?.labels ?? [:]).values {
                try checkTemplate(text, "mounts failed: expanding volume labels")
            }
            for text in (mount.volumeOptions?.driverConfig?.options ?? [:]).values {
                try checkTemplate(text, "mounts failed: expanding volume driver options")
            }
        }
        try checkTemplate(container.hostname ?? "", "hostname failed")
    }

    private static func checkTemplate(_ text: String, _ what: String) throws {
        do { try ServiceTemplate.check(text) } catch {
            switch error {
            case .wrong(let reason): throw APIError.invalidArgument("expanding \(what): \(reason)")
            case .notBuilt(let action): throw APIError.notBuilt("the template \(action)")
            }
        }
    }
}

extension APIError {
    static func invalidArgument(_ text: String) -> APIError {
        APIError(.invalidInput, "rpc error: code = InvalidArgument desc = \(text)")
    }

    static func notBuilt(_ what: String) -> APIError {
        APIError(.notImplemented, "\(what) is not implemented by apus yet")
    }
}
